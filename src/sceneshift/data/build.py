"""Building a state of a database aside, and keeping it as a snapshot."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.branch import find_branch
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.project import build_common_env
from sceneshift.core.wording import quote
from sceneshift.data.asking import tell_of_others
from sceneshift.data.checkout import check_unchanged
from sceneshift.data.revisionindex import RevisionIndex
from sceneshift.data.revisions import load_history
from sceneshift.data.scripts import name_below
from sceneshift.data.seeding.application import prepare
from sceneshift.data.seeding.progress import Telling
from sceneshift.data.snapshots.snapshot import (
    Snapshot,
    chain,
    find_ancestor,
    make_recipe,
    name_snapshot,
)
from sceneshift.data.snapshots.store import Store
from sceneshift.data.snapshots.traced import Inputs, read_trace, take_inputs
from sceneshift.data.soundness import is_kept
from sceneshift.data.upgrade import Upgrade
from sceneshift.data.versions import (
    ComputedNameError,
    find_version_table,
    read_versions,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from sceneshift.core.databases import Database
    from sceneshift.data.choice import Choice
    from sceneshift.data.revisions import History
    from sceneshift.data.scripts import Scripts
    from sceneshift.data.seeding.application import Seeding
    from sceneshift.data.seeding.program import Program
    from sceneshift.data.snapshots.snapshot import Recipe
    from sceneshift.data.standby import Standby
    from sceneshift.data.system import System
    from sceneshift.data.target import Target

_IMPORT = re.compile(rb"^\s*(?:from|import)\s+([A-Za-z_]\w*)", re.MULTILINE)
_ADDRESS = re.compile(r".*_(?:PORT|URL)|PORT")


class Code(Struct, frozen=True, kw_only=True):
    """What makes the schema of a database.

    Attributes:
        scripts: Its migrations; None where it has none.
        history: Their revisions.
        links: What `chain` says of these.
        branch: The branch of git that all this was read on; None where there is none.
    """

    scripts: Scripts | None
    history: History | None
    links: Mapping[str, str]
    branch: str | None


class Order(Struct, frozen=True, kw_only=True):
    """What is to be built.

    Attributes:
        target: For which database.
        scripts: Its migrations; None where it has none.
        history: Their revisions.
        links: What `chain` says of these.
        recipe: What it is made from, as far as is known.
        variables: What the programs get.
        names: Those of them that can matter.
        choice: The dataset that it is filled with; None where it is a schema alone.
        branch: The branch of git that all this was read on; None where there is none.
        standby: What may have been started for its migrations.
    """

    target: Target
    scripts: Scripts | None
    history: History | None
    links: Mapping[str, str]
    recipe: Recipe
    variables: Mapping[str, str]
    names: frozenset[str]
    choice: Choice | None = None
    branch: str | None = None
    standby: Standby | None = None

    @property
    def schema(self) -> Order:
        """The same without its dataset."""
        recipe = replace(self.recipe, dataset=None, data=None)
        return replace(self, recipe=recipe, choice=None)

    @property
    def store(self) -> Store:
        """What is written down of the database's snapshots."""
        return Store(self.target.folder / "snapshots")

    def find(self) -> Snapshot | None:
        """Return the snapshot that this would make."""
        return self.store.find(self.recipe, self.target.root, self.variables)


def read_code(target: Target) -> Code:
    """Find out what the code has of a database.

    Raises:
        SceneshiftError: The migrations cannot be read, or have several heads.
    """
    branch = find_branch(target.root)
    if target.migrated is None:
        return Code(scripts=None, history=None, links={}, branch=branch)
    scripts = target.migrated.read(target.root)
    history = load_history(scripts, RevisionIndex(target.root, scripts))
    _check_heads(target, history)
    links = chain(history)
    return Code(scripts=scripts, history=history, links=links, branch=branch)


def make_order(
    target: Target,
    system: System,
    *,
    choice: Choice | None = None,
    code: Code | None = None,
) -> Order:
    """Find out what the code would make of a database.

    Args:
        target: The database.
        system: What can do it.
        choice: The dataset that it is filled with; None leaves it at the schema.
        code: What `read_code` has found; None has it look.

    Raises:
        SceneshiftError: The migrations cannot be read, or have several heads.
    """
    code = code or read_code(target)
    recipe = make_recipe(system.description, code.scripts, code.history, code.links)
    if choice is not None:
        recipe = replace(recipe, dataset=choice.name, data=choice.digest)
    return Order(
        target=target,
        scripts=code.scripts,
        history=code.history,
        links=code.links,
        recipe=recipe,
        choice=choice,
        variables=build_common_env(target.project),
        names=frozenset(_list_names(target)),
        branch=code.branch,
    )


def _check_heads(target: Target, history: History) -> None:
    forks = history.find_forks()
    if forks:
        raise SceneshiftError(
            f"{quote(target.database.name)} has several heads: {', '.join(forks)}",
            hint="make one of them: inv data.merge",
        )


def _list_names(target: Target) -> Iterable[str]:
    """Return the variables that the project sets, but for addresses.

    Those are another in each worktree, and the database's is the draft's in a build.
    """
    for name, value in target.project.environment.values.items():
        if value.is_own and not _ADDRESS.fullmatch(name):
            yield name


def obtain(order: Order, system: System, lock: int) -> Snapshot:
    """Return the snapshot that is ordered; build it where it is not kept.

    Raises:
        SceneshiftError: See `build`.
    """
    found = order.find()
    if found is not None and is_kept(order.target, system, found):
        return found
    return build(order, system, locks=(lock,))


