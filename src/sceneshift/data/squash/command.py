"""`inv data.squash`: one baseline in the place of many migrations.

What the old ones make and what the new one makes are both built aside, and compared,
before a file of the project is touched.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import RefusedError, SceneshiftError
from sceneshift.core.git import ask_git, find_tracked
from sceneshift.core.wording import name_few, quote
from sceneshift.data.build import make_order
from sceneshift.data.guards import guard_change
from sceneshift.data.locking import hold_lock
from sceneshift.data.scripts import name_below
from sceneshift.data.squash.exchange import exchange
from sceneshift.data.squash.plan import Plan, plan
from sceneshift.data.squash.proof import Proved, prove
from sceneshift.data.system import find_system
from sceneshift.data.target import Request, load_target

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.data.build import Order
    from sceneshift.data.target import Target

COMMAND = "inv data.squash"
_FEW = 3
_MESSAGE = "baseline"


class SquashRequest(Request, frozen=True, kw_only=True):
    """What was asked for.

    Attributes:
        to: The last revision that is replaced; None means the head.
        message: What the baseline says; None has it say that it is one.
    """

    to: str | None = None
    message: str | None = None


def squash(request: SquashRequest) -> None:
    """Replace revisions by one that makes the same, and tell of it.

    Raises:
        UsageError: There is no such environment, database or revision.
        RefusedError: A guard said no, or git has not what would be gone.
        SceneshiftError: It cannot be proved; all is as it was.
    """
    target = load_target(
        request.root,
        request.environ,
        environment=request.environment,
        database=request.database,
    )
    system, console = find_system(target), StreamConsole()
    order = make_order(target, system)
    if order.history is None:
        raise SceneshiftError(
            f"{quote(target.database.name)} has no migrations",
            hint="name Alembic's file: [tool.sceneshift.databases."
            f'{target.database.name}] alembic = "alembic.ini"',
        )
    planned = plan(order.history, request.to)
    if not planned.others:
        _tell_of_nothing(request, console)
        return
    if request.is_dry:
        _show_plan(target, planned, request, console)
        return
    _check_committed(target, planned)
    guard_change(target, system, request, command=COMMAND, doing="squashes")
    with ExitStack() as stack:
        lock = stack.enter_context(hold_lock(target.name_lock()))
        stack.enter_context(system.hold())
        system.sweep()
        shutil.rmtree(target.folder / "squash", ignore_errors=True)
        folder = target.make_folder("squash")
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        proved = prove(
            order, system, planned, request.message or _MESSAGE, folder, lock
        )
        path = _put(order, planned, proved)
    _tell(target, planned, proved, path, request)


def _tell_of_nothing(request: SquashRequest, console: StreamConsole) -> None:
    if request.as_json:
        console.json({"actions": []} if request.is_dry else {"revision": None})
        return
    console.note("there is one revision alone: nothing to squash")


def _show_plan(
    target: Target, planned: Plan, request: SquashRequest, console: StreamConsole
) -> None:
    if request.as_json:
        action = {
            "action": "squash",
            "database": target.database.name,
            "revision": planned.last.id,
            "replaces": [each.id for each in planned.others],
        }
        console.json({"actions": [action]})
        return
    for each in (*planned.others, planned.last):
        console.data(f"replace {name_below(target.root, each.file)}")


def _check_committed(target: Target, planned: Plan) -> None:
    """Make sure that git has what would be gone: it is the way back.

    Raises:
        RefusedError: It has not.
    """
    root = target.root
    files = [each.file for each in (*planned.others, planned.last)]
    names = [name_below(root, each) for each in files]
    known = find_tracked(root, names)
    said = ask_git(root, "status", "--porcelain", "-z", "--", *names)
    changed = {text[3:] for text in (said or b"").decode().split("\0") if text}
    bad = [
        name
        for name in names
        if name not in known or any(each.endswith(name) for each in changed)
    ]
    if bad or said is None:
        raise RefusedError(
            f"git has not all that would be replaced: {name_few(bad, _FEW)}",
            hint=f"commit it first: git add {' '.join(bad[:_FEW])} && git commit",
        )


def _put(order: Order, planned: Plan, proved: Proved) -> Path:
    """Have the baseline in the project, and what it replaces no more."""
    path = choose_path(planned, proved.name.name)
    gone = {each.file: each.digest for each in planned.others}
    place = planned.last.file
    exchange(order.target.root, proved.file, place=place, path=path, gone=gone)
    return path


def choose_path(planned: Plan, name: str) -> Path:
    """Return where a baseline is to be: under its name, unless another file has it."""
    place = planned.last.file
    path = place.with_name(name)
    return place if path.exists() else path


def _tell(
    target: Target, planned: Plan, proved: Proved, path: Path, request: SquashRequest
) -> None:
    console, name = StreamConsole(), name_below(target.root, path)
    if request.as_json:
        console.json(
            {
                "environment": target.environment,
                "database": target.database.name,
                "revision": planned.last.id,
                "path": name,
                "replaces": [each.id for each in planned.others],
                "rows": proved.rows,
                "is_portable": proved.is_portable,
            }
        )
        return
    console.data(name)
    count = len(planned.others) + 1
    console.success(f"{count} migrations are one, which makes the same: {name}")
    if not proved.is_portable:
        console.note(f"it is SQL of {target.database.system}, with {proved.rows} rows")
    console.note("look at it and commit it; git has the others")
