"""`inv data.migrate`: applying what is pending, as a whole or not at all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sceneshift.core.confirmation import confirm_protected
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import describe_seconds, name_few, quote
from sceneshift.data.migrations import find_pending, migrate

if TYPE_CHECKING:
    from sceneshift.data.migrations import Pending
    from sceneshift.data.target import Request, Target

_FEW = 3


def migrate_all(request: Request) -> None:
    """Apply what is pending to the databases of an environment, and tell of it.

    Raises:
        UsageError: There is no such environment or database.
        RefusedError: A protected environment was not confirmed.
        SceneshiftError: It failed; what was not told of is as it was.
    """
    console = StreamConsole()
    targets = request.load()
    if not any(each.migrated for each in targets):
        raise SceneshiftError(
            f"{name_few([quote(each.database.name) for each in targets], _FEW)} has "
            "no migrations",
            hint="name Alembic's file: [tool.sceneshift.databases."
            f'{targets[0].database.name}] alembic = "alembic.ini"',
        )
    name = targets[0].environment
    if request.is_dry:
        _show_plan(request, name, console)
        return
    if targets[0].project.environment.protected and not request.is_confirmed:
        command = f"inv data.migrate --yes --env {name}"
        confirm_protected(name, doing="this migrates its databases", command=command)
    _apply(request, targets, console)


def _show_plan(request: Request, name: str, console: StreamConsole) -> None:
    pending = find_pending(
        request.root, request.environ, request.environment, request.database
    )
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
            console.data(f"migrate {each.database}: {revision}")
    if not pending:
        console.note("nothing is pending")


def _apply(request: Request, targets: list[Target], console: StreamConsole) -> None:
    began = time.monotonic()
    applied = migrate(
        request.root, request.environ, request.environment, request.database
    )
    took = time.monotonic() - began
    if request.as_json:
        name = targets[0].environment
        console.json(
            {
                "environment": name,
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
    return f"{count} migration{'' if count == 1 else 's'} applied: {names}"


def _describe_applied(pending: Pending) -> dict[str, object]:
    way = {"undo": pending.undo, "obstacle": pending.obstacle}
    return {**_describe(pending), **way}


def _describe(pending: Pending) -> dict[str, object]:
    return {
        "action": "migrate",
        "database": pending.database,
        "revisions": list(pending.revisions),
    }
