"""`inv env.switch`: what is asked, step by step.

Nothing slow is imported here while a stack runs, unless it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sceneshift.core.confirmation import confirm_protected
from sceneshift.core.console import StreamConsole, can_ask
from sceneshift.core.errors import UsageError
from sceneshift.env import switchreport as report
from sceneshift.env.pending import apply_pending, find_pending
from sceneshift.env.progress import Progress
from sceneshift.env.running import find_coming

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sceneshift.core.client import Client
    from sceneshift.env.inspection import Result

_ANSWER_S = 600.0  # set-up steps may install packages


class SwitchRequest(NamedTuple):
    """What is asked for.

    Attributes:
        root: The project's folder.
        environ: The process environment.
        name: The environment, or an alias of it; empty where none was named.
        providers: Modules with checks that are run first; none where it is empty.
        migrations: The module that knows of migrations; it need not be there.
        is_forced: Whether a failed check hinders nothing.
        is_migrated: Whether pending migrations are applied first.
        is_confirmed: Whether a protected environment needs no question.
        is_dry: Whether it is only said what would be done.
        within_s: Seconds in which each new process has to be ready.
        as_json: Whether JSON is printed.
    """

    root: Path
    environ: Mapping[str, str]
    name: str
    providers: tuple[str, ...] = ()
    migrations: str | None = None
    is_forced: bool = False
    is_migrated: bool = False
    is_confirmed: bool = False
    is_dry: bool = False
    within_s: float = 30.0
    as_json: bool = False


def switch(request: SwitchRequest) -> None:
    """Have the running stack go over to another environment, and show how it went.

    Where nothing runs, it becomes that of the next `inv dev`.

    Raises:
        UsageError: There is no such environment, or it is configured badly.
        RefusedError: A check has failed, or nobody has confirmed it.
        BusyError: A switch is under way.
        SceneshiftError: It came to nothing, and the old environment goes on.
    """
    _check_flags(request)
    checks = _run_checks(request)
    if request.is_dry:
        _plan(request, checks)
        return
    report.tell_checks(checks)
    report.refuse_failed(request.name, checks, is_forced=request.is_forced)
    (_migrate_and_switch if request.is_migrated else _switch)(request, checks)


def _check_flags(request: SwitchRequest) -> None:
    if not request.name:
        raise UsageError(
            "no environment is named to switch to",
            hint="see which there are: inv env.list",
        )
    if request.is_forced and not request.providers:
        raise UsageError(
            "`--force` goes with `--validate`: nothing is checked without it",
            hint=f"write it so: inv env.switch {request.name} --validate --force",
        )


def _run_checks(request: SwitchRequest) -> list[Result]:
    """Run the checks of the target, where that is asked for.

    Raises:
        UsageError: There is no such environment.
    """
    if not request.providers:
        return []
    from sceneshift.env.validation import examine  # noqa: PLC0415 - 60 ms

    _name, results = examine(
        request.root,
        request.environ,
        name=request.name,
        providers=request.providers,
        is_next=True,
        is_migrated=request.is_migrated,
    )
    return results


def _plan(request: SwitchRequest, checks: Sequence[Result]) -> None:
    """Say what would be done.

    Raises:
        RefusedError: A check has failed, and nothing would be done.
    """
    answer = _Stack(request).ask(is_dry=True)
    if not request.as_json:
        report.show_checks(checks)
    _report(request, answer, checks, find_pending)
    report.refuse_failed(request.name, checks, is_forced=request.is_forced)


def _switch(request: SwitchRequest, checks: Sequence[Result]) -> None:
    """Switch, and look afterwards which migrations are pending.

    Not beside that: where SQLAlchemy and Alembic are imported for it, that takes a
    second of a processor, which the new processes need (two busy cores, ten switches
    each: 1.25 s instead of 0.95 s to the new environment).
    """
    stack = _Stack(request)
    answer = stack.ask(is_confirmed=request.is_confirmed)
    if answer["outcome"] == "protected":
        _confirm(request, answer)
        answer = stack.ask(is_confirmed=True)
    report.raise_failure(answer)
    _report(request, answer, checks, find_pending)


def _migrate_and_switch(request: SwitchRequest, checks: Sequence[Result]) -> None:
    """Apply pending migrations, and then switch.

    It is planned first: what cannot be switched to is not migrated either.
    """
    stack = _Stack(request)
    plan = stack.ask(is_dry=True)
    if plan["is_protected"] and not request.is_confirmed:
        _confirm(request, plan)
    applied = apply_pending(request, plan["environment"])
    if not request.as_json:
        report.tell_migrations(applied, plan["environment"])
    answer = stack.ask(is_confirmed=True)
    report.raise_failure(answer)
    told = applied if request.as_json else []
    _report(request, answer, checks, lambda _request, _name: told)


def _confirm(request: SwitchRequest, plan: dict[str, Any]) -> None:
    """Have a person confirm a plan.

    Raises:
        RefusedError: Nobody does.
    """
    name = plan["environment"]
    if can_ask() and not request.as_json:
        report.print_answer({**plan, "outcome": "planned"})
    command = f"inv env.switch {name} --yes"
    confirm_protected(name, doing="this switches to it", command=command)


def _report(
    request: SwitchRequest,
    answer: dict[str, Any],
    checks: Sequence[Result],
    find_migrations: Callable[[SwitchRequest, str], list[dict[str, Any]]],
) -> None:
    """Print what has become of it; what takes longer to find comes last."""
    name = answer["environment"]
    if not request.as_json:
        report.print_answer(answer)
        report.tell_migrations(find_migrations(request, name), name)
        return
    said = {key: value for key, value in answer.items() if key != "failure"}
    said["checks"] = [each.as_json() for each in checks]
    said["migrations"] = find_migrations(request, name)
    StreamConsole().json(said)


class _Stack:
    """Who answers: the stack that runs, or the files where none does."""

    def __init__(self, request: SwitchRequest) -> None:
        self._request = request
        self._client = find_coming(request.root)

    def ask(self, *, is_dry: bool = False, is_confirmed: bool = False) -> Any:
        """Have it switch, or plan that.

        Raises:
            SceneshiftError: It cannot, and nothing is another.
        """
        if self._client is None:
            answer = self._ask_files(is_dry=is_dry, is_confirmed=is_confirmed)
            if answer["outcome"] in ("planned", "protected"):
                return answer
            # What was started meanwhile may have read them before.
            self._client = find_coming(self._request.root)
            if self._client is None:
                return answer
        return self._ask_stack(self._client, is_dry=is_dry, is_confirmed=is_confirmed)

    def _ask_files(self, *, is_dry: bool, is_confirmed: bool) -> dict[str, Any]:
        from sceneshift.env.activation import activate  # noqa: PLC0415 - 60 ms

        return activate(self._request, is_dry=is_dry, is_confirmed=is_confirmed)

    def _ask_stack(self, client: Client, *, is_dry: bool, is_confirmed: bool) -> Any:
        request = self._request
        message = {
            "op": "switch",
            "environment": request.name,
            "dry_run": is_dry,
            "is_confirmed": is_confirmed,
            "within_s": request.within_s,
        }
        try:
            answer = client.ask(
                message, wait_s=_ANSWER_S, meanwhile=Progress(request.root)
            )
        except KeyboardInterrupt:
            StreamConsole().note("the switch goes on; see how far: inv dev.status")
            raise
        del answer["ok"]
        return answer
