"""States of a PostgreSQL database as files: dumps of it, compressed.

A snapshot is there when its file has its name, and is the one that was written. A
former state is written down beside its own, with the state that is to come: where a
command was killed, by what the database says of itself it is told whether that state
came.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import sync, write_whole
from sceneshift.data.backups.archive import Packed, is_whole, unpack
from sceneshift.data.engine import parse_url
from sceneshift.data.marker import Marker  # noqa: TC001 - msgspec reads it
from sceneshift.data.postgresql.script import read_parts
from sceneshift.data.postgresql.tools import build_client_env, check_ended, find_tools

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import IO

    from sceneshift.data.postgresql.script import Part
    from sceneshift.data.postgresql.session import Place
    from sceneshift.data.postgresql.tools import Tools

_DATA, _WRITTEN, _COMING, _DRAFT = ".pgdump.zst", ".json", ".coming", ".draft"
_OWN, _SUM = ".own-rows", ".sum"
_SNAPSHOT = "snapshot-"
_DUMP = (
    *("--format=custom", "--compress=0", "--no-password", "--lock-wait-timeout=10s"),
    *("--encoding=UTF8", "--no-publications", "--no-subscriptions"),
)
_RESTORE = ("--file=-", "--no-publications", "--no-tablespaces")


class Former(Struct, frozen=True, kw_only=True):
    """What is known of a state that was replaced.

    Attributes:
        packed: Its file.
        coming: What the database says of itself after the change.
        rows: Number of rows by table.
        revisions: Those that it is at; None where it was never migrated.
        has_own_rows: Whether rows were written after it was put in place.
        server: The server's version.
    """

    packed: Packed
    coming: Marker
    rows: dict[str, int]
    revisions: tuple[str, ...] | None
    has_own_rows: bool
    server: str


class Dumps:
    """The states of one database.

    Attributes:
        folder: Where; it may not be there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # -- snapshots

    def locate_snapshot(self, id: str) -> Path:  # noqa: A002 - that is what it is
        """Return the file of a snapshot."""
        return self.folder / f"{_SNAPSHOT}{id}{_DATA}"

    def has_snapshot(self, id: str) -> bool:  # noqa: A002
        """Tell whether a snapshot is there, and is what was written.

        Its file may have been cut off by what cleans up or synchronizes folders.
        """
        path = self.locate_snapshot(id)
        with suppress(OSError, msgspec.MsgspecError):
            return is_whole(
                path, msgspec.json.decode(self._name_sum(id).read_bytes(), type=Packed)
            )
        return False

    def keep_snapshot(self, id: str, draft: Path, packed: Packed) -> None:  # noqa: A002
        """Have a file that is whole be a snapshot."""
        write_whole(self._name_sum(id), msgspec.json.encode(packed).decode())
        draft.replace(self.locate_snapshot(id))
        sync(self.folder)

    def list_snapshots(self) -> dict[str, int]:
        """Return the ids, with the sizes of the files in bytes."""
        return {
            path.name.removeprefix(_SNAPSHOT).removesuffix(_DATA): path.stat().st_size
            for path in self.folder.glob(f"{_SNAPSHOT}*{_DATA}")
        }

    def forget_snapshot(self, id: str) -> None:  # noqa: A002
        """Remove a snapshot."""
        for path in (self.locate_snapshot(id), self._name_sum(id)):
            path.unlink(missing_ok=True)

    def _name_sum(self, id: str) -> Path:  # noqa: A002
        return self.folder / f"{_SNAPSHOT}{id}{_SUM}"

    # -- former states

    def locate(self, former: str) -> Path:
        """Return the file of a former state."""
        return self.folder / f"{former}{_DATA}"

    def read(self, former: str) -> Former | None:
        """Return what is known of a former state; None where there is none.

        Of one that is announced, too: it is asked for where the database bears the
        state that was to come.
        """
        return self._read(former, _WRITTEN) or self._read(former, _COMING)

    def list_formers(self) -> list[str]:
        """Return the ids of former states."""
        return [path.stem for path in self.folder.glob(f"*{_WRITTEN}")]

    def announce(self, former: str, known: Former) -> None:
        """Write down a state whose file is there: it is former when its time comes."""
        text = msgspec.json.format(msgspec.json.encode(known)).decode()
        write_whole(self.folder / f"{former}{_COMING}", text)

    def is_announced(self, former: str) -> bool:
        """Tell whether a state is written down that is not former yet."""
        return (self.folder / f"{former}{_COMING}").exists()

    def settle(self, former: str) -> None:
        """Have a state be a former one, for what comes after it is there."""
        coming = self.folder / f"{former}{_COMING}"
        coming.replace(coming.with_suffix(_WRITTEN))
        sync(self.folder)

    def forget(self, former: str) -> None:
        """Remove a state that is former, or was to be."""
        for suffix in (_WRITTEN, _COMING, _DATA):
            (self.folder / f"{former}{suffix}").unlink(missing_ok=True)

    def sweep(self, state: str) -> None:
        """Settle what a killed command has announced, or forget it.

        Args:
            state: The one that the database bears.
        """
        for path in self.folder.glob(f"*{_COMING}"):
            known = self._read(path.stem, _COMING)
            if known is not None and known.coming.state == state:
                self.settle(path.stem)
            else:
                self.forget(path.stem)
        for path in self.folder.glob(f"*{_DATA}"):
            former = path.name.removesuffix(_DATA)
            is_known = former.startswith(_SNAPSHOT) or self.read(former) is not None
            if not is_known:
                path.unlink()
        for path in self.folder.glob(f"*{_SUM}"):
            if not path.with_suffix(_DATA).exists():
                path.unlink()
        for path in self.folder.glob(f"*{_DRAFT}*"):  # those of `write_whole`, too
            path.unlink()

    def note_own_rows(self, state: str) -> None:
        """Know that a state that is put back has rows that nobody can make again."""
        (self.folder / f"{state}{_OWN}").touch()

    def has_own_rows(self, state: str) -> bool:
        """Tell whether that is known."""
        return (self.folder / f"{state}{_OWN}").exists()

    def draw(self) -> Path:
        """Return a name that no file has."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        return self.folder / f"{os.urandom(8).hex()}{_DRAFT}"

    def _read(self, former: str, suffix: str) -> Former | None:
        with suppress(OSError, msgspec.MsgspecError):
            text = (self.folder / f"{former}{suffix}").read_bytes()
            return msgspec.json.decode(text, type=Former)
        return None


@contextmanager
def dumping(
    place: Place, major: int, options: Sequence[str] = ()
) -> Iterator[IO[bytes]]:
    """Yield the dump of a database, which is to be read to its end.

    Args:
        place: The database.
        major: Its server's major version.
        options: More options of pg_dump.

    Raises:
        ComponentError: There is no pg_dump of that version.
        SceneshiftError: It failed.
    """
    words = [*_find_tools(place, major).dump, *_DUMP, *options]
    env = build_client_env(parse_url(place.url, place.root))
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            words,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
        )
        with process:
            assert process.stdout is not None
            try:
                yield process.stdout
            except BaseException:
                process.kill()
                raise
        check_ended("pg_dump", process.returncode, said)


@contextmanager
def reading(
    place: Place, major: int, data: Iterable[bytes], *, has_owners: bool
) -> Iterator[Iterator[Part]]:
    """Yield the parts of a dump.

    Args:
        place: The database for which it is read.
        major: Its server's major version.
        data: The dump.
        has_owners: Whether its parts say whose they are, and make it so.

    Raises:
        ComponentError: There is no pg_restore of that version.
        SceneshiftError: It failed, or the dump is damaged.
    """
    words = [*_find_tools(place, major).restore, *_RESTORE]
    if not has_owners:
        words.append("--no-owner")
    problems: list[Exception] = []
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said
        )
        with process:
            assert process.stdout is not None
            assert process.stdin is not None
            feeding = threading.Thread(
                target=_feed, args=(process.stdin, data, problems), daemon=True
            )
            feeding.start()
            try:
                yield read_parts(process.stdout)
            except BaseException:
                process.kill()
                raise
            finally:
                process.stdout.close()
                feeding.join()
        for each in problems:
            raise each
        check_ended("pg_restore", process.returncode, said)


def read_file(path: Path, packed: Packed | None = None) -> Iterator[bytes]:
    """Return the data of a dump's file.

    Raises:
        SceneshiftError: It is damaged, or gone.
    """
    if not path.exists():
        raise SceneshiftError(
            f"a dump is not there any more: {path.name}",
            hint="make the database anew: inv data.reset",
        )
    return unpack(path, None if packed is None else packed.raw_sha256)


def _feed(pipe: IO[bytes], data: Iterable[bytes], problems: list[Exception]) -> None:
    try:
        with suppress(BrokenPipeError), pipe:  # it says itself why it has ended
            for chunk in data:
                pipe.write(chunk)
    except (OSError, SceneshiftError) as error:
        problems.append(error)


def _find_tools(place: Place, major: int) -> Tools:
    url = parse_url(place.url, place.root)
    return find_tools(major, os.environ.get("PATH", os.defpath), url)
