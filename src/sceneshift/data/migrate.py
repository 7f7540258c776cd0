"""`inv data.migrate`: applying what is pending, as a whole or not at all."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from sceneshift.core.confirmation import confirm_protected
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.core.wording import describe_seconds, name_few, quote
from sceneshift.data.branches.before import follow_before
from sceneshift.data.firstuse import make_missing
from sceneshift.data.guards import guard_change
from sceneshift.data.migrations import Pending, find_pending, find_way, migrate
from sceneshift.data.parting import start_parting
from sceneshift.data.system import find_system

if TYPE_CHECKING:
    from collections.abc import Callable

    from sceneshift.data.target import Request, Target

_FEW = 3


def migrate_all(
    request: Request, *, to: str | None = None, is_rehearsed: bool = False
) -> None:
    """Apply what is pending to the databases of an environment, and tell of it.

    Args:
        request: What was asked for.
        to: Where to, see `find_route`: what comes after that is undone; None means all
            that the code has.
        is_rehearsed: Whether it is tried on copies first, and done if all is well.

    Raises:
        UsageError: There is no such environment, database or revision.
        RefusedError: A protected environment was not confirmed, or a guard said no to
            a downgrade.
        SceneshiftError: It failed, or the rehearsal did; what was not told of is as it
            was.
    """
    console = StreamConsole()
    targets = request.load()
    migrated = [each for each in targets if each.migrated]
    if not migrated:
        raise SceneshiftError(
            f"{name_few([quote(each.database.name) for each in targets], _FEW)} has "
            "no migrations",
            hint="name Alembic's file: [tool.sceneshift.databases."
            f'{targets[0].database.name}] alembic = "alembic.ini"',
        )
    name = targets[0].environment
    if to is not None and len(migrated) > 1:
        names = name_few([quote(each.database.name) for each in migrated], _FEW)
        raise UsageError(
            f"the revisions of several databases may be meant: {names}",
            hint=f"name one: --database {migrated[0].database.name}",
        )
    if request.is_dry and is_rehearsed:
        _rehearse(request, migrated, to, console)
        return
    if request.is_dry:
        _show_plan(_plan(request, migrated, to), name, console, request)
        return
    follow_before(migrated)
    is_guarded = to is not None and _guard(request, migrated[0], to)
    is_protected = targets[0].project.environment.protected
    if is_protected and not request.is_confirmed:
        command = f"inv data.migrate --yes --env {name}"
        confirm_protected(name, doing="this migrates its databases", command=command)
    rehearsed = _rehearse(request, migrated, to, console) if is_rehearsed else None
    run = partial(_run, request, to, is_guarded=is_guarded)
    _apply(request, targets, console, run, rehearsed)


def _run(request: Request, to: str | None, *, is_guarded: bool) -> list[Pending]:
    return migrate(
        request.root,
        request.environ,
        request.environment,
        request.database,
        to=to,
        is_guarded=is_guarded,
    )


def _rehearse(
    request: Request, targets: list[Target], to: str | None, console: StreamConsole
) -> list[dict[str, Any]]:
    """Try it on copies, and show how that went; return it as JSON has it.

    Raises:
        SceneshiftError: Not all is well.
    """
    from sceneshift.data.rehearsal.rehearsal import rehearse  # noqa: PLC0415 - seldom

    if not make_missing(targets[0].project):
        raise SceneshiftError(
            "a database of this worktree cannot be made",
            hint="mend what the lines above say",
        )
    found = [rehearse(each, to) for each in targets]
    shown = [each.as_json() for each in found]
    if not request.as_json:
        for each in found:
            each.show(console)
    bad = [each for each in found if not each.is_good]
    if request.as_json and (bad or request.is_dry):
        console.json({"environment": targets[0].environment, "rehearsals": shown})
    if bad:
        names = name_few([quote(each.target.database.name) for each in bad], _FEW)
        raise SceneshiftError(
            f"the rehearsal went wrong for {names}, and nothing was done",
            hint="mend the migrations; without --rehearse they are applied as they are",
        )
    return shown


def _guard(request: Request, target: Target, to: str) -> bool:
    """Let a downgrade go on, or refuse; tell whether it is one."""
    assert target.migrated is not None
    _, route = find_way(target.migrated, target.root, to)
    if not (route.is_down and route.revisions):
        return False
    command = f"inv data.migrate --to {to}"
    guard_change(
        target, find_system(target), request, command=command, doing="downgrades"
    )
    return True


def _plan(request: Request, targets: list[Target], to: str | None) -> list[Pending]:
    if to is None:
        return find_pending(
            request.root, request.environ, request.environment, request.database
        )
    (target,) = targets
    assert target.migrated is not None
    _, route = find_way(target.migrated, target.root, to)
    revisions = tuple(str(each) for each in route.revisions)
    one = Pending(database=target.database.name, revisions=revisions, verb=route.verb)
    return [one] if revisions else []


def _show_plan(
    pending: list[Pending], name: str, console: StreamConsole, request: Request
) -> None:
    for each in pending:
        if each.problem is not None:
            raise SceneshiftError(
                f"{quote(each.database)} cannot be migrated: {each.problem}",
                hint=f"see where it stands: inv data.status --env {name}",
            )
    if request.as_json:
        console.json({"actions": [_describe(each) for each in pending]})
        return
    for each in pending:
        for revision in each.revisions:
            console.data(f"{each.verb} {each.database}: {revision}")
    if not pending:
        console.note("nothing is pending")


def _apply(
    request: Request,
    targets: list[Target],
    console: StreamConsole,
    run: Callable[[], list[Pending]],
    rehearsed: list[dict[str, Any]] | None,
) -> None:
    began = time.monotonic()
    applied = run()
    took = time.monotonic() - began
    start_parting(targets)
    if request.as_json:
        name = targets[0].environment
        console.json(
            {
                "environment": name,
                **({} if rehearsed is None else {"rehearsals": rehearsed}),
                "databases": [_describe_applied(each) for each in applied],
                "duration_s": round(took, 3),
            }
        )
        return
    for each in applied:
        console.success(f"{each.database}: {_say(each)}")
    if not applied:
        console.note("nothing was pending")
        return
    console.note(f"in {describe_seconds(took)}")
    for each in applied:
        if each.obstacle is not None:
            console.note(f"no undo takes {each.database} back: {each.obstacle}")
    if any(each.undo for each in applied):
        console.note("take it back: inv data.undo")


def _say(pending: Pending) -> str:
    count = len(pending.revisions)
    names = name_few(list(pending.revisions), _FEW)
    verb = "undone" if pending.verb == "downgrade" else "applied"
    return f"{count} migration{'' if count == 1 else 's'} {verb}: {names}"


def _describe_applied(pending: Pending) -> dict[str, object]:
    return {
        **_describe(pending),
        "undo": pending.undo,
        "obstacle": pending.obstacle,
        "paused": [each.as_json() for each in pending.paused],
    }


def _describe(pending: Pending) -> dict[str, object]:
    return {
        "action": pending.verb,
        "database": pending.database,
        "revisions": list(pending.revisions),
    }
