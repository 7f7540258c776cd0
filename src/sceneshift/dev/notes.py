"""What the supervisor says among the output of a process."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from sceneshift.core.wording import describe_seconds, name_few
from sceneshift.dev.machine import Phase, ProcessState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sceneshift.dev.history import Reload
    from sceneshift.dev.model import ProcessSpec, StackSpec

_DOWN = (Phase.BACKOFF, Phase.FAILED, Phase.STOPPED)


def describe_reload(reload: Reload) -> str:
    """Say what was reloaded, why and how fast: one line."""
    files = name_few(reload.files, 2) or reload.cause
    assert reload.duration_s is not None
    how = "" if reload.rung == "fork" else f" ({reload.rung}: {reload.reason})"
    return f"reloaded in {describe_seconds(reload.duration_s)}{how}: {files}"


def describe_start(
    stack: StackSpec, states: Mapping[str, ProcessState], *, duration_s: float
) -> str:
    """Say what is up, where, and what is not: a line a process with an address."""
    down = [name for name, state in states.items() if state.phase in _DOWN]
    waiting = [n for n, state in states.items() if state.phase is Phase.WAITING]
    up = len(states) - len(down) - len(waiting)
    lines = [f"{up} of {len(states)} up after {describe_seconds(duration_s)}"]
    lines += [
        f"{spec.name}: {spec.url}"
        for spec in stack.processes
        if spec.listens and spec.url and spec.name not in (*down, *waiting)
    ]
    if down:
        lines.append(f"down: {', '.join(down)}")
    if waiting:
        lines.append(f"waiting for what they depend on: {', '.join(waiting)}")
    return "\n".join(lines)


def describe_worktree(stack: StackSpec) -> Iterator[str]:
    """Say what a worktree has otherwise than the main checkout, and what alike."""
    begin = f"worktree {stack.worktree}:"
    if stack.offset:
        yield f"{begin} fixed ports are {stack.offset} above those of the main checkout"
    for database in stack.separation.own:
        yield f"{begin} database {database.name} is {database.place}"
    for name, reason in stack.separation.common:
        yield f"{begin} database {name} is that of the main checkout: {reason}"


def describe_end(code: int) -> str:
    """Say how a process has ended: `ended with exit code 3`."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was ended by {name}"


def describe_step(  # noqa: PLR0911 - one a phase
    spec: ProcessSpec, before: ProcessState, after: ProcessState
) -> str | None:
    """Say what a change of state means to a person; None where it is not worth it."""
    if before.phase is after.phase:
        return "the old code goes on" if _lost_new_code(before, after) else None
    match after.phase:
        case Phase.READY if before.phase is Phase.STARTING and not after.restarts:
            return f"ready: {spec.url}" if spec.listens and spec.url else "ready"
        case Phase.BACKOFF:
            return f"starts again (try {len(after.crashes)} of 5 in 10 s)"
        case Phase.FAILED:
            return (
                "down: waits for a change of a file, or for: "
                f"inv dev.restart {spec.name}"
            )
        case Phase.COMPLETED:
            return "completed"
        case Phase.STOPPED if before.phase is Phase.STOPPING:
            return "stopped"
        case _:
            return None


def _lost_new_code(before: ProcessState, after: ProcessState) -> bool:
    """Whether the candidate has died, or the step before it has failed."""
    had_new = before.is_reloading or before.pending is not None
    has_new = after.is_reloading or after.pending is not None
    return after.is_broken and had_new and not has_new and after.current is not None
