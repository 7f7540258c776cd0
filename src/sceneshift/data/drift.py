"""`inv data.check`: whether databases, migrations and models agree.

Nothing is changed, not even the table of versions: models are compared with a copy of
what the migrations make.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import DriftError
from sceneshift.core.wording import name_few
from sceneshift.data.build import make_order, obtain
from sceneshift.data.locking import hold_lock
from sceneshift.data.stage import prepare
from sceneshift.data.standing import find_standing
from sceneshift.data.system import find_system

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sceneshift.data.configuration import Migrated
    from sceneshift.data.standing import Standing
    from sceneshift.data.target import Request, Target

_FEW = 5


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    Attributes:
        name: `revisions`, `models` or `schema`.
        is_good: Whether it is as it should be; None where that cannot be told.
        detail: What was found.
        remedy: What to type; None where there is nothing to mend.
    """

    name: str
    is_good: bool | None
    detail: str
    remedy: str | None = None


def check(request: Request) -> None:
    """Look at the databases of an environment, and tell what does not agree.

    Args:
        request: What was asked for.

    Raises:
        UsageError: There is no such environment or database.
        DriftError: Something does not agree, or is pending.
        SceneshiftError: That cannot be told.
    """
    targets = request.load()
    found = {
        each.database.name: list(_look(each, each.migrated))
        for each in targets
        if each.migrated is not None
    }
    console = StreamConsole()
    if request.as_json:
        rows = [
            {"name": name, "findings": [_as_json(each) for each in findings]}
            for name, findings in found.items()
        ]
        console.json({"environment": targets[0].environment, "databases": rows})
    else:
        console.table([("database", "looked at", "found"), *_make_rows(found)])
    bad = [
        each
        for findings in found.values()
        for each in findings
        if each.is_good is False
    ]
    if bad:
        raise DriftError(
            f"{len(bad)} of {sum(map(len, found.values()))} do not agree",
            hint=bad[0].remedy,
        )


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "name": finding.name,
        "is_good": finding.is_good,
        "detail": finding.detail,
        "remedy": finding.remedy,
    }


def _make_rows(found: Mapping[str, list[Finding]]) -> Iterator[tuple[str, ...]]:
    for name, findings in found.items():
        for each in findings:
            word = {True: "ok", False: "differs", None: "unknown"}[each.is_good]
            yield name, each.name, f"{word}: {each.detail}"


def _look(target: Target, migrated: Migrated) -> Iterator[Finding]:
    standing = find_standing(migrated, target.root)
    yield _judge_revisions(standing, target.root)
    if standing.forks:
        return  # no state is what the migrations make
    system = find_system(target)
    with ExitStack() as stack:
        lock = stack.enter_context(hold_lock(target.name_lock()))
        stack.enter_context(system.hold())
        system.sweep()
        order = make_order(target, system)
        snapshot = obtain(order, system, lock)
        draft = system.begin(snapshot.id)
        stack.callback(system.drop, draft)
        upgrade = system.aim(prepare(target, standing.scripts, "check", lock), draft)
        is_at_head = standing.current is not None and not standing.pending
        if is_at_head and standing.problem is None:
            yield _judge_schema(system.read_schema(draft), system.read_schema(None))
        yield _judge_models(upgrade.compare())


def _judge_revisions(standing: Standing, root: Path) -> Finding:
    finding = Finding(name="revisions", is_good=False, detail="")
    if standing.problem is not None:
        remedy = standing.advise(root)
        return replace(finding, detail=standing.problem, remedy=remedy)
    if standing.pending:
        names = name_few([str(each) for each in standing.pending], _FEW)
        detail = f"{len(standing.pending)} pending: {names}"
        return replace(finding, detail=detail, remedy="apply them: inv data.migrate")
    heads = name_few(standing.heads, _FEW) or "no revision yet"
    return replace(finding, is_good=True, detail=f"at the head: {heads}")


def _judge_schema(
    made: Mapping[str, str] | None, live: Mapping[str, str] | None
) -> Finding:
    """Compare the database with what its migrations make."""
    finding = Finding(name="schema", is_good=None, detail="")
    if made is None or live is None:
        return replace(finding, detail="it cannot be read here")
    words = compare_schemas(made, live)
    if not words:
        return replace(finding, is_good=True, detail="as the migrations make it")
    return replace(
        finding,
        is_good=False,
        detail=name_few(words, _FEW),
        remedy="have it as the migrations make it: inv data.reset",
    )


def compare_schemas(wanted: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Return how one schema differs from another, in words for people."""
    words = [f"{name} is not there" for name in wanted if name not in found]
    words += [f"{name} is there besides" for name in found if name not in wanted]
    words += [
        f"{name} is another"
        for name in wanted
        if name in found and wanted[name] != found[name]
    ]
    return sorted(words)


def _judge_models(found: list[str] | None) -> Finding:
    """Compare the models with what the migrations make."""
    finding = Finding(name="models", is_good=None, detail="")
    if found is None:
        return replace(finding, detail="env.py names no models: `target_metadata`")
    if not found:
        return replace(finding, is_good=True, detail="as the migrations make them")
    return replace(
        finding,
        is_good=False,
        detail=f"no migration does it: {name_few(found, _FEW)}",
        remedy='write one: inv data.new "…"',
    )
