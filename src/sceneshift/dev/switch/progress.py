"""How far a switch is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sceneshift.core.wording import iso_time
from sceneshift.dev.machine import Phase

if TYPE_CHECKING:
    from sceneshift.dev.model import StackSpec
    from sceneshift.dev.switch.stage import Stage

_UP = (Phase.READY.value, Phase.COMPLETED.value)
_GONE = (Phase.FAILED.value, Phase.STOPPED.value)  # where it comes to nothing


class Progress:
    """A switch that is under way, for whoever asks.

    Args:
        environment: The target, as it was asked for.
        former: The environment that runs.
    """

    def __init__(self, environment: str, former: str) -> None:
        self._environment = environment
        self._former = former
        self._since = time.time()
        self._target: StackSpec | None = None
        self._stage: Stage | None = None

    def begin(self, target: StackSpec, stage: Stage) -> None:
        """Know what is brought up."""
        self._environment = target.environment
        self._target = target
        self._stage = stage

    def describe(self) -> dict[str, Any]:
        """Return `switch` of `inv dev.status --json`."""
        states = {} if self._stage is None else self._stage.list_states()
        waiting = [
            {
                "name": name,
                "state": state,
                "setup": self._find_setup(name, state),
                "breakpoint": self._stage and self._stage.find_place(name),
            }
            for name, state in states.items()
            if state not in (*_UP, *_GONE)
        ]
        return {
            "environment": self._environment,
            "former": self._former,
            "since": iso_time(self._since),
            "waiting": waiting,
            "ready": [name for name, state in states.items() if state in _UP],
        }

    def _find_setup(self, name: str, state: str) -> str | None:
        """Return the step that is run, or of which it is looked whether it has to."""
        if self._target is None or state != Phase.SETUP.value:
            return None
        setup = self._target.get(name).setup
        return None if setup is None else setup.run
