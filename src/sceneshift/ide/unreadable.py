"""Files that cannot be read, though they are there."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sceneshift.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Turn what the system says of a file into one line.

    To take it for one that is not there would remove the entries that it makes.

    Raises:
        ConfigError: The system said something.
    """
    try:
        yield
    except OSError as exc:
        raise ConfigError(
            f"cannot be read: {exc.strerror}",
            file=path,
            hint=f"ls -ld {shlex.quote(str(path))}",
        ) from exc
