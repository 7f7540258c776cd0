"""`inv data.restore`: a backup in a database's place, in one step.

It is put into a draft and compared with its manifest there. From then on it is a
snapshot that is put in place, as a reset puts one, and is taken back in the same way.
"""

from __future__ import annotations

import secrets
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.core.paths import StateFolder
from sceneshift.core.project import load_project
from sceneshift.core.wording import describe_seconds, quote
from sceneshift.data.backups.media import find_medium
from sceneshift.data.backups.medium import get_version_table
from sceneshift.data.backups.origin import find_origin
from sceneshift.data.backups.patience import telling
from sceneshift.data.guards import describe_rows, guard_change
from sceneshift.data.locking import hold_lock
from sceneshift.data.parting import start_parting
from sceneshift.data.snapshots.store import Store
from sceneshift.data.system import find_system
from sceneshift.data.target import Request, load_target
from sceneshift.data.undo import place_state

if TYPE_CHECKING:
    from sceneshift.core.databases import Database
    from sceneshift.data.backups.manifest import Manifest
    from sceneshift.data.backups.medium import Content, Medium
    from sceneshift.data.backups.origin import Origin
    from sceneshift.data.system import System
    from sceneshift.data.target import Target

COMMAND = "inv data.restore"
_ACT = "restore"


class RestoreRequest(Request, frozen=True, kw_only=True):
    """What was asked for.

    Attributes:
        named: An id, or a file.
        into: The database that it is put into; None means the one that it is of.
    """

    named: str
    into: str | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """What is to be put where.

    Attributes:
        origin: What.
        target: The database.
        system: What can put it in place.
        medium: What can read it.
    """

    origin: Origin
    target: Target
    system: System
    medium: Medium

    @property
    def command(self) -> str:
        """What was typed, without what confirms it."""
        command = f"{COMMAND} {self.origin.name}"
        manifest = self.origin.manifest
        name = self.target.database.name
        is_its_own = manifest is not None and manifest.database == name
        return command if is_its_own else f"{command} --into {name}"

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        one = self.origin.manifest
        return {
            "action": _ACT,
            "database": self.target.database.name,
            "place": self.target.title,
            "backup": self.origin.name,
            "at": one and one.at.isoformat(timespec="seconds"),
            "rows": one and one.rows,
        }

    def __str__(self) -> str:
        """Say what is done."""
        one = self.origin.manifest
        text = f"restore {self.target.title} from {self.origin.name}"
        if one is None:
            return f"{text}, of which nothing is known"
        at = one.at.isoformat(timespec="seconds")
        of = f"{one.place} of {one.environment} at {at}"
        return f"{text}, {of}: {describe_rows(one.rows)}"


def restore(request: RestoreRequest) -> None:
    """Put a backup in a database's place, and tell of it.

    Raises:
        UsageError: There is no such environment, database or backup.
        RefusedError: A guard said no; nothing was touched.
        SceneshiftError: It cannot be done; all is as it was.
    """
    console = StreamConsole()
    began = time.monotonic()
    plan = _plan(request)
    if request.is_dry:
        if request.as_json:
            console.json({"actions": [plan.as_json()]})
        else:
            console.data(str(plan))
        return
    guard_change(
        plan.target,
        plan.system,
        request,
        command=plan.command,
        doing="puts a backup in the place of",
    )
    with telling(f"restoring {plan.target.title}"):
        content, undo = _apply(plan)
    start_parting([plan.target])
    took = time.monotonic() - began
    if request.as_json:
        one = {
            "database": plan.target.database.name,
            "place": plan.target.title,
            "backup": plan.origin.name,
            "rows": content.rows,
            "revisions": content.revisions and list(content.revisions),
            "undo": undo,
            "duration_s": round(took, 3),
            "paused": [each.as_json() for each in plan.system.paused],
        }
        console.json({"environment": plan.target.environment, "databases": [one]})
        return
    console.success(
        f"{plan.target.title} is what {plan.origin.name} has: "
        f"{describe_rows(content.rows)}; put in place in {describe_seconds(took)}"
    )
    console.note("take it back: inv data.undo")


def _plan(request: RestoreRequest) -> Plan:
    project = load_project(
        request.root,
        environ=request.environ,
        environment=request.environment,
        is_looking=True,
    )
    origin = find_origin(project, request.named)
    manifest = origin.manifest
    if manifest and request.database not in {None, manifest.database}:
        raise UsageError(
            f"{quote(origin.name)} is of the database {quote(manifest.database)}",
            hint=f"put it into another one: --into {request.database}",
        )
    named = manifest.database if manifest else request.database
    target = load_target(
        request.root,
        request.environ,
        environment=request.environment,
        database=request.into or named,
    )
    medium = find_medium(target)
    if medium.kind != origin.kind:
        raise UsageError(
            f"{quote(origin.name)} is of {origin.kind}, and "
            f"{quote(target.database.name)} is a database of {medium.kind}",
            hint=f"put it into one of {origin.kind}: --into NAME",
        )
    return Plan(origin=origin, target=target, system=find_system(target), medium=medium)


def _apply(plan: Plan) -> tuple[Content, str]:
    """Do it; return what is there then, and the id of the change."""
    target, system = plan.target, plan.system
    with ExitStack() as locks:
        locks.enter_context(hold_lock(target.name_lock()))
        locks.enter_context(system.hold())
        locks.enter_context(StateFolder(target.root).being_written())
        system.sweep()
        _sweep_snapshots(target, system)
        # Of its own each time: it makes nothing again that would be lost.
        snapshot = secrets.token_hex(8)
        try:
            draft = plan.medium.fill(system, plan.origin)
            try:
                content = _verify(plan, draft)
                system.keep(draft, snapshot, is_strict=False)
            finally:
                system.drop(draft)
            what = f"restored the backup {plan.origin.name}"
            entry = place_state(target, system, _ACT, what, snapshot)
        finally:
            system.forget_snapshot(snapshot)
    return content, entry.id


def _sweep_snapshots(target: Target, system: System) -> None:
    """Remove what a restore that was killed has left; the lock is held."""
    known = {each.id for each in Store(target.folder / "snapshots").list_all()}
    for each in system.list_snapshots():
        if each not in known:
            system.forget_snapshot(each)


def _verify(plan: Plan, draft: Database) -> Content:
    """Compare what was put into a draft with what is written down of it."""
    manifest = plan.origin.manifest
    table = manifest.version_table if manifest else get_version_table(plan.target)
    content = plan.medium.look(draft, table)
    if manifest is None:
        return content
    for what, found, expected in _compare(content, manifest):
        if found != expected:
            raise SceneshiftError(
                f"{quote(plan.origin.name)} does not hold what its manifest says: "
                f"{what} {found}, not {expected}",
                hint="take another one: inv data.backups",
            )
    return replace(content, rows=manifest.rows)


def _compare(content: Content, manifest: Manifest) -> list[tuple[str, object, object]]:
    found = [
        (name, content.rows.get(name), count) for name, count in manifest.rows.items()
    ]
    return [*found, ("revisions", content.revisions, manifest.revisions)]
