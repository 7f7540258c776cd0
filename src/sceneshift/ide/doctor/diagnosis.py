"""Why a breakpoint that was accepted is never hit."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from sceneshift.core.holders import find_holder
from sceneshift.core.wording import name_few
from sceneshift.ide.doctor.findings import Kind
from sceneshift.ide.doctor.places import list_functions
from sceneshift.ide.doctor.program import off
from sceneshift.ide.doctor.trial import Verdict, fail, failed, is_same_file

if TYPE_CHECKING:
    from sceneshift.ide.dap.client import Frame
    from sceneshift.ide.doctor.trial import Trial

_WAIT_S = 3.0


def diagnose(trial: Trial) -> Verdict:
    """Try again with the names of functions, which need no paths, and judge."""
    names = list_functions(trial.places)
    trial.client.break_in(names)
    answered = [call for call in trial.calls if (call.status or 500) < 400]
    paths = [call.path for call in answered or trial.calls]
    frame = trial.call_paths(paths) if paths else trial.wait_for_stop(_WAIT_S)
    if frame is not None:
        return _judge_function(trial, frame)
    if trial.resolved.get("subProcess") is False:
        return failed(off("the code runs in a child process"))
    return _judge_answers(trial)


def judge_stop(trial: Trial, frame: Frame) -> Verdict:
    """Tell whether it stands in a file that was meant: a mapping may lead elsewhere."""
    if any(is_same_file(frame.file, place.file) for place in trial.places):
        return trial.hit(frame)
    meant = _find_meant(trial, frame)
    return fail(
        Kind.NO_MAPPING,
        f"it stops in {frame.file}, and the file is {meant}: its `pathMappings` do not "
        "fit",
        "take `pathMappings` out where the program runs on this machine",
    )


def _find_meant(trial: Trial, frame: Frame) -> Path:
    """Return the file of the function that it stands in."""
    named = [place for place in trial.places if place.function == frame.function]
    return (named or trial.places)[0].file


def _judge_function(trial: Trial, frame: Frame) -> Verdict:
    """Judge a stop that only the name of a function has brought."""
    meant = _find_meant(trial, frame)
    accepted = "breakpoints are accepted and never hit"
    if not is_same_file(frame.file, meant):
        local, remote = split_common(meant, PurePath(frame.file))
        folder = _shorten(local, trial.root)
        return fail(
            Kind.NO_MAPPING,
            f"{accepted}: the process runs {frame.file}, and the editor has {meant}",
            f'write "pathMappings": [{{"localRoot": "{folder}", '
            f'"remoteRoot": "{remote}"}}]',
        )
    if maps(trial):
        return fail(
            Kind.NO_MAPPING,
            f"{accepted}: its `pathMappings` lead them away from {meant}",
            "take `pathMappings` out where the program runs on this machine",
        )
    return fail(
        Kind.NEVER_HIT,
        f"{accepted}, though {frame.function} of {meant} is run",
        "has the file been changed since the program was started?",
    )


def maps(trial: Trial) -> bool:
    """Tell whether paths of the program are others than the editor's."""
    mappings = trial.resolved.get("pathMappings") or []
    return any(each.get("localRoot") != each.get("remoteRoot") for each in mappings)


def split_common(local: Path, remote: PurePath) -> tuple[Path, PurePath]:
    """Return what two paths begin with, their common end left out."""
    ours, theirs = list(local.parts), list(remote.parts)
    while len(ours) > 1 and len(theirs) > 1 and ours[-1] == theirs[-1]:
        ours.pop()
        theirs.pop()
    return Path(*ours), PurePath(*theirs)


def _shorten(folder: Path, root: Path) -> str:
    if not folder.is_relative_to(root):
        return str(folder)
    inside = folder.relative_to(root).as_posix()
    return "${workspaceFolder}" + ("" if inside == "." else f"/{inside}")


def _judge_answers(trial: Trial) -> Verdict:
    said = name_few([call.describe() for call in trial.calls], 3)
    if trial.calls and not any((call.status or 500) < 400 for call in trial.calls):
        return fail(
            Kind.NEVER_HIT,
            f"no request has come to a handler: {said}",
            "see what the server says to such a request",
        )
    holder = None
    if trial.port is not None:
        holder = find_holder(trial.port, root=trial.root)
    if holder is not None and holder.pid not in trial.list_pids() | {None}:
        return fail(
            Kind.NEVER_HIT,
            f"port {trial.port} is answered by a process that is not debugged: "
            f"{holder}",
            "stop that one, or attach to it",
        )
    asked = f" ({said})" if said else ""
    return fail(
        Kind.NEVER_HIT,
        f"breakpoints are accepted and never hit{asked}",
        "is the code run in another process, or by code that is loaded elsewhere?",
    )
