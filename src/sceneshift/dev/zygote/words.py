"""Words that are signals, so that forked workers of a server hear them as well."""

from __future__ import annotations

import signal

# Real-time signals that neither the C library nor a server uses. Where there are none
# (macOS) there is no fork reload either, and nothing is said.
_FIRST: int = getattr(signal, "SIGRTMIN", -10) + 10

HOLD: int = _FIRST
"""Stop accepting connections, finish what there is."""

RESUME: int = _FIRST + 1 if _FIRST else 0
"""Accept again."""

RETIRE: int = _FIRST + 2 if _FIRST else 0
"""The successor is ready: hand over what can be."""

REPORT: int = _FIRST + 3 if _FIRST else 0
"""Say which modules are loaded."""

WORDS = frozenset({HOLD, RESUME, RETIRE, REPORT})
