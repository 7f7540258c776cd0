"""`inv ide.doctor`: entries are looked at, and then run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from sceneshift.core.errors import UsageError
from sceneshift.core.wording import quote, suggest
from sceneshift.ide.doctor.compound import Compound
from sceneshift.ide.doctor.entry import Entry
from sceneshift.ide.doctor.findings import Examined, Outcome, has_errors
from sceneshift.ide.doctor.guard import Guard
from sceneshift.ide.doctor.references import check_references
from sceneshift.ide.doctor.trial import Verdict
from sceneshift.ide.doctor.variables import Variables
from sceneshift.ide.doctor.workspace import load_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sceneshift.ide.doctor.entry import Request
    from sceneshift.ide.doctor.workspace import Workspace


def examine(root: Path, names: Sequence[str], request: Request) -> Iterator[Examined]:
    """Look at entries of launch.json and run them, one after the other.

    What was started for an entry is ended before the next one is begun.

    Args:
        root: The project's folder.
        names: Which; none means all, and those that start several at last. Those of
            environments that are guarded are run by their names alone.
        request: How.

    Raises:
        ConfigError: A file of `.vscode/` cannot be read.
        UsageError: There is no entry of that name.
    """
    workspace = load_workspace(root.resolve())
    known = [*workspace.configurations, *workspace.compounds]
    for name in names:
        if name not in known:
            text = f"launch.json has no entry {quote(name)}"
            raise UsageError(text, hint=suggest(name, known))
    forbids = _find_guard(workspace, request) if not names else lambda _name: ""
    for name in names or known:
        begun = time.monotonic()
        found = _examine_one(workspace, name, request, forbids(name))
        yield replace(found, time_s=time.monotonic() - begun)


def _find_guard(workspace: Workspace, request: Request) -> Callable[[str], str]:
    answers = request.answers
    variables = Variables(workspace, environ=request.environ, answers=answers)
    return Guard(workspace, variables).find


def _examine_one(
    workspace: Workspace, name: str, request: Request, guarded: str
) -> Examined:
    if name not in workspace.configurations:
        return _examine_compound(workspace, name, request, guarded)
    entry = Entry(workspace, name, request)
    findings = tuple(sorted(entry.check(), key=lambda each: each.is_warning))
    verdict = Verdict(outcome=Outcome.NOT_RUN, detail="looked at only")
    if has_errors(findings):
        verdict = Verdict(outcome=Outcome.FAILED, detail=findings[0].text)
    elif guarded and not request.is_looking:
        verdict = _leave_alone(guarded)
    elif not request.is_looking:
        verdict = entry.run()
    return Examined(
        name=name,
        type=str(entry.resolved.get("type", "")),
        request=str(entry.resolved.get("request", "")),
        outcome=verdict.outcome,
        detail=verdict.detail,
        findings=verdict.findings + findings,
    )


def _leave_alone(guarded: str) -> Verdict:
    detail = f"looked at only, as {quote(guarded)} is guarded: run it by its name"
    return Verdict(outcome=Outcome.NOT_RUN, detail=detail)


def _examine_compound(
    workspace: Workspace, name: str, request: Request, guarded: str
) -> Examined:
    findings = tuple(check_references(workspace.compounds[name], workspace))
    compound = Compound(workspace, name, request)
    detail = f"starts {', '.join(compound.names)}"
    verdict = Verdict(outcome=Outcome.NOT_RUN, detail=detail)
    if findings:
        verdict = Verdict(outcome=Outcome.FAILED, detail=findings[0].text)
    elif guarded and not request.is_looking:
        verdict = _leave_alone(guarded)
    elif not request.is_looking:
        verdict = compound.run()
    return Examined(
        name=name,
        type="compound",
        request="",
        outcome=verdict.outcome,
        detail=verdict.detail,
        findings=verdict.findings + findings,
    )
