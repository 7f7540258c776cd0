"""How the outcome of a switch is shown."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import RefusedError, SceneshiftError
from sceneshift.core.wording import describe_seconds, name_few, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sceneshift.env.inspection import Result


def raise_failure(answer: dict[str, Any]) -> None:
    """Say which process failed, after its last lines.

    Raises:
        SceneshiftError: One did.
    """
    failure = answer["failure"]
    if failure is None:
        return
    for line in failure["output"]:
        StreamConsole().note(f"{failure['process']} | {line}")
    goes_on = f"`{answer['former']}` goes on; see all: inv dev.logs"
    who = "" if failure["process"] is None else f"`{failure['process']}`: "
    raise SceneshiftError(
        f"not switched to `{answer['environment']}`: {who}{failure['reason']}",
        hint=failure.get("hint") or goes_on,
    )


def print_answer(answer: dict[str, Any]) -> None:
    """Print what was done, or would be, for people."""
    console = StreamConsole()
    name, former = answer["environment"], answer["former"]
    match answer["outcome"]:
        case "set":
            console.success(f"nothing runs; the next `inv dev` starts in `{name}`")
            _warn_of_pin(name)
        case "already":
            rest = "" if answer["processes"] else "; start it: inv dev"
            console.note(f"`{name}` is active already{rest}")
            _print_processes(answer)
        case "planned":
            _print_plan(answer)
        case _:
            took = describe_seconds(answer["duration_s"])
            console.success(f"switched from `{former}` to `{name}` in {took}")
            _print_processes(answer)
            _warn_of_pin(name)


def _warn_of_pin(name: str) -> None:
    """Say where this shell would start another one all the same."""
    from sceneshift.core.selection import VARIABLE  # noqa: PLC0415 - at the end

    pinned = os.environ.get(VARIABLE)
    if pinned and pinned != name:
        StreamConsole().note(
            f"{VARIABLE} is set here, so the next `inv dev` starts in `{pinned}`"
        )


def _print_plan(answer: dict[str, Any]) -> None:
    console = StreamConsole()
    name, former = answer["environment"], answer["former"]
    console.note(f"from `{former or 'none'}` to `{name}`; nothing is done yet")
    if answer["is_protected"]:
        console.note(f"`{name}` is protected: its name will be asked for, or --yes")
    if not answer["actions"]:
        console.note(f"nothing runs; the next `inv dev` would start in `{name}`")
        return
    rows = [
        (
            each["process"],
            each["action"],
            each["how"] or "-",
            _describe_ports(each),
            ", ".join([*each["settings"], *each["variables"]]) or "-",
        )
        for each in answer["actions"]
    ]
    console.table([("process", "action", "how", "port", "because of"), *rows])


def _describe_ports(action: dict[str, Any]) -> str:
    old, new = action["old_port"], action["new_port"]
    if old == new:
        return str(new or "-")
    return f"{old or '-'} -> {new or '-'}"


def _print_processes(answer: dict[str, Any]) -> None:
    if not answer["processes"]:
        return
    rows = [
        (each["name"], each["state"], each["url"] or "-", each["health"] or "-")
        for each in answer["processes"]
    ]
    StreamConsole().table([("process", "state", "address", "health"), *rows])


# -- checks


def show_checks(checks: Sequence[Result]) -> None:
    """Print all that was found, as `inv env.validate` does."""
    if checks:
        from sceneshift.env.inspection import print_table  # noqa: PLC0415 - only here

        print_table(checks)


def tell_checks(checks: Sequence[Result]) -> None:
    """Tell people of what hinders, or may; the rest is a count."""
    console = StreamConsole()
    for check in checks:
        remedy = check.verdict.remedy
        if remedy is not None:
            state = check.verdict.state.value
            console.note(f"{check.name}: {state}: {check.verdict.detail}: {remedy}")
    if checks:
        failed = sum(check.has_failed for check in checks)
        console.note(f"{len(checks)} checks, {failed or 'none'} of them failed")


def refuse_failed(name: str, checks: Sequence[Result], *, is_forced: bool) -> None:
    """Refuse to switch where a check has failed.

    Raises:
        RefusedError: One has, and nobody insists.
    """
    failed = [check.name for check in checks if check.has_failed]
    if failed and not is_forced:
        what = "a check has" if len(failed) == 1 else f"{len(failed)} checks have"
        raise RefusedError(
            f"not switched to {quote(name)}: {what} failed: {', '.join(failed)}",
            hint="mend what the lines above say, or switch nevertheless: --force",
        )


# -- migrations


def tell_migrations(migrations: Sequence[dict[str, Any]], environment: str) -> None:
    """Tell people which migrations are pending, or were applied."""
    console = StreamConsole()
    is_pending = False
    for each in migrations:
        where = f"{each['database']}: " if each["database"] else ""
        if each["problem"] is not None:
            console.note(f"migrations: {where}{each['problem']}")
        elif each["revisions"]:
            word = "applied" if each["is_applied"] else "pending"
            is_pending = is_pending or not each["is_applied"]
            names = name_few(each["revisions"], 3)
            console.note(f"migrations: {where}{word}: {names}")
    if is_pending:
        console.note(f"apply them: inv env.switch {environment} --migrate")
