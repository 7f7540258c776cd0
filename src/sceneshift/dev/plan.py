"""What `inv dev` would do, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sceneshift.core.paths import StateFolder
from sceneshift.dev.run.choice import choose
from sceneshift.dev.setup import plan_setup

if TYPE_CHECKING:
    from sceneshift.dev.model import ProcessSpec, StackSpec


def plan_start(stack: StackSpec) -> list[dict[str, Any]]:
    """Return one action a process, in the Procfile's order.

    Each has `process`, `command`, `after` (what it waits for), `how` (`fork` or
    `shell`), `reason` (why not by fork), `setup` (the step that would run first, or
    null), `port`, `url` and `debug_port` (null where nobody debugs it).
    """
    return [_plan(stack, spec) for spec in stack.processes]


def _plan(stack: StackSpec, spec: ProcessSpec) -> dict[str, Any]:
    choice = choose(spec, stack.root)
    setup = spec.setup and plan_setup(
        spec.setup,
        name=spec.name,
        cwd=spec.cwd,
        state=StateFolder(stack.root),
        env=spec.env,
    )
    return {
        "process": spec.name,
        "command": spec.command,
        "after": [dependency.name for dependency in spec.depends_on],
        "how": "shell" if choice.program is None else "fork",
        "reason": choice.reason,
        "setup": setup.step.run if setup else None,
        "port": spec.port,
        "url": spec.url,
        "debug_port": spec.debug_port,
    }
