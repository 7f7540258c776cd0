"""What can be taken back: the changes of a database, each with the state before it.

Where a database stands among them it says itself: each state that is put in place bears
the id of its change in the marker. So nothing has to be written down after a change,
and one that was cut off has happened or has not.
"""

from __future__ import annotations

import contextlib
import secrets
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import write_whole
from sceneshift.core.wording import quote
from sceneshift.data.branches.label import find_branch_of, list_left, make_stamp
from sceneshift.data.entry import Entry
from sceneshift.data.marker import Marker
from sceneshift.data.parting import part_with

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sceneshift.core.databases import Database
    from sceneshift.data.sqlite.pausing import Paused
    from sceneshift.data.system import System
    from sceneshift.data.target import Target

MOST = 3
_SUFFIX = ".json"


class UnkeptError(SceneshiftError):
    """What is there cannot be kept: a change of it could not be taken back."""


class HalfwayError(SceneshiftError):
    """A database is between two states, and has to come to one of them before."""


class Changed(Struct, frozen=True, kw_only=True):
    """What became of a change.

    Attributes:
        entry: The change; None where it cannot be taken back.
        obstacle: Why it cannot.
        paused: See `System.paused`.
    """

    entry: Entry | None = None
    obstacle: str | None = None
    paused: tuple[Paused, ...] = ()


