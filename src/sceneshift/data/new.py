"""`inv data.new` and `inv data.merge`: the next revision, and one that joins heads.

What a new one is to do is found by comparing the models with what the migrations make,
aside: where the developer's database stands does not matter.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.core.wording import name_few, quote, suggest
from sceneshift.data.build import make_order, obtain
from sceneshift.data.drafts import Wanted, Written, choose_folder, number_next, write
from sceneshift.data.locking import hold_lock
from sceneshift.data.revisionindex import RevisionIndex
from sceneshift.data.revisions import load_history
from sceneshift.data.scripts import name_below
from sceneshift.data.stage import prepare
from sceneshift.data.system import find_system
from sceneshift.data.target import Request, load_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.data.revisions import History
    from sceneshift.data.scripts import Scripts
    from sceneshift.data.target import Target

_FEW = 4


class NewRequest(Request, frozen=True, kw_only=True):
    """What was asked for.

    Attributes:
        message: What the revision does; None has one made up for a merge.
        branch: Label of the branch that it goes on with; None where there is one.
        is_empty: Whether it is to be filled in by hand.
    """

    message: str | None = None
    branch: str | None = None
    is_empty: bool = False


def new(request: NewRequest) -> None:
    """Write the next revision of a database, and print where it is.

    Raises:
        UsageError: There is no such environment, database or branch.
        SceneshiftError: It cannot be written; nothing is left of it.
    """
    target = load_target(
        request.root,
        request.environ,
        environment=request.environment,
        database=request.database,
    )
    if target.migrated is None:
        raise SceneshiftError(
            f"{quote(target.database.name)} has no migrations",
            hint=f"name Alembic's file: [tool.sceneshift.databases."
            f'{target.database.name}] alembic = "alembic.ini"',
        )
    written = _write_next(target, target.migrated.read(target.root), request)
    console = StreamConsole()
    if request.as_json:
        console.json(_name(target) | written.as_json(target.root))
        return
    for line in written.found:
        console.note(line)
    for each in written.revisions:
        console.data(name_below(target.root, each.file))
    if not written.revisions:
        console.note("models and migrations agree; --empty writes one all the same")


def _write_next(target: Target, scripts: Scripts, request: NewRequest) -> Written:
    with ExitStack() as stack:
        lock = stack.enter_context(hold_lock(target.name_lock()))
        history = _load(target, scripts)
        forks = history.find_forks()
        if forks:
            raise SceneshiftError(
                f"{quote(target.database.name)} has several heads: {', '.join(forks)}",
                hint="make one of them: inv data.merge",
            )
        head = choose_head(history, request.branch)
        program = prepare(target, scripts, "revision", lock)
        is_compared = not request.is_empty
        if is_compared or scripts.has_environment:
            system = find_system(target)
            stack.enter_context(system.hold())
            system.sweep()
            snapshot = None
            if is_compared:
                snapshot = obtain(make_order(target, system), system, lock).id
            draft = system.begin(snapshot)
            stack.callback(system.drop, draft)
            program = system.aim(program, draft)
        wanted = Wanted(
            message=request.message or "",
            head=head,
            rev_id=number_next(history),
            version_path=choose_folder(scripts, history.heads),
            is_compared=is_compared,
        )
        return write(program, wanted)


def merge(request: NewRequest) -> None:
    """Join the heads of each branch by a revision, and print where it is.

    Raises:
        UsageError: There is no such environment or database.
        SceneshiftError: It cannot be written; nothing is left of it.
    """
    found = dict(_merge_all(request))
    console = StreamConsole()
    if request.as_json:
        rows = [
            {"name": target.database.name, **written.as_json(target.root)}
            for target, written in found.values()
        ]
        console.json({"environment": _find_name(request), "databases": rows})
        return
    for target, written in found.values():
        for each in written.revisions:
            console.data(name_below(target.root, each.file))
            console.note(f"{each.id} comes after {name_few(each.down, _FEW)}")
        if not written.revisions:
            console.note(f"{target.database.name}: there is nothing to join")


def _find_name(request: NewRequest) -> str:
    return request.load()[0].environment


def _merge_all(request: NewRequest) -> Iterator[tuple[str, tuple[Target, Written]]]:
    """Yield what was done, by the folder of the migrations: some may have the same."""
    done = set()
    for target in request.load():
        if target.migrated is None:
            continue
        scripts = target.migrated.read(target.root)
        if scripts.location not in done:
            done.add(scripts.location)
            yield str(scripts.location), (target, _merge(target, scripts, request))


def _merge(target: Target, scripts: Scripts, request: NewRequest) -> Written:
    with ExitStack() as stack:
        lock = stack.enter_context(hold_lock(target.name_lock()))
        program = prepare(target, scripts, "revision", lock)
        history = _load(target, scripts)
        if scripts.has_environment and history.find_forks():
            system = find_system(target)
            draft = system.begin(None)
            stack.callback(system.drop, draft)
            program = system.aim(program, draft)
        made = Written()
        while forks := history.find_forks():
            wanted = Wanted(
                message=request.message or f"join {' and '.join(forks)}",
                head=forks,
                rev_id=number_next(history),
            )
            more = write(program, wanted).revisions
            made = Written(revisions=(*made.revisions, *more))
            history = _load(target, scripts)
        return made


def choose_head(history: History, branch: str | None) -> str:
    """Return what the next revision comes after, as Alembic takes it.

    Raises:
        UsageError: It has to be named, or there is no such branch.
    """
    # Without those that another branch needs: no branch ends there.
    after = {other for one in history.revisions.values() for other in one.down}
    ends = [one for one in history.revisions if one not in after]
    labels = sorted(
        {label for each in history.revisions.values() for label in each.labels}
    )
    if branch is not None:
        if branch in ends:
            return branch
        if branch not in labels:
            hint = suggest(branch, [*labels, *ends])
            raise UsageError(f"there is no branch {quote(branch)}", hint=hint)
        return f"{branch}@head"
    if len(ends) > 1:
        names = labels or ends
        raise UsageError(
            f"there are several branches: {name_few(names, _FEW)}",
            hint=f"name the one to go on with: --branch {names[0]}",
        )
    return "head"


def _load(target: Target, scripts: Scripts) -> History:
    return load_history(scripts, RevisionIndex(target.root, scripts))


def _name(target: Target) -> dict[str, str]:
    return {"environment": target.environment, "database": target.database.name}
