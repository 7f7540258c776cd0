"""Where the state of a checkout lies."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sceneshift.core.errors import SceneshiftError

# `sun_path` holds 108 bytes on Linux and 104 on macOS, the closing NUL included.
_LONGEST_SOCKET_PATH = 103


@dataclass(frozen=True, slots=True)
class StateFolder:
    """`.sceneshift/` of one checkout: mode 0700, ignored by git.

    Attributes:
        root: The project's folder, absolute and without symbolic links.
    """

    root: Path

    @property
    def path(self) -> Path:
        """The folder itself; it may not exist yet."""
        return self.root / ".sceneshift"

    def make(self, *parts: str) -> Path:
        """Make the folder, or one below it, and return its path."""
        self.path.mkdir(mode=0o700, exist_ok=True)
        self.path.chmod(0o700)
        ignore = self.path / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        folder = self.path.joinpath(*parts)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def socket(self, name: str) -> Path:
        """Return a socket's path that is short enough for the system.

        It is in the folder where it fits, else in a folder of the user's own
        below the system's temporary one, under a hash of the project's path.
        """
        path = self.path / name
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
            return path
        key = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        return _private_folder() / f"{key}-{name}"


def _private_folder() -> Path:
    """Make and return a folder of the user's own; raise where another holds it."""
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    if len(os.fsencode(base)) > _LONGEST_SOCKET_PATH - 50:
        base = "/tmp"  # noqa: S108 - checked for its owner and mode below
    folder = Path(base) / f"sceneshift-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077 or folder.is_symlink():
        raise SceneshiftError(
            f"the folder for sockets is not yours alone: {folder}",
            hint=f"remove it: rm -r {folder}",
        )
    return folder