class UndoLog:
    """The changes of one database.

    Attributes:
        folder: Where they are written down.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def list_all(self) -> list[Entry]:
        """Return all that can be read, the oldest first."""
        found = []
        for path in sorted(self.folder.glob(f"*{_SUFFIX}")):
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                found.append(msgspec.json.decode(path.read_bytes(), type=Entry))
        return found

    def find_done(self, system: System, state: str) -> list[Entry]:
        """Return the changes that can be taken back, the last one first.

        Args:
            system: Where the states are.
            state: The one that the database bears.
        """
        entries = {each.id: each for each in self.list_all()}
        found: list[Entry] = []
        while state in entries and system.has_former(entries[state].former):
            found.append(entries.pop(state))
            state = found[-1].before
        return found

    def find_undone(self, system: System, state: str) -> list[Entry]:
        """Return the changes that can be made again, the next one first."""
        entries = self.list_all()
        found: list[Entry] = []
        while True:
            after = [
                each
                for each in entries
                if each.before == state and system.has_former(each.later)
            ]
            if not after:
                return found
            found.append(after[-1])
            entries.remove(after[-1])
            state = after[-1].id

    def begin(
        self, act: str, what: str, *, environment: str, before: str, **more: Any
    ) -> Entry:
        """Write down what is about to be done.

        Args:
            act: See `Entry`, here and below.
            what: As above.
            environment: As above.
            before: As above.
            more: What else is known of it.

        Raises:
            SceneshiftError: It cannot be written.
        """
        now = datetime.now(UTC)
        last = [each for each in self.list_all() if each.id == before]
        entry = Entry(
            id=f"{make_stamp(now)}{secrets.token_hex(2)}",
            before=before,
            act=act,
            what=what,
            environment=environment,
            at=now.isoformat(timespec="seconds"),
            origin=last[0].snapshot if last else None,
            **more,
        )
        self.write(entry)
        return entry

    def give_up(self, entry: Entry, system: System) -> None:
        """Know no more of a change that was begun and failed: all is as it was."""
        with contextlib.suppress(SceneshiftError, OSError):  # there is an error already
            # What was done of it before it was taken back may be kept, too.
            is_kept = system.has_former(entry.later)
            if (_read_state(system) or "") == entry.before and not is_kept:
                system.forget_former(entry.former)
                (self.folder / f"{entry.id}{_SUFFIX}").unlink(missing_ok=True)

    def forget_snapshots(self) -> None:
        """Know no more which snapshots states have come from.

        Raises:
            SceneshiftError: It cannot be written.
        """
        for each in self.list_all():
            self.write(replace(each, snapshot=None, origin=None))

    def write(self, entry: Entry) -> None:
        """Write a change down, or something else of one that is.

        Raises:
            SceneshiftError: It cannot be written.
        """
        text = msgspec.json.format(msgspec.json.encode(entry)).decode()
        try:
            write_whole(self.folder / f"{entry.id}{_SUFFIX}", text)
        except OSError as error:
            raise SceneshiftError(
                f"it cannot be written down what is done: {error}",
                hint=f"is there room, and is it yours? df -h {self.folder}",
            ) from error

    def find_branch(self, system: System, state: str | None) -> str | None:
        """Return the branch that a state is of; see `find_branch_of`."""
        return find_branch_of(self.folder.parent, self.list_all(), state, system)

    def tidy(self, system: System, state: str | None, *, most: int = MOST) -> None:
        """Part with what leads nowhere: cut off, too old, or another way was taken.

        That is so once the change is there: one that fails leaves both ways open. What
        is kept for another branch of git leads there; where nobody knows of which one
        the database is, each is another.

        Args:
            system: Where the states are.
            state: The one that the database bears; None where it bears none.
            most: How many changes can be taken back.
        """
        done = self.find_done(system, state or "")[:most]
        undone = self.find_undone(system, state or "")
        entries, branch = self.list_all(), self.find_branch(system, state)
        left = [one for one in list_left(entries, system) if one.branch != branch]
        kept = {each.id for each in (*done, *undone, *(one.entry for one in left))}
        if branch is not None and state is not None:
            kept.add(state)  # it says which branch that is
        for entry in entries:
            if entry.id not in kept:
                part_with(self.folder / f"{entry.id}{_SUFFIX}")


def place_state(
    target: Target, system: System, act: str, what: str, snapshot: str
) -> Entry:
    """Put a snapshot in a database's place, and let that be taken back.

    Args:
        target: The database, whose lock is held.
        system: What can do it.
        act: See `Entry.act`.
        what: See `Entry.what`.
        snapshot: The snapshot's id.

    Raises:
        SceneshiftError: It cannot be done; all is as it was.
    """
    work = partial(system.place, snapshot)
    return make_change(target, system, act, what, work, snapshot=snapshot)


def make_change(
    target: Target,
    system: System,
    act: str,
    what: str,
    work: Callable[[Marker, str], None],
    **more: Any,
) -> Entry:
    """Have another state in a database's place, and let that be taken back.

    Args:
        target: The database, whose lock is held.
        system: What can do it.
        act: See `Entry.act`.
        what: See `Entry.what`.
        work: Gets what the state is to say of itself, and the name that the one before
            it is to be kept under.
        more: See `UndoLog.begin`; it is of the branch that it was before.

    Raises:
        SceneshiftError: What `work` raises; all is as it was.
    """
    log, state = _begin(target, system)
    more.setdefault("branch", log.find_branch(system, state))
    environment, before = target.environment, state or ""
    entry = log.begin(act, what, environment=environment, before=before, **more)
    try:
        work(_mark(target, entry), entry.former)
    except BaseException:
        log.give_up(entry, system)
        raise
    finally:
        log.tidy(system, _read_state(system))
    return entry


def change_state(  # noqa: PLR0913 - a change, and how
    target: Target,
    system: System,
    act: str,
    what: str,
    change: Callable[[Database], None],
    *,
    is_insisting: bool = False,
    revisions: tuple[str, ...] | None = None,
) -> Changed:
    """Change a database as a whole, and let that be taken back.

    Whose the database is stays unsaid where it is; then nothing is written into it, and
    nothing can be taken back. One that holds nothing yet becomes this project's.

    Args:
        target: The database, whose lock is held.
        system: What can do it.
        act: See `Entry.act`.
        what: See `Entry.what`.
        change: Changes what it is given. What it raises is passed on, all as it was.
        is_insisting: Whether it is not to be changed where it cannot be taken back.
        revisions: See `Entry.revisions`.

    Raises:
        UnkeptError: It could not be taken back, and that was insisted on.
        SceneshiftError: It cannot be done; all is as it was.
    """
    try:
        _check_owner(target, system)
        work = partial(system.change, change)
        entry = make_change(target, system, act, what, work, revisions=revisions)
    except UnkeptError as error:
        if is_insisting:
            raise
        system.change(change, None, None)
        return Changed(obstacle=error.message, paused=tuple(system.paused))
    return Changed(entry=entry, paused=tuple(system.paused))


def _check_owner(target: Target, system: System) -> None:
    """Make sure that a database is this project's, or may become so."""
    try:
        marker = system.read_marker()
        is_empty = marker is None and not any(system.count_rows().values())
    except SceneshiftError as error:  # of another user, it may be closed to this one
        raise UnkeptError(f"whose it is cannot be read: {error.message}") from error
    if marker is None:
        # A file elsewhere is of whoever made the folder.
        if not (target.is_in_project or (is_empty and target.file is None)):
            said = "it does not say whose it is (make it this one's: inv data.claim)"
            raise UnkeptError(said)
    elif (marker.project, marker.environment) != (target.owner, target.environment):
        environment, project = quote(marker.environment), quote(marker.project)
        raise UnkeptError(f"it says that it is {environment} of the project {project}")


def _begin(target: Target, system: System) -> tuple[UndoLog, str | None]:
    """Return the log, with nothing in it that leads nowhere, and the present state."""
    log, state = UndoLog(target.make_folder("undo")), _read_state(system)
    log.tidy(system, state)
    return log, state


def _read_state(system: System) -> str | None:
    marker = system.read_marker()
    return marker.state if marker else None


def _mark(target: Target, entry: Entry) -> Marker:
    return Marker(project=target.owner, environment=target.environment, state=entry.id)
