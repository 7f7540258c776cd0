"""The environment that a stack runs in, and those that it may go over to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.selection import STATE_FILE, write_active
from sceneshift.dev.request import check_ports

if TYPE_CHECKING:
    from collections.abc import Callable

    from sceneshift.core.paths import StateFolder
    from sceneshift.dev.changes import Changes
    from sceneshift.dev.model import StackSpec
    from sceneshift.dev.request import Request
    from sceneshift.dev.supervisor import Supervisor


class Environments:
    """Reads what is to run, again and again.

    Args:
        request: What the stack was started with.
        state: The checkout's state folder.
        supervisor: Runs the stack.
        changes: Watches, and is not to take our own writing for an edit.
        finish: Makes of a stack what runs.
    """

    def __init__(
        self,
        request: Request,
        state: StateFolder,
        *,
        supervisor: Supervisor,
        changes: Changes,
        finish: Callable[[StackSpec], StackSpec],
    ) -> None:
        self._request = request
        self._state = state
        self._supervisor = supervisor
        self._changes = changes
        self._finish = finish

    def load_again(self, former: StackSpec) -> StackSpec:
        """Read the configuration again; refuse what cannot be run now."""
        return self._load(self._request, former)

    def load(self, name: str, *, is_looking: bool) -> StackSpec:
        """Read the stack of an environment; refuse what cannot be run now.

        Args:
            name: The environment.
            is_looking: Whether nothing is to run, and so nothing is written.
        """
        request = self._request._replace(environment=name)
        return self._load(request, self._supervisor.stack, is_looking=is_looking)

    def activate(self, name: str) -> None:
        """Be in another environment, now and at the next start."""
        write_active(self._state, name)
        self._changes.know(self._state.root / STATE_FILE)
        self._request = self._request._replace(environment=name)

    def _load(
        self, request: Request, former: StackSpec, *, is_looking: bool = False
    ) -> StackSpec:
        stack = request.load(former, is_looking=is_looking)
        # A switch waits for what ends; a plan does not, and waits for nobody.
        ending = self._supervisor.departing if is_looking else ()
        check_ports(stack, (*former.processes, *ending))
        return self._finish(stack)
