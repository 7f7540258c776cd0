"""The shapes of `inv dev.status --json` and its kin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sceneshift.core.wording import iso_time
from sceneshift.dev.run.shell import ShellRunner

if TYPE_CHECKING:
    from sceneshift.dev.history import Reload, SwitchRecord
    from sceneshift.dev.model import ProcessSpec
    from sceneshift.dev.run.base import Runner
    from sceneshift.dev.supervisor import Supervisor


def describe(supervisor: Supervisor) -> dict[str, Any]:
    """Return `{"environment", "switch", "processes": [...]}` as the design says."""
    switch = supervisor.switch
    return {
        "environment": supervisor.stack.environment,
        "switch": None if switch is None else switch.describe(),
        "processes": [
            _describe_process(supervisor, spec.name)
            for spec in supervisor.stack.processes
        ],
    }


def _describe_process(supervisor: Supervisor, name: str) -> dict[str, Any]:
    spec = supervisor.stack.get(name)
    state = supervisor.machine.states[name]
    runner = supervisor.runners[name]
    generation = supervisor.generation_of(name, state.current)
    began_at = generation.began_at if generation and generation.is_ready else None
    return {
        "name": name,
        "state": state.word,
        "pid": generation.pid if generation else None,
        "port": spec.port,
        "url": spec.url if spec.listens else None,
        "restarts": state.restarts,
        "started_at": None if began_at is None else iso_time(began_at),
        "is_broken": state.is_broken,
        "breakpoint": supervisor.find_place(name),
        "debug_port": spec.debug_port,
        "debugger": _name_debugger(spec, runner),
        "reload": "cold" if runner.cold_reason else "fork",
        "reload_reason": runner.cold_reason,
        "left_out": runner.skipped,
    }


def _name_debugger(spec: ProcessSpec, runner: Runner) -> str | None:
    """Return what debugs a process: a page is debugged in a browser."""
    if spec.debug_port is None:
        return None
    return "browser" if isinstance(runner, ShellRunner) else "debugpy"


def describe_reload(reload: Reload) -> dict[str, Any]:
    """Return one entry of `inv dev.why --json`'s `reloads`."""
    return {
        "process": reload.process,
        "at": iso_time(reload.at),
        "cause": reload.cause,
        "files": list(reload.files),
        "rung": reload.rung,
        "reason": reload.reason,
        "duration_s": reload.duration_s,
        "outcome": reload.outcome,
        "error": reload.error,
    }


def describe_switch(switch: SwitchRecord) -> dict[str, Any]:
    """Return one entry of `inv dev.why --json`'s `switches`."""
    return {
        "former": switch.former,
        "environment": switch.environment,
        "at": iso_time(switch.at),
        "processes": list(switch.processes),
        "duration_s": switch.duration_s,
        "outcome": switch.outcome,
        "error": switch.error,
    }
