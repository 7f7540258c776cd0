"""`inv data.follow`: having databases be those of the branch that is checked out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sceneshift.core.branch import find_branch
from sceneshift.core.console import StreamConsole
from sceneshift.core.databases import name_variable
from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.core.wording import quote
from sceneshift.data.branches.follow import COMMAND, describe, follow, plan_follow, tell
from sceneshift.data.branches.step import Way
from sceneshift.data.firstuse import insist_on_missing
from sceneshift.data.guards import find_hosts, is_here
from sceneshift.data.parting import start_parting

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sceneshift.data.branches.follow import Followed
    from sceneshift.data.target import Request, Target


def follow_all(request: Request) -> None:
    """Have databases be those of the branch that is checked out, and tell of it.

    Nobody is asked: what is there is kept.

    Args:
        request: What was asked for.

    Raises:
        UsageError: There is no such environment or database, or no git.
        RefusedError: A guard said no; nothing was touched.
        SceneshiftError: It cannot be done; what was not told of is as it was.
    """
    targets = request.load()
    branch = get_branch(targets[0])
    for each in targets:
        if is_shared(each):
            raise UsageError(
                f"{quote(each.database.name)} is that of the main checkout, and "
                "follows that",
                hint=f"do it there: {COMMAND} --database {each.database.name}",
            )
    if request.is_dry:
        _show_plan(request, targets, branch)
        return
    insist_on_missing(targets[0].project)
    console, done = StreamConsole(), []
    for each in targets:
        done.append(follow(each, branch, is_asked=True))
        if not request.as_json:
            console.success(str(done[-1]))
    start_parting(targets)
    if request.as_json:
        branch = done[-1].step.branch
        _show(targets[0], branch, [each.as_json() for each in done])
    elif any(each.undo for each in done):
        console.note("take it back: inv data.undo")


def get_branch(target: Target) -> str:
    """Return the branch that a database's project is on.

    Raises:
        UsageError: It is in no checkout of git.
    """
    branch = find_branch(target.root)
    if branch is None:
        raise UsageError(
            f"{target.root} is in no checkout of git, so there is nothing to follow",
            hint="make it anew: inv data.reset",
        )
    return branch


def _show_plan(request: Request, targets: Sequence[Target], branch: str) -> None:
    console = StreamConsole()
    steps = [plan_follow(each, branch) for each in targets]
    if request.as_json:
        actions = [describe(each) for each in steps if each.way is not Way.NONE]
        console.json({"actions": actions})
        return
    for each in steps:
        console.data(tell(each, is_done=False))


def _show(target: Target, branch: str, rows: list[dict[str, Any]]) -> None:
    StreamConsole().json(
        {"environment": target.environment, "branch": branch, "databases": rows}
    )


# -- by itself


def is_shared(target: Target) -> bool:
    """Tell whether a worktree has a database in common with the main checkout."""
    common = {name for name, _ in target.project.environment.separation.common}
    return target.database.name in common


def is_following(target: Target) -> bool:
    """Tell whether a database is one that follows git by itself.

    None of a protected environment does, nor one on another machine: others use it.
    """
    project = target.project
    wanted = {
        name_variable(name)
        for name, section in project.config.databases.items()
        if section.follow_branch
    }
    if target.database.variable not in wanted or project.environment.protected:
        return False
    hosts = find_hosts(target.database.url, project.environment.values)
    return all(map(is_here, hosts)) and not is_shared(target)


def follow_first(
    targets: Iterable[Target], database: str | None = None
) -> list[Followed]:
    """Have those databases follow that do so by themselves, before a command.

    What is done is told, and so is why it cannot be: the command goes on then.

    Args:
        targets: Databases of one environment.
        database: The name of the one that the command is for; None means all.

    Returns:
        What was done.
    """
    done = []
    console = StreamConsole()
    for each in filter(is_following, targets):
        branch = find_branch(each.root)
        if branch is None or database not in {None, each.database.name}:
            continue
        try:
            followed = follow(each, branch, is_asked=False)
        except SceneshiftError as error:
            console.note(f"{each.title} does not follow {branch}: {error.message}")
            console.note(f"hint: {error.hint}")
            continue
        if followed.step.way is Way.NONE:
            continue
        done.append(followed)
        if followed.undo is not None:
            console.note(str(followed))
    return done
