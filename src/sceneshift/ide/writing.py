"""Files that people work on: read as they are, and written as a whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import stat
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.errors import BusyError, SceneshiftError
from sceneshift.core.paths import sync
from sceneshift.core.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


class Place(Struct, frozen=True, kw_only=True):
    """A file as it was found.

    Attributes:
        path: Its name, relative to the project.
        file: The file itself: what a symbolic link leads to.
        found: Its content; None where it is not there.
    """

    path: str
    file: Path
    found: bytes | None


def read_place(root: Path, path: str) -> Place:
    """Look at a file that may be written.

    Args:
        root: The project's folder.
        path: Its name, relative to that.

    Raises:
        SceneshiftError: It cannot be read, is no file, or is out of the project.
    """
    try:
        return _look(root, path)
    except (OSError, RuntimeError) as error:  # the latter of links in a circle
        raise _fail(path, "read", error) from error


def _look(root: Path, path: str) -> Place:
    named = root / path
    _check_folder(root, named.parent)
    file = named.resolve()
    if not file.is_relative_to(root.resolve()):
        link = next(
            each for each in [named, *named.parents] if each.is_symlink()
        ).relative_to(root)
        raise SceneshiftError(
            f"{quote(path)} is out of the project: {quote(str(link))} is a symbolic "
            f"link, and it is {quote(str(file))}",
            hint=f"replace the link: rm {shlex.quote(str(link))}",
        )
    try:
        found = file.read_bytes()
    except FileNotFoundError:
        found = None
    return Place(path=path, file=file, found=found)


def _check_folder(root: Path, folder: Path) -> None:
    """Make sure that what is to be a folder is one, or is not there."""
    for each in [folder, *folder.parents]:
        if each.exists():
            if not each.is_dir():
                name = str(each.relative_to(root))
                words = f"{shlex.quote(name)} {shlex.quote(f'{name}.old')}"
                raise SceneshiftError(
                    f"{quote(name)} is a file, and is to be a folder",
                    hint=f"give it another name: mv {words}",
                )
            return


def sweep(places: Sequence[Place]) -> None:
    """Remove what a command that was killed has left beside files."""
    for place in places:
        with contextlib.suppress(OSError):  # it is told where it hinders
            _name_draft(place.file).unlink(missing_ok=True)


def write_all(contents: Sequence[tuple[Place, bytes | None]]) -> None:
    """Write files, each so that whoever reads it finds all of it or what it was.

    Args:
        contents: Each with what it is to be; None where it is to go.

    All are made beside the files, where there may be no room for them, before any is
    put in its place.

    Raises:
        BusyError: One is another than it was found; none was written.
        SceneshiftError: One cannot be written; those after it are as they were.
    """
    for place, _ in contents:
        if _read(place.file) != place.found:
            raise BusyError(
                f"{quote(place.path)} was changed in this moment",
                hint="nothing was written: try again",
            )
        _check_writable(place)
    try:
        for step in (_draft, _put):
            for place, content in contents:
                _take(step, place, content)
    finally:
        sweep([place for place, _ in contents])


def _take(
    step: Callable[[Path, bytes | None], None], place: Place, content: bytes | None
) -> None:
    try:
        step(place.file, content)
    except OSError as error:
        raise _fail(place.path, "written", error) from error


def _check_writable(place: Place) -> None:
    """Make sure that a file may be written, before any is."""
    folder = next(each for each in place.file.parents if each.exists())
    for one in [folder] if place.found is None else [place.file, folder]:
        if not os.access(one, os.W_OK):
            raise SceneshiftError(
                f"{quote(place.path)} cannot be written: {one} is read-only",
                hint=f"may it be changed? chmod u+w {shlex.quote(str(one))}",
            )


def _name_draft(file: Path) -> Path:
    return file.with_name(f".{file.name}.draft")  # one, for nobody else writes now


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


def _draft(file: Path, content: bytes | None) -> None:
    """Write what a file is to be beside it."""
    if content is None:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = _name_draft(file)
    with draft.open("wb") as written:
        if file.exists():
            draft.chmod(stat.S_IMODE(file.stat().st_mode))
        written.write(content)
        written.flush()
        os.fsync(written.fileno())  # else a crash of the machine may empty it


def _put(file: Path, content: bytes | None) -> None:
    """Put that in its place, or take the file away."""
    if content is None:
        file.unlink()
    else:
        _name_draft(file).replace(file)
    sync(file.parent)


def _fail(path: str, what: str, error: OSError | RuntimeError) -> SceneshiftError:
    reason = getattr(error, "strerror", None) or str(error)
    is_full = getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}
    return SceneshiftError(
        f"{quote(path)} cannot be {what}: {reason.lower()}",
        hint="make room: df -h ." if is_full else f"ls -ld {shlex.quote(path)}",
    )
