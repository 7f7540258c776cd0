"""`inv data.snapshots`: the states that are kept, and which of them stay."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.core.paths import StateFolder
from sceneshift.core.wording import quote, suggest
from sceneshift.data.guards import describe_rows, guard_change
from sceneshift.data.locking import hold_lock
from sceneshift.data.parting import start_parting
from sceneshift.data.snapshots.pruning import prune
from sceneshift.data.snapshots.store import Store
from sceneshift.data.soundness import is_kept
from sceneshift.data.system import find_system
from sceneshift.data.undo import place_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.data.snapshots.snapshot import Snapshot
    from sceneshift.data.system import System
    from sceneshift.data.target import Request, Target

COMMAND = "inv data.snapshots"
_LEAST = 4  # digits of an id that are enough to mean one
_SHOWN = 12
_UNITS = ("B", "kB", "MB", "GB")


class Kept(Struct, frozen=True, kw_only=True):
    """A snapshot of a database.

    Attributes:
        target: The database.
        system: Where it is.
        store: What is written down.
        snapshot: That.
        size: In bytes.
    """

    target: Target
    system: System
    store: Store
    snapshot: Snapshot
    size: int

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        one = self.snapshot
        used = datetime.fromtimestamp(self.store.find_last_use(one.id), UTC)
        return {
            "id": one.id,
            "database": self.target.database.name,
            "revisions": one.count,
            "heads": list(one.versions),
            "dataset": one.recipe.dataset,
            "rows": dict(one.rows),
            "size_bytes": self.size,
            "made_at": one.made_at,
            "used_at": used.isoformat(timespec="seconds"),
            "build_s": one.build_s,
            "is_pinned": one.is_pinned,
        }


def show_snapshots(request: Request) -> None:
    """Print what is kept, the newest first.

    Raises:
        UsageError: There is no such environment or database.
    """
    kept = list(_list_kept(request))
    console = StreamConsole()
    if request.as_json:
        console.json({"snapshots": [each.as_json() for each in kept]})
        return
    head = ("snapshot", "database", "made", "state", "holds", "size")
    console.table([head, *map(_make_row, kept)])


def _make_row(kept: Kept) -> tuple[str, ...]:
    one = kept.snapshot
    state = f"{one.count} migrations"
    if one.recipe.dataset:
        state += f", dataset {one.recipe.dataset}"
    if one.is_pinned:
        state += ", pinned"
    return (
        one.id[:_SHOWN],
        kept.target.database.name,
        one.made_at,
        state,
        describe_rows(one.rows),
        describe_size(kept.size),
    )


def describe_size(size: float) -> str:
    """Return a number of bytes for people: `4.2 MB`."""
    for unit in _UNITS:
        if size < 1000 or unit == _UNITS[-1]:
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def pin(request: Request, name: str, *, is_pinned: bool) -> None:
    """Have a snapshot stay, or go in its time like others.

    Args:
        request: What was asked for.
        name: The beginning of its id.
        is_pinned: Whether it stays.

    Raises:
        UsageError: There is no such snapshot.
    """
    with _finding(request, name) as kept:
        kept.store.write(replace(kept.snapshot, is_pinned=is_pinned))
    verb = "stays" if is_pinned else "goes in its time"
    StreamConsole().success(f"the snapshot {kept.snapshot.id[:_SHOWN]} {verb}")


def restore(request: Request, name: str) -> None:
    """Put a snapshot in its database's place, whatever the code would make.

    Args:
        request: What was asked for.
        name: The beginning of its id.

    Raises:
        UsageError: There is no such snapshot.
        RefusedError: A guard said no; nothing was touched.
        SceneshiftError: It cannot be done; all is as it was.
    """
    with _finding(request, name) as kept:
        one = kept.snapshot
        guard_change(
            kept.target,
            kept.system,
            request,
            command=f"{COMMAND} --restore {one.id[:_SHOWN]}",
            doing="puts another state in the place of",
        )
        if not is_kept(kept.target, kept.system, one):
            raise SceneshiftError(
                f"the snapshot {one.id[:_SHOWN]} is damaged, and nothing was done",
                hint="build it again: inv data.reset --rebuild",
            )
        what = f"restored the snapshot {one.id[:_SHOWN]}"
        entry = place_state(kept.target, kept.system, "restore", what, one.id)
        kept.store.note_use(one.id)
    start_parting([kept.target])
    console = StreamConsole()
    if request.as_json:
        paused = [each.as_json() for each in kept.system.paused]
        console.json({**kept.as_json(), "undo": entry.id, "paused": paused})
        return
    console.success(f"{kept.target.title} is the snapshot {one.id[:_SHOWN]}")
    console.note("take it back: inv data.undo")


def prune_all(request: Request, *, days: float, most_bytes: int) -> None:
    """Let go of snapshots that are old or too many, but for those that are pinned.

    Args:
        request: What was asked for.
        days: For how many days one is kept that nobody uses.
        most_bytes: How much those of a database may have together.

    Raises:
        UsageError: There is no such environment or database.
    """
    gone: list[str] = []
    for target in request.load():
        system = find_system(target)
        with hold_lock(target.name_lock()), system.hold():
            system.sweep()
            store = Store(target.folder / "snapshots")
            gone += prune(store, system, days=days, most_bytes=most_bytes)
    console = StreamConsole()
    if request.as_json:
        console.json({"removed": gone})
        return
    count = len(gone)
    console.success(f"{count or 'no'} snapshot{'' if count == 1 else 's'} removed")


def _list_kept(request: Request) -> Iterator[Kept]:
    for target in request.load():
        yield from _list_of(target)


def _list_of(target: Target) -> Iterator[Kept]:
    system, store = find_system(target), Store(target.folder / "snapshots")
    sizes = system.list_snapshots()
    for one in store.list_all():
        if one.id in sizes:
            yield Kept(
                target=target,
                system=system,
                store=store,
                snapshot=one,
                size=sizes[one.id],
            )


@contextmanager
def _finding(request: Request, name: str) -> Iterator[Kept]:
    """Yield the snapshot whose id begins so, its database's lock held."""
    found = [each for each in _list_kept(request) if each.snapshot.id.startswith(name)]
    if len(found) != 1 or len(name) < _LEAST:
        ids = [each.snapshot.id[:_SHOWN] for each in _list_kept(request)]
        problem = "is the beginning of several snapshots" if found else "is no snapshot"
        raise UsageError(f"{quote(name)} {problem}", hint=suggest(name, ids))
    target = found[0].target
    system, state = found[0].system, StateFolder(target.root)
    with state.being_written(), hold_lock(target.name_lock()), system.hold():
        system.sweep()
        yield found[0]
