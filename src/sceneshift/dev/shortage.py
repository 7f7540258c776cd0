"""What to do where a client cannot be accepted for want of descriptors or memory.

It stays in the queue, and a loop that is told of it at once would do nothing else.
"""

from __future__ import annotations

import errno

PAUSE_S = 0.1
_SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def is_shortage(error: OSError) -> bool:
    """Say whether accepting failed for what may be there again in a while."""
    return error.errno in _SHORT
