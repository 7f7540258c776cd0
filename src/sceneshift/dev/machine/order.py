"""What waits for what: which process may begin, and which may be stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.dev.machine.state import Phase, ProcessState
from sceneshift.dev.model import Condition

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sceneshift.dev.model import Dependency


class Order:
    """The order of the processes of a stack.

    Args:
        dependencies: What each process waits for, in the order of the Procfile.
        states: How far each is, in the same order; kept in it here.
    """

    def __init__(
        self,
        dependencies: Mapping[str, tuple[Dependency, ...]],
        states: dict[str, ProcessState],
    ) -> None:
        self._dependencies = {**dependencies}
        self._successors: Mapping[str, frozenset[str]] = {}
        self._states = states

    def arrange(
        self,
        dependencies: Mapping[str, tuple[Dependency, ...]],
        successors: Mapping[str, frozenset[str]],
        leaving: Collection[str],
    ) -> None:
        """Take another order; those that are leaving come last, and keep theirs."""
        former, states = self._dependencies, dict(self._states)
        kept = {name: former[name] for name in former if name in leaving}
        self._dependencies = {**dependencies, **kept}
        self._successors = successors
        self._states.clear()
        for name in self._dependencies:
            self._states[name] = states.get(name, ProcessState())

    def forget(self, name: str) -> None:
        """Know a process no more."""
        del self._states[name], self._dependencies[name]

    # -- the beginning

    def may_begin(self, name: str, leaving: Collection[str]) -> bool:
        """Whether all that a process waits for is as far as it has to be."""
        if any(other in leaving for other in self._successors.get(name, ())):
            return False
        return all(map(self._is_met, self._dependencies[name]))

    def _is_met(self, dependency: Dependency) -> bool:
        state = self._states[dependency.name]
        if state.phase is Phase.COMPLETED:
            return True
        if dependency.condition is Condition.READY:
            return state.phase is Phase.READY
        return dependency.condition is Condition.STARTED and state.is_running

    def can_hope(self, name: str) -> bool:
        """Whether what a waiting process waits for may still come."""
        return not any(
            self._is_lost(dependency.name) for dependency in self._dependencies[name]
        )

    def _is_lost(self, name: str) -> bool:
        phase = self._states[name].phase
        if phase is Phase.WAITING:
            return not self.can_hope(name)
        return phase in (Phase.FAILED, Phase.STOPPED)

    def is_end_awaited(self, name: str) -> bool:
        """Whether others wait for the end of a process."""
        return any(
            dependency.name == name and dependency.condition is Condition.COMPLETED
            for dependencies in self._dependencies.values()
            for dependency in dependencies
        )

    # -- the end

    def list_unneeded(self) -> list[str]:
        """Return what is up and nothing that runs depends on, in reverse order."""
        running = [name for name, state in self._states.items() if state.is_running]
        needed = {each.name for name in running for each in self._dependencies[name]}
        return [
            name
            for name in reversed(running)
            if self._states[name].phase is not Phase.STOPPING and name not in needed
        ]
