"""The two ways to debug a program: starting it, and attaching to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from sceneshift.ide.doctor.diagnosis import diagnose, judge_stop, maps
from sceneshift.ide.doctor.findings import Kind, Outcome
from sceneshift.ide.doctor.listening import find_command
from sceneshift.ide.doctor.places import (
    choose_functions,
    choose_places,
    choose_routes,
    find_role,
    group_lines,
)
from sceneshift.ide.doctor.target import Role, read_command
from sceneshift.ide.doctor.trial import Trial, Verdict, fail, start

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sceneshift.ide.dap.client import Client, Frame
    from sceneshift.ide.doctor.target import Target

_START_S = 20.0
_IDLE_S = 5.0  # in which a program that serves nobody runs a line, if ever
_PID_S = 5.0
_PORT_S = 1.0
_TAKEN = "address already in use"  # the system's words for EADDRINUSE


def attempt_launch(
    client: Client,
    resolved: Mapping[str, Any],
    target: Target,
    *,
    root: Path,
    limit_s: float,
) -> Verdict:
    """Start the entry's program, and have it run a line."""
    target = replace(target, role=find_role(root, target))
    places = choose_places(root, target)
    if not places:
        return fail(
            Kind.NO_PLACE,
            f"no line to stop at is found for {' '.join(target.words[:3])}",
            "is its code in this project?",
        )
    # Before it starts: it may run them at once.
    client.break_at(group_lines(places))
    session = start(client, resolved, limit_s=min(_START_S, limit_s))
    if isinstance(session, Verdict):
        return session
    trial = Trial(client, session, resolved=resolved, root=root, limit_s=limit_s)
    trial.places = places
    if target.role is Role.WEB:
        return _ask_server(trial, target.port)
    is_test = target.role is Role.TESTS
    frame = trial.wait_for_stop(None if is_test else _IDLE_S)
    if frame is not None:
        return judge_stop(trial, frame)
    if is_test and not trial.has_ended:
        return fail(
            Kind.SILENT,
            f"no test is run within {limit_s:g} s{trial.find_last_words()}",
            "name fewer tests, or give it more time",
        )
    return judge_end(trial) if trial.has_ended else diagnose(trial)


def _ask_server(trial: Trial, port: int | None) -> Verdict:
    trial.wait(lambda: trial.find_port(port))
    if (frame := trial.take_stop()) is not None:
        return judge_stop(trial, frame)
    if trial.has_ended:
        return judge_end(trial)
    if trial.port is None:
        return fail(
            Kind.SILENT,
            f"it has not begun to listen within {trial.limit_s:g} s"
            f"{trial.find_last_words()}",
            "start it in a terminal to see more",
        )
    frame = trial.call_routes(trial.places)
    if frame is not None:
        return judge_stop(trial, frame)
    return judge_end(trial) if trial.has_ended else diagnose(trial)


def judge_end(trial: Trial) -> Verdict:
    """Judge a program that has ended without a stop."""
    code = trial.session.exit_code
    shown = "" if code is None else f" with exit code {code}"
    if _TAKEN in trial.session.output.lower():
        return fail(
            Kind.PORT_TAKEN,
            f"the program ends{shown}, as its port is taken{trial.find_last_words()}",
            "stop what runs already: inv dev.stop",
        )
    if maps(trial):
        return fail(
            Kind.NO_MAPPING,
            f"the program ends{shown}, and its `pathMappings` lead breakpoints away "
            f"from {trial.places[0].file}",
            "take `pathMappings` out where the program runs on this machine",
        )
    return fail(
        Kind.ENDED,
        f"the program ends{shown}, and no breakpoint was hit{trial.find_last_words()}",
        "start it in a terminal to see more",
    )


def attempt_attach(
    client: Client, resolved: Mapping[str, Any], *, root: Path, limit_s: float
) -> Verdict:
    """Attach to what the entry names, and have it run a line; it goes on afterwards."""
    session = start(client, resolved, limit_s=min(_START_S, limit_s))
    if isinstance(session, Verdict):
        return session
    trial = Trial(client, session, resolved=resolved, root=root, limit_s=limit_s)
    trial.wait(lambda: session.pid is not None, _PID_S)
    command = None if session.pid is None else find_command(session.pid)
    target = None if command is None else read_command(*command, root)
    wanted = None if target is None else target.port
    trial.wait(lambda: trial.find_port(wanted), _PORT_S)
    own = None if target is None else target.find_file()
    is_known = own is not None and own.is_relative_to(root)
    # What is not in the project is no file of the editor's: it may be a copy.
    frame = _provoke(trial, own if is_known else None)
    if frame is not None:
        return judge_stop(trial, frame)
    return judge_end(trial) if trial.has_ended else _judge_attached(trial)


def _provoke(trial: Trial, own: Path | None) -> Frame | None:
    """Ask a server for its routes; wait for what any other program does by itself."""
    routes = [] if trial.port is None else choose_routes(trial.root, own)
    trial.break_at(routes or choose_functions(trial.root, own))
    trial.wait_until_placed()
    if trial.port is None:
        return trial.wait_for_stop(_find_idle(trial))
    return trial.call_routes(trial.places)


def _find_idle(trial: Trial) -> float:
    """Return how long a program may do nothing; the rest is for finding out why."""
    return min(_IDLE_S, trial.limit_s / 4)


def _judge_attached(trial: Trial) -> Verdict:
    """Judge a program that has run none of the lines; a worker may have nothing to do.

    Where it serves nobody, that it was attached to is all that can be told.
    """
    verdict = diagnose(trial)
    kinds = [finding.kind for finding in verdict.findings]
    if trial.port is not None or kinds != [Kind.NEVER_HIT]:
        return verdict
    idle_s = _find_idle(trial)
    detail = f"attached, but it has run none of the lines within {idle_s:g} s"
    return Verdict(outcome=Outcome.UNPROVEN, detail=detail)
