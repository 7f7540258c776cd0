"""Entries that are started together: all of them stay until each was tried."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from sceneshift.core.wording import quote
from sceneshift.ide.dap.client import Client
from sceneshift.ide.doctor.entry import Entry
from sceneshift.ide.doctor.findings import Outcome
from sceneshift.ide.doctor.prelaunch import Tasks
from sceneshift.ide.doctor.trial import Verdict, failed
from sceneshift.ide.doctor.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sceneshift.ide.doctor.entry import Request
    from sceneshift.ide.doctor.findings import Finding
    from sceneshift.ide.doctor.workspace import Workspace

_WORST_FIRST = (Outcome.FAILED, Outcome.NOT_RUN, Outcome.UNPROVEN)


class Compound:
    """A compound of launch.json, whose entries are all there.

    Args:
        workspace: Where it is written.
        name: The compound's.
        request: How it is examined.

    Attributes:
        names: Of its entries, in its order.
    """

    def __init__(self, workspace: Workspace, name: str, request: Request) -> None:
        self._workspace = workspace
        self._request = request
        self._raw: Mapping[str, Any] = workspace.compounds[name]
        listed = self._raw.get("configurations") or ()
        self.names = [
            str(each.get("name") if isinstance(each, dict) else each) for each in listed
        ]

    def run(self) -> Verdict:
        """Run its task, and its entries one after the other, and then end them all."""
        verdicts: dict[str, Verdict] = {}
        with contextlib.ExitStack() as stack:
            finding = self._prepare(stack)
            if finding is not None:
                return failed(finding)
            for name in self.names:
                verdicts[name] = self._run_one(name, stack)
                if verdicts[name].outcome is Outcome.FAILED:
                    break
        return _judge(verdicts)

    def _prepare(self, stack: contextlib.ExitStack) -> Finding | None:
        label = self._raw.get("preLaunchTask")
        if not isinstance(label, str):
            return None
        environ, answers = self._request.environ, self._request.answers
        tasks = Tasks(
            stack.enter_context(Client(environ)),
            self._workspace,
            Variables(self._workspace, environ=environ, answers=answers),
            environ=environ,
            limit_s=self._request.limit_s,
        )
        stack.callback(tasks.stop)
        return tasks.run(label)

    def _run_one(self, name: str, stack: contextlib.ExitStack) -> Verdict:
        entry = Entry(self._workspace, name, self._request)
        # What its own task has started counts: it is looked at only now.
        errors = [each for each in entry.check() if not each.is_warning]
        return failed(errors[0]) if errors else entry.run_within(stack)


def _judge(verdicts: Mapping[str, Verdict]) -> Verdict:
    """Return that of the worst one, or that each was hit."""
    for outcome in _WORST_FIRST:
        for name, verdict in verdicts.items():
            if verdict.outcome is outcome:
                return _name(verdict, name)
    hits = [f"{name}: {verdict.detail}" for name, verdict in verdicts.items()]
    return Verdict(outcome=Outcome.HIT, detail="; ".join(hits))


def _name(verdict: Verdict, name: str) -> Verdict:
    """Return a verdict that says whose it is."""
    start = f"{quote(name)}: "
    findings = tuple(
        replace(each, text=f"{start}{each.text}") for each in verdict.findings
    )
    return replace(verdict, detail=f"{start}{verdict.detail}", findings=findings)
