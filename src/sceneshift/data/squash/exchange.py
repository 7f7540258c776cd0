"""Files that take the place of others, though the program be killed half-way.

What is to be done is written down first. The baseline then takes the place of the
revision whose id it has, in one step: before it all is as it was, and after it whoever
comes next removes what the baseline replaces.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from sceneshift.core.blake2 import digest
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import StateFolder, sync, write_whole
from sceneshift.data.locking import hold_lock
from sceneshift.data.renaming import JOURNAL, MARK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FOLDER, _LOCK = "data", "squash.lock"


class Exchange(Struct, frozen=True, kw_only=True):
    """What is to be done; paths are absolute.

    Attributes:
        draft: The baseline, aside.
        digest: What stands for its content.
        place: The file that it replaces.
        path: What it is to be called.
        gone: What else it replaces, with what stands for their contents.
    """

    draft: str
    digest: str
    place: str
    path: str
    gone: dict[str, str]


def exchange(
    root: Path, draft: Path, *, place: Path, path: Path, gone: Mapping[Path, str]
) -> None:
    """Put a baseline in the place of other revisions.

    Args:
        root: The project's folder.
        draft: The baseline, anywhere.
        place: The file of the revision whose id it has.
        path: What it is to be called, in the same folder.
        gone: The other files, with what stands for their contents.

    Raises:
        SceneshiftError: It cannot be done, see `resume`.
    """
    state = StateFolder(root)
    folder = state.make(_FOLDER)
    with hold_lock(folder / _LOCK), state.being_written(), _explaining():
        aside = place.with_name(f"{MARK}{path.name}")
        order = Exchange(
            draft=str(aside),
            digest=digest(draft.read_bytes()),
            place=str(place),
            path=str(path),
            gone={str(each): known for each, known in gone.items()},
        )
        text = msgspec.json.format(msgspec.json.encode(order)).decode()
        write_whole(folder / JOURNAL, text)
        shutil.copyfile(draft, aside)
        shutil.copymode(place, aside)
        sync(aside)
        aside.replace(place)
        sync(place.parent)
        _finish(order, folder / JOURNAL)


def resume(root: Path) -> None:
    """Do to the end what was begun, or take back what was not; mostly there is nothing.

    Raises:
        SceneshiftError: It cannot be done.
    """
    journal = StateFolder(root).path / _FOLDER / JOURNAL
    if not journal.exists():
        return
    with hold_lock(journal.with_name(_LOCK)), _explaining():
        try:
            order = msgspec.json.decode(journal.read_bytes(), type=Exchange)
        except FileNotFoundError:  # whoever was at it has ended
            return
        if order.digest in {_read(order.place), _read(order.path)}:
            _finish(order, journal)
        else:
            Path(order.draft).unlink(missing_ok=True)
            journal.unlink()


@contextlib.contextmanager
def _explaining() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SceneshiftError(
            f"the revisions could not be exchanged: {error}",
            hint="mend that; the next command goes on with it, or takes it back",
        ) from error


def _finish(order: Exchange, journal: Path) -> None:
    """Remove what is replaced, as far as nobody has changed it since."""
    for file, known in order.gone.items():
        if _read(file) == known:
            Path(file).unlink()
            sync(Path(file).parent)
    if _read(order.place) == order.digest and order.place != order.path:
        Path(order.place).rename(order.path)
        sync(Path(order.path).parent)
    journal.unlink()


def _read(file: str) -> str | None:
    """Return what stands for a file's content; None where it is not there."""
    with contextlib.suppress(FileNotFoundError):
        return digest(Path(file).read_bytes())
    return None
