"""What a rehearsal has shown: of each migration, and whether all is well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from sceneshift.core.wording import name_few
from sceneshift.data.drift import compare_schemas
from sceneshift.data.rehearsal.watching import AGAIN, BACK, FIRST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from sceneshift.data.route import Route

_FEW = 3
# As they exclude others: https://www.postgresql.org/docs/current/explicit-locking.html
_MODES = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)


class Line(Struct, frozen=True, kw_only=True):
    """What the program has written down; see `watching.Watch`."""

    phase: str
    event: str
    revision: str
    duration_s: float = 0.0
    schema: list[list[str]] | None = None
    rows: list[tuple[str, int, int, int]] = []
    rewritten: list[str] = []
    locks: list[tuple[str, str]] | None = None
    has_committed: bool = False


class Rows(Struct, frozen=True, kw_only=True):
    """What became of the rows of a table.

    Attributes:
        table: The table.
        inserted: How many are new.
        updated: How many were changed.
        removed: How many are gone.
    """

    table: str
    inserted: int
    updated: int
    removed: int

    def __str__(self) -> str:
        """Say it as a diff does: `users +2 ~1 -3`."""
        parts = (("+", self.inserted), ("~", self.updated), ("-", self.removed))
        said = " ".join(f"{sign}{count:,}" for sign, count in parts if count)
        return f"{self.table} {said}"


class Lock(Struct, frozen=True, kw_only=True):
    """The strongest lock on a table that was there before.

    Attributes:
        table: The table.
        mode: As PostgreSQL has it: `AccessExclusiveLock`.
    """

    table: str
    mode: str


class Trial(Struct, frozen=True, kw_only=True):
    """One migration in a rehearsal.

    Attributes:
        revision: `3f2a9c1 add users`.
        duration_s: How long it took; None where it was not come to.
        rows: What became of rows.
        rewritten: Tables that were written anew as a whole.
        locks: Which it took; None where the system locks the whole file, or does not
            tell.
        has_committed: Whether it has left the transaction in between: nothing takes
            that back, and the locks that it took before and there are not known.
        problems: What is wrong with it.
    """

    revision: str
    duration_s: float | None = None
    rows: tuple[Rows, ...] = ()
    rewritten: tuple[str, ...] = ()
    locks: tuple[Lock, ...] | None = None
    has_committed: bool = False
    problems: tuple[str, ...] = ()


def read_lines(path: Path) -> list[Line]:
    """Read what the program has written down, as far as it came."""
    decode = msgspec.json.Decoder(Line).decode
    return [decode(line) for line in path.read_bytes().splitlines() if line]


def judge(
    route: Route,
    lines: list[Line],
    failure: str | None,
    describe: Callable[[list[list[str]]], Mapping[str, str]],
) -> list[Trial]:
    """Return what is to be said of each migration.

    Args:
        route: What was done.
        lines: What was written down.
        failure: Why the program has failed; None where it has not.
        describe: Returns what rows of the query mean that tells what there is.
    """
    schemas = _list_schemas(lines, describe)
    problems = {
        one.id: [*_compare(schemas, one.id, is_down=route.is_down)]
        for one in route.revisions
    }
    stopped = None if failure is None else _find_open(lines)
    # What was not undone cannot be done again: that is no further fault.
    is_new = stopped is not None and stopped.phase != AGAIN
    if stopped is not None and (is_new or not any(problems.values())):
        subject = _name(stopped.phase, is_down=route.is_down)
        problems[stopped.revision].append(f"{subject} fails: {failure}")
    trials = []
    for revision in route.revisions:
        mine = {
            (each.phase, each.event): each
            for each in lines
            if each.revision == revision.id
        }
        first, again = mine.get((FIRST, "end")), mine.get((AGAIN, "end"))
        trials.append(
            Trial(
                revision=str(revision),
                duration_s=None if first is None else first.duration_s,
                rows=tuple(_describe_rows(first.rows if first else ())),
                rewritten=tuple(dict.fromkeys(first.rewritten if first else ())),
                locks=_find_strongest(again.locks) if again else None,
                has_committed=first is not None and first.has_committed,
                problems=tuple(problems[revision.id]),
            )
        )
    return trials


def _find_open(lines: list[Line]) -> Line | None:
    """Return what had begun and not ended."""
    return lines[-1] if lines and lines[-1].event == "begin" else None


def _name(phase: str, *, is_down: bool) -> str:
    here, there = ("downgrade", "upgrade") if is_down else ("upgrade", "downgrade")
    if phase == AGAIN:
        return f"its {here} after the {there}, in a transaction of its own,"
    return f"its {there if phase == BACK else here}"


def _list_schemas(
    lines: list[Line], describe: Callable[[list[list[str]]], Mapping[str, str]]
) -> dict[tuple[str, str], tuple[Mapping[str, str], Mapping[str, str]]]:
    """Return what there was before and after each, by phase and revision."""
    found = {}
    before: Mapping[str, str] = {}
    for each in lines:
        if each.schema is None:
            continue
        now = describe(each.schema)
        if each.event == "end":
            found[each.phase, each.revision] = before, now
        before = now
    return found


def _compare(
    schemas: Mapping[tuple[str, str], tuple[Mapping[str, str], Mapping[str, str]]],
    revision: str,
    *,
    is_down: bool,
) -> Iterable[str]:
    """Yield how what is undone and done again differs from what was."""
    there = "upgrade" if is_down else "downgrade"
    first, back = schemas.get((FIRST, revision)), schemas.get((BACK, revision))
    again = schemas.get((AGAIN, revision))
    if first is not None and back is not None:
        words = compare_schemas(first[0], back[1])
        # What one before it has left is none of its own.
        words = [
            each for each in words if each not in compare_schemas(first[1], back[0])
        ]
        if words:
            yield f"its {there} is not its inverse: {name_few(words, _FEW)}"
    if first is not None and again is not None and back is not None:
        words = compare_schemas(first[1], again[1])
        others = compare_schemas(first[0], again[0])
        words = [each for each in words if each not in others]
        if words:
            yield f"a second time it makes another: {name_few(words, _FEW)}"


def _describe_rows(rows: Iterable[tuple[str, int, int, int]]) -> Iterable[Rows]:
    for table, inserted, updated, removed in rows:
        if inserted or updated or removed:
            yield Rows(table=table, inserted=inserted, updated=updated, removed=removed)


def _find_strongest(locks: list[tuple[str, str]] | None) -> tuple[Lock, ...] | None:
    if locks is None:
        return None
    strongest: dict[str, str] = {}
    for table, mode in locks:
        known = strongest.get(table, _MODES[0])
        strongest[table] = max(known, mode, key=_MODES.index)
    return tuple(Lock(table=table, mode=mode) for table, mode in strongest.items())


def as_json(trial: Trial) -> dict[str, Any]:
    """Return a trial as JSON has it."""
    found: dict[str, Any] = msgspec.to_builtins(trial)
    if trial.duration_s is not None:
        found["duration_s"] = round(trial.duration_s, 3)
    return found
