"""A baseline, written aside and proved to make what the old revisions make."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.project import load_project
from sceneshift.core.selection import list_environments
from sceneshift.core.wording import name_few, quote
from sceneshift.data.drafts import Wanted, write
from sceneshift.data.squash.baseline import name_replaced, render
from sceneshift.data.squash.contents import Contents, read_contents
from sceneshift.data.stage import begin_at, prepare
from sceneshift.data.target import list_targets

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.core.databases import Database
    from sceneshift.data.build import Order
    from sceneshift.data.squash.plan import Plan
    from sceneshift.data.system import System
    from sceneshift.data.target import Target
    from sceneshift.data.upgrade import Upgrade

_FEW = 3
_SAME = {"postgres": "postgresql", "mariadb": "mysql"}


class Proved(Struct, frozen=True, kw_only=True):
    """A baseline that makes what the old revisions make.

    Attributes:
        file: Where it is, aside.
        name: What it is to be called, seen from the folder of the revisions.
        is_portable: Whether it is by the models, and not as this system's SQL.
        rows: How many statements of it make rows that the old ones have left.
    """

    file: Path
    name: Path
    is_portable: bool
    rows: int


def prove(  # noqa: PLR0913, PLR0917 - all that it is made from
    order: Order,
    system: System,
    planned: Plan,
    message: str,
    folder: Path,
    lock: int,
) -> Proved:
    """Write a baseline that makes the same, by the models or else as SQL.

    Args:
        order: What the code makes of the database.
        system: What can do it; its lock is held.
        planned: What is to be replaced.
        message: What the baseline says.
        folder: Where it is to be; it is empty.
        lock: See `Upgrade.locks`.

    Raises:
        SceneshiftError: Neither does.
    """
    target, console = order.target, StreamConsole()
    assert order.scripts is not None
    program = prepare(target, order.scripts, "squash", lock)
    console.note(f"building {target.title} by {len(planned.others) + 1} migrations")
    draft = begin_at(order, system, program, [planned.last.id])
    old = _read(order, system, draft)
    rows = old.count_rows()
    wanted = Wanted(
        message=message,
        head="head",
        rev_id=planned.last.id,
        branch_label=planned.labels or None,
    )
    why = f"the migrations leave {rows} rows" if rows else ""
    if not rows:
        asked = replace(wanted, is_compared=True)
        try:
            return _try(order, system, program, planned, asked, old, folder / "models")
        except SceneshiftError as error:
            why = error.message
    _insist_on_one_system(target, why)
    console.note(f"by the models it is not the same, so it becomes SQL: {why}")
    asked = replace(wanted, given=render(old.statements))
    return _try(order, system, program, planned, asked, old, folder / "sql")


def _try(  # noqa: PLR0913, PLR0917 - all that it is made from
    order: Order,
    system: System,
    program: Upgrade,
    planned: Plan,
    wanted: Wanted,
    old: Contents,
    folder: Path,
) -> Proved:
    """Write a baseline into a folder, build by it, and compare.

    Raises:
        SceneshiftError: It does not make the same, or nothing at all.
    """
    folder.mkdir()
    aside = replace(
        program,
        versions=folder,
        scripts=replace(program.scripts, versions=(folder,)),
    )
    draft = system.begin(None)
    with ExitStack() as stack:
        stack.callback(system.drop, draft)
        written = write(system.aim(aside, draft), wanted).revisions
        if len(written) != 1:
            raise SceneshiftError(
                "there are no models to make it by",
                hint="name them in env.py: `target_metadata`",
            )
        file = written[0].file
        name_replaced(file, planned.replaces)
        upgrade = replace(aside, words=("upgrade", planned.last.id))
        system.aim(upgrade, draft).run()
        stack.pop_all()
    made = _read(order, system, draft)
    differences = old.list_differences(made)
    if differences:
        raise SceneshiftError(
            f"the baseline makes something else: {name_few(differences, _FEW)}",
            hint="squash fewer of them: inv data.squash --to …",
        )
    return Proved(
        file=file,
        name=file.relative_to(folder),
        is_portable=wanted.is_compared,
        rows=old.count_rows(),
    )


def _read(order: Order, system: System, draft: Database) -> Contents:
    """Read a draft, and drop it: a file of SQLite has one at a time."""
    try:
        path = order.variables.get("PATH", "")
        return read_contents(order.target, system, draft, path=path)
    finally:
        system.drop(draft)


def _insist_on_one_system(target: Target, why: str) -> None:
    """Make sure that no other environment's database would get this one's SQL.

    Raises:
        SceneshiftError: One would.
    """
    project, name = target.project, target.database.name
    own = _SAME.get(target.database.system, target.database.system)
    for other in list_environments(project.root, project.config):
        others = list_targets(
            load_project(
                project.root,
                environ={},
                environment=other,
                is_looking=True,
                config=project.config,
            )
        )
        for each in others:
            system = _SAME.get(each.database.system, each.database.system)
            if each.database.name == name and system != own:
                raise SceneshiftError(
                    f"a baseline would be SQL of {own}, and {quote(other)} has "
                    f"{system}: {why}",
                    hint="mend what the models lack: inv data.check",
                )
