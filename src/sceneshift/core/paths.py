"""Where the state of a checkout lies."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from sceneshift.core.blake2 import blake2b
from sceneshift.core.errors import SceneshiftError

if TYPE_CHECKING:
    from collections.abc import Iterator

# `sun_path` holds 108 bytes on Linux and 104 on macOS, the closing NUL included.
_LONGEST_SOCKET_PATH = 103
_PLAIN = re.compile(r"[\w/.-]+", re.ASCII)
_SHARED = Path("/tmp")  # noqa: S108 - checked for owner and mode


class StateFolder:
    """`.sceneshift/` of one checkout: mode 0700, ignored by git.

    Attributes:
        root: The project's folder, absolute and without symbolic links.
        shared: A folder with a short path that every terminal of the user has; not
            TMPDIR or XDG_RUNTIME_DIR, which may be others there.
    """

    __slots__ = ("root", "shared")

    def __init__(self, root: Path, shared: Path = _SHARED) -> None:
        self.root = root
        self.shared = shared

    @property
    def path(self) -> Path:
        """The folder itself; it may not exist yet."""
        return self.root / ".sceneshift"

    def make(self, *parts: str) -> Path:
        """Make the folder, or one below it, and return its path.

        Raises:
            SceneshiftError: It cannot be made or written to.
        """
        try:
            return self._make(parts)
        except OSError as exc:
            reason = (exc.strerror or "").lower()
            raise SceneshiftError(
                f"the state folder cannot be made: {exc.filename}: {reason}",
                hint="it holds sockets and logs: make it a folder of your own",
            ) from exc

    def _make(self, parts: tuple[str, ...]) -> Path:
        self.path.mkdir(mode=0o700, exist_ok=True)
        self.path.chmod(0o700)
        ignore = self.path / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        folder = self.path.joinpath(*parts)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    @contextlib.contextmanager
    def being_written(self) -> Iterator[None]:
        """Tell a person what hinders writing in the folder.

        Raises:
            SceneshiftError: It cannot be written: read-only, not one's own, or full.
        """
        try:
            yield
        except OSError as error:
            where = os.fsdecode(error.filename or self.path)
            # A full disk is told without a name, when a file is closed.
            is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            if not (is_full or Path(where).is_relative_to(self.path)):
                raise
            raise SceneshiftError(
                f"the state of this checkout cannot be written: {where}: "
                f"{error.strerror}",
                hint=f"is it yours, and is there room? ls -la {self.root}; "
                f"df -h {self.root}",
            ) from error

    def socket(self, name: str) -> Path:
        """Return a socket's path that is short enough for the system.

        It is in the folder where it fits, else in a folder of the user's own
        below `/tmp`, under a hash of the project's path.

        Raises:
            SceneshiftError: That folder is another user's.
        """
        path = self.path / name
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
            return path
        return _private_folder(self.shared) / f"{self._key}-{name}"

    def name_socket_folder(self, *parts: str, file: str) -> Path:
        """Return a folder in which a socket's path is short enough; it is not made.

        Nor has it anything that means something in an address: libpq takes a comma
        for another host, and SQLAlchemy a colon for a port.

        Args:
            parts: What it is called below the state folder.
            file: What the socket is called in it.
        """
        folder = self.path.joinpath(*parts)
        is_short = len(os.fsencode(folder / file)) <= _LONGEST_SOCKET_PATH
        if is_short and _PLAIN.fullmatch(str(folder)):
            return folder
        return _name_private(self.shared) / "-".join([self._key, *parts])

    def make_socket_folder(self, folder: Path) -> None:
        """Make what `name_socket_folder` has returned.

        Raises:
            SceneshiftError: It cannot be made, or another user holds what it is in.
        """
        if folder.is_relative_to(self.path):
            self.make(*folder.relative_to(self.path).parts)
        else:
            _private_folder(self.shared)
            folder.mkdir(mode=0o700, exist_ok=True)

    @property
    def _key(self) -> str:
        return blake2b(os.fsencode(self.path), digest_size=8).hexdigest()


def write_whole(path: Path, text: str) -> None:
    """Write a file so that whoever reads it finds all of it, or what it was before.

    Raises:
        OSError: It cannot be written; what was there still is.
    """
    draft = path.with_name(f"{path.name}.draft-{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # else a crash of the machine may leave it empty
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _name_private(shared: Path) -> Path:
    return shared / f"sceneshift-{os.getuid()}"


def _private_folder(shared: Path) -> Path:
    """Make and return a folder of the user's own; raise where another holds it."""
    folder = _name_private(shared)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as exc:
        raise _not_private(folder) from exc
    status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise _not_private(folder)
    return folder


def _not_private(folder: Path) -> SceneshiftError:
    return SceneshiftError(
        f"the folder for sockets is not yours alone: {folder}",
        hint=f"remove it: rm -r {folder}",
    )


def sync(path: Path) -> None:
    """Have a file's content on the disk, or the names in a folder.

    Raises:
        OSError: The disk does not take it.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
