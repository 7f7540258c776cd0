"""`inv data.status`: where the databases of an environment stand, in plain words."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.reach import find_reach
from sceneshift.core.wording import name_few
from sceneshift.data.backups.shelf import Shelf
from sceneshift.data.branches.outlook import (
    NOTHING,
    advise,
    describe_branches,
    foresee,
)
from sceneshift.data.build import make_order
from sceneshift.data.choice import choose
from sceneshift.data.parting import find_problem
from sceneshift.data.standing import find_standing
from sceneshift.data.system import find_system
from sceneshift.data.undo import UndoLog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sceneshift.data.snapshots.snapshot import Snapshot
    from sceneshift.data.standing import Standing
    from sceneshift.data.system import System
    from sceneshift.data.target import Request, Target

_ANSWER_S = 0.2  # the whole command is to answer within 0.4 s
_FEW, _FEW_LEFT = 2, 4


def show_status(request: Request) -> None:
    """Print where the databases stand; what is wrong with one does not hide others.

    Args:
        request: What was asked for.

    Raises:
        UsageError: There is no such environment or database.
    """
    targets = request.load()
    rows = [describe(each) for each in targets]
    console = StreamConsole()
    if request.as_json:
        name = targets[0].environment
        console.json({"environment": name, "databases": rows})
        return
    console.table(
        [("database", "place", "revision", "reset", "undo"), *map(_make_row, rows)]
    )
    for row in rows:
        for line in (*_tell_kept(row), *_advise(row)):
            console.note(f"{row['name']}: {line}")


def _tell_kept(row: Mapping[str, Any]) -> Iterator[str]:
    backup = row["backup"]
    if row["backup_problem"] is not None:
        yield f"former states wait for their backup: {row['backup_problem']}"
    if row["left"]:
        names = name_few([each["branch"] for each in row["left"]], _FEW_LEFT)
        yield f"other states are kept for branches: {names}"
    if backup is not None:
        at = datetime.fromisoformat(backup["at"]).astimezone()
        how = ", taken by itself" if backup["is_automatic"] else ""
        yield f"the last backup is {backup['id']} of {at:%Y-%m-%d %H:%M}{how}"


def _advise(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong, and what to type."""
    if row["problem"] is not None:
        yield row["problem"]
    if row["follow"] is not None:
        yield from advise(row)
    elif row["unknown"]:
        how = "at once" if row["snapshot"] else "when it is built"
        yield f"inv data.reset puts what this branch makes in its place, {how}"
    elif row["pending"] and row["problem"] is None:
        yield "inv data.migrate applies what is pending"


def describe(target: Target) -> dict[str, Any]:
    """Return all that is known of a database, without its library where it is down."""
    row: dict[str, Any] = {
        "name": target.database.name,
        "url": target.database.url,
        "place": target.title,
        "is_reachable": None,
        "revisions": None,
        "heads": None,
        "pending": None,
        "unknown": None,
        "snapshot": None,
        "undo": None,
        **NOTHING,
        "backup": _find_backup(target),
        "backup_problem": find_problem(target),
        "problem": None,
    }
    reach = find_reach(target.database, target.root, limit_s=_ANSWER_S)
    is_there = reach.is_reachable is not False
    row["is_reachable"] = reach.is_reachable
    row["problem"] = reach.problem
    try:
        if is_there and target.migrated is not None:
            row |= _describe_standing(find_standing(target.migrated, target.root))
        if is_there or target.file is not None:
            system = find_system(target)
            with system.look():
                row |= _describe_states(target, system, row)
    except SceneshiftError as error:
        row["problem"] = error.message
    return row


def _describe_standing(standing: Standing) -> dict[str, Any]:
    current = standing.current
    return {
        "revisions": None if current is None else list(current),
        "heads": list(standing.heads),
        "pending": [str(each) for each in standing.pending],
        "unknown": list(standing.unknown),
        "problem": standing.problem,
    }


def _describe_states(
    target: Target, system: System, row: Mapping[str, Any]
) -> dict[str, Any]:
    marker = system.read_marker()
    state, log = marker.state if marker else None, UndoLog(target.folder / "undo")
    done = log.find_done(system, state or "")
    undo = [{"id": each.id, "change": each.what, "at": each.at} for each in done]
    found = describe_branches(target, system, state, log.list_all()) | {"undo": undo}
    found["follow"] = foresee(target, system, {**row, **found}, done)
    snapshot = make_order(target, system, choice=choose(target, None)).find()
    if snapshot is not None and not system.has_snapshot(snapshot.id):
        snapshot = None
    found["snapshot"] = None if snapshot is None else _describe_snapshot(snapshot)
    return found


def _find_backup(target: Target) -> dict[str, Any] | None:
    """Return the last one that can be read; whether it is whole, its list tells."""
    for each in Shelf(target.project).list_all():
        one = each.manifest
        if one is not None and one.key == target.key:
            return {
                "id": each.id,
                "at": one.at.isoformat(timespec="seconds"),
                "is_automatic": one.is_automatic,
            }
    return None


def _describe_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "id": snapshot.id,
        "made_at": snapshot.made_at,
        "build_s": snapshot.build_s,
        "dataset": snapshot.recipe.dataset,
    }


def _make_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    undo = row["undo"]
    return (
        row["name"],
        row["place"],
        _say_revision(row),
        "at once" if row["snapshot"] else "to be built",
        undo[0]["change"] if undo else "-",
    )


def _say_revision(row: Mapping[str, Any]) -> str:
    if row["unknown"]:
        return f"{name_few(row['unknown'], _FEW)}, which this branch does not know"
    if row["is_reachable"] is False:
        return "not there" if row["url"].startswith("sqlite") else "no answer"
    if row["heads"] is None:
        return "-"
    if row["revisions"] is None:
        return f"never migrated, {len(row['pending'])} pending"
    at = name_few(row["revisions"], _FEW) or "before the first"
    pending = row["pending"]
    return f"{at}, {len(pending)} pending" if pending else f"{at}, the head"