def build(
    order: Order,
    system: System,
    *,
    locks: tuple[int, ...] = (),
    is_rebuilt: bool = False,
) -> Snapshot:
    """Build what is ordered, from as near as possible, and keep it.

    Args:
        order: What that is.
        system: What can do it.
        locks: See `Upgrade.locks`.
        is_rebuilt: Whether nothing that is kept is to be used.

    Raises:
        SceneshiftError: A migration failed; nothing is left of it, and the database was
            not touched.
    """
    if order.choice is None:
        return _build_schema(order, system, locks, is_rebuilt=is_rebuilt)
    began = time.monotonic()
    seeding = _prepare(order, order.choice)
    with seeding.start() as program:  # which imports while the schema is built
        found = None if is_rebuilt else order.schema.find()
        if found is None or not is_kept(order.target, system, found):
            found = _build_schema(order.schema, system, locks, is_rebuilt=is_rebuilt)
        draft = system.begin(found.id)
        try:
            aimed = replace(system.aim(seeding, draft), is_draft=True)
            read = _fill(order, order.choice, aimed, program)
            return _keep(order, system, draft, found.inputs | read, began)
        finally:
            system.drop(draft)


def _build_schema(
    order: Order, system: System, locks: tuple[int, ...], *, is_rebuilt: bool
) -> Snapshot:
    began = time.monotonic()
    target = order.target
    kept = [] if is_rebuilt else order.store.list_all()
    ancestor = find_ancestor(
        [
            one
            for one in kept
            if one.recipe.dataset is None and is_kept(target, system, one)
        ],
        order.recipe,
        order.links,
        target.root,
        order.variables,
    )
    draft = system.begin(None if ancestor is None else ancestor.id)
    try:
        inputs = Inputs() if ancestor is None else ancestor.inherited
        if order.scripts is not None:
            inputs |= _migrate(order, order.scripts, system, draft, locks)
        return _keep(order, system, draft, inputs, began)
    finally:
        system.drop(draft)


def _migrate(
    order: Order,
    scripts: Scripts,
    system: System,
    draft: Database,
    locks: tuple[int, ...],
) -> Inputs:
    target = order.target
    target.make_folder("drafts")
    upgrade = prepare_upgrade(target, scripts, locks)
    trace = upgrade.trace
    assert trace is not None
    try:
        system.aim(upgrade, draft).run(order.standby)
        read = read_trace(trace)
    finally:
        trace.unlink(missing_ok=True)
    tell_of_others(read, target)
    inputs = take_inputs(
        read, target.root, order.variables, names=order.names, known=scripts.versions
    )
    check_unchanged(order)
    _check(order, scripts, draft)
    return inputs


def prepare_upgrade(
    target: Target, scripts: Scripts, locks: tuple[int, ...] = ()
) -> Upgrade:
    """Return what migrates a draft, once it is aimed at that; nothing is changed."""
    return Upgrade(
        root=target.root,
        scripts=scripts,
        database=target.database,
        env=build_common_env(target.project),
        log=target.folder.parent / f"migration-{target.database.name}.log",
        locks=locks,
        trace=target.folder / "drafts" / "trace.json",
    )


def _prepare(order: Order, choice: Choice) -> Seeding:
    target = order.target
    trace = target.make_folder("drafts") / "seeding.json"
    seeding = prepare(target, choice.datasets, order.scripts, choice.now)
    return replace(seeding, trace=trace)


def _fill(order: Order, choice: Choice, seeding: Seeding, program: Program) -> Inputs:
    """Fill a draft with a dataset; return what that has read."""
    assert seeding.trace is not None
    try:
        seeding.apply(Telling(), program=program)
        read = read_trace(seeding.trace)
    finally:
        seeding.trace.unlink(missing_ok=True)
    tell_of_others(read, order.target)
    root = order.target.root
    inputs = take_inputs(
        read, root, order.variables, names=order.names, known=choice.folders
    )
    check_unchanged(order)
    return inputs


def _check(order: Order, scripts: Scripts, draft: Database) -> None:
    """Make sure that it was the draft that was migrated."""
    target, history = order.target, order.history
    assert history is not None
    try:
        table = find_version_table(scripts)
    except ComputedNameError:
        return
    found = read_versions(draft, target.root, table) or ()
    check_unchanged(order, found)
    if history.find_pending(found):
        program = name_below(target.root, scripts.environment)
        raise SceneshiftError(
            f"{quote(target.database.name)} was not built: {program} connects to "
            f"another database than the one that {target.database.variable} names",
            hint=f'let it read os.environ["{target.database.variable}"]: {program}',
        )


def _keep(
    order: Order, system: System, draft: Database, inputs: Inputs, began: float
) -> Snapshot:
    target, history = order.target, order.history
    snapshot = Snapshot(
        id=name_snapshot(order.recipe, inputs),
        recipe=order.recipe,
        inputs=inputs,
        imports=history is not None and _do_import(history, target.root),
        versions=() if history is None else history.heads,
        count=0 if history is None else len(history.revisions),
        rows=dict(system.count_rows(draft)),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        build_s=round(time.monotonic() - began, 3),
    )
    system.keep(draft, snapshot.id)
    target.make_folder("snapshots")
    order.store.write(snapshot)
    return snapshot


def _do_import(history: History, root: Path) -> bool:
    """Tell whether a revision imports a module of the project."""
    names = {
        name.decode()
        for each in history.revisions.values()
        for name in _IMPORT.findall(each.file.read_bytes())
    }
    places = [folder / name for folder in (root, root / "src") for name in names]
    return any(each.is_dir() or each.with_suffix(".py").is_file() for each in places)
