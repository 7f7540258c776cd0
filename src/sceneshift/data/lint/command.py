"""`inv data.lint`: whether pending migrations are dangerous.

They are applied to a draft, and what they run is judged: by whatever way a revision
comes to its statements, batch mode and raw SQL alike.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import DriftError, SceneshiftError, UsageError
from sceneshift.core.wording import quote, suggest
from sceneshift.data.build import make_order
from sceneshift.data.lint.ignoring import find_ignored
from sceneshift.data.lint.rules import Finding, Judge
from sceneshift.data.lint.statements import Record
from sceneshift.data.locking import hold_lock
from sceneshift.data.scripts import name_below
from sceneshift.data.stage import begin_at, prepare
from sceneshift.data.standing import find_standing
from sceneshift.data.system import find_system
from sceneshift.data.target import Request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sceneshift.data.configuration import Migrated
    from sceneshift.data.revision import Revision
    from sceneshift.data.revisions import History
    from sceneshift.data.target import Target
    from sceneshift.data.upgrade import Upgrade

_VARIABLE = "SCENESHIFT_ALEMBIC_CAPTURE"
_READS = re.compile(r"\s*(?:SELECT|WITH)\b", re.IGNORECASE)
_CATALOG = re.compile(r"\b(?:pg_\w+|information_schema|sqlite_master|pragma_\w+)\b")


class LintRequest(Request, frozen=True, kw_only=True):
    """What was asked for.

    Attributes:
        is_all: Whether all revisions are looked at; else those that are pending.
        since: The revision after which they are looked at, wherever the database is;
            None means there.
    """

    is_all: bool = False
    since: str | None = None


class Report(Struct, frozen=True, kw_only=True):
    """What was found in the revisions of a database.

    Attributes:
        target: The database.
        count: How many revisions were looked at.
        findings: What is dangerous.
        unseen: Where rows are read: what that leads to is not seen without rows.
        is_complete: Whether all were run; else one failed, and none after it was.
    """

    target: Target
    count: int
    findings: tuple[Finding, ...] = ()
    unseen: tuple[tuple[str, int], ...] = ()
    is_complete: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        root = self.target.root
        return {
            "name": self.target.database.name,
            "revisions": self.count,
            "is_complete": self.is_complete,
            "findings": [
                {
                    "rule": each.rule,
                    "file": name_below(root, Path(each.file)),
                    "line": each.line,
                    "what": each.what,
                    "why": each.why,
                    "instead": each.instead,
                }
                for each in self.findings
            ],
            "unseen": [
                {"file": name_below(root, Path(file)), "line": line}
                for file, line in self.unseen
            ],
        }


def lint(request: LintRequest) -> None:
    """Judge the migrations of an environment's databases, and tell of it.

    Raises:
        UsageError: There is no such environment or database.
        DriftError: Something is dangerous.
        SceneshiftError: That cannot be told.
    """
    targets = request.load()
    reports = [
        _look(each, each.migrated, request)
        for each in targets
        if each.migrated is not None
    ]
    console = StreamConsole()
    if request.as_json:
        name = targets[0].environment
        rows = [each.as_json() for each in reports]
        console.json({"environment": name, "databases": rows})
    else:
        _print(reports, console)
    count = sum(len(each.findings) for each in reports)
    if count:
        rule = next(each.findings[0].rule for each in reports if each.findings)
        raise DriftError(
            f"{count} dangerous operation{'' if count == 1 else 's'}",
            hint=f"mend it, or say that it is meant: # sceneshift: ignore[{rule}]",
        )


def _print(reports: Iterable[Report], console: StreamConsole) -> None:
    for report in reports:
        root = report.target.root
        for one in report.findings:
            place = f"{name_below(root, Path(one.file))}:{one.line}"
            console.data(f"{place}: {one.rule}: {one.what}: {one.why}; {one.instead}")
        for file, line in report.unseen:
            place = f"{name_below(root, Path(file))}:{line}"
            console.note(f"{place}: what it does to the rows that it reads is not seen")
        name, count = report.target.database.name, report.count
        word = f"{count} migration{'' if count == 1 else 's'}" if count else "nothing"
        console.note(f"{name}: {word} looked at")
        if not report.is_complete:
            console.note(f"{name}: what comes after the one that fails is not seen")


def _look(target: Target, migrated: Migrated, request: LintRequest) -> Report:
    is_all = request.is_all
    standing = find_standing(migrated, target.root)
    is_free = is_all or request.since is not None
    if standing.problem is not None and not (is_free and standing.unknown):
        raise SceneshiftError(
            f"{quote(target.database.name)} cannot be looked at: {standing.problem}",
            hint=standing.advise(target.root),
        )
    with ExitStack() as stack:
        system = find_system(target)
        lock = stack.enter_context(hold_lock(target.name_lock()))
        order = make_order(target, system)
        assert order.history is not None
        current = () if is_all else standing.current or ()
        if request.since is not None:
            current = (_find(order.history, request.since),)
        pending = order.history.find_pending(current)
        if not pending:
            return Report(target=target, count=0)
        stack.enter_context(system.hold())
        system.sweep()
        program = prepare(target, standing.scripts, "lint", lock)
        draft = begin_at(order, system, program, current)
        stack.callback(system.drop, draft)
        path = target.make_folder("drafts") / "capture.json"
        stack.callback(path.unlink, missing_ok=True)
        records = _capture(system.aim(program, draft), path, pending)
        return _report(target, records, count=len(pending), is_all=is_all)


def _find(history: History, name: str) -> str:
    """Return a revision.

    Raises:
        UsageError: There is none of this id.
    """
    if name not in history.revisions:
        hint = suggest(name, [*history.revisions])
        raise UsageError(f"there is no revision {quote(name)}", hint=hint)
    return name


def _report(
    target: Target, records: list[Record], *, count: int, is_all: bool
) -> Report:
    found = Judge(_name_system(target), is_each=is_all).judge(records)
    texts = {one.file: Path(one.file).read_text(encoding="utf-8") for one in records}
    return Report(
        target=target,
        count=count,
        is_complete=all(each.error is None for each in records),
        findings=tuple(
            one
            for one in found
            if one.rule not in find_ignored(texts[one.file], one.line)
        ),
        unseen=tuple(
            dict.fromkeys(
                (one.file, one.line)
                for one in records
                if _READS.match(one.statement or "")
                and not _CATALOG.search(one.statement or "")
            )
        ),
    )


def _name_system(target: Target) -> str:
    if target.file is not None:
        return "sqlite"
    return "mysql" if target.database.system in {"mariadb", "mysql"} else "postgresql"


def _capture(program: Upgrade, path: Path, pending: Iterable[Revision]) -> list[Record]:
    """Apply what is pending to a draft, and return what that did.

    Raises:
        ComponentError: The project's Python has no Alembic.
        SceneshiftError: It failed, and not in a revision.
    """
    order = [str(path), *(str(each.file.resolve()) for each in pending)]
    code = Path(__file__).with_name("capturing.py")
    text = code.read_text(encoding="utf-8")
    more = (
        f"space = {{'__name__': 'capturing'}}\n"
        f"exec(compile({text!r}, {str(code)!r}, 'exec'), space)\n"
        "COMMANDS['upgrade'] = (space['capture'], [], [])\n"
    )
    env = {**program.env, _VARIABLE: msgspec.json.encode(order).decode()}
    try:
        replace(program, env=env, more=more).run()
    except SceneshiftError:
        records = read_records(path)
        if any(each.error is not None for each in records):
            return records
        raise
    return read_records(path)


def read_records(path: Path) -> list[Record]:
    """Read what was written down; nothing where it did not come to that."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Record])
    except OSError:
        return []
