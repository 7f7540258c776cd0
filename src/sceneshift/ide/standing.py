"""A process of the stack that runs already, for which an editor's entry stands."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sceneshift.core.client import SOCKET_NAME, Client
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import StateFolder
from sceneshift.core.ports import is_free
from sceneshift.core.wording import quote

if TYPE_CHECKING:
    from sceneshift.core.instances import Instance
    from sceneshift.core.project import Project

_PAUSE_S = 0.2
_ASKED_S = 1.0
_ENDED = frozenset({"completed", "failed", "stopped"})
_THERE = frozenset({"debugging", "ready", "reloading"})


def find_standing(project: Project, instance: Instance) -> Standing | None:
    """Return the process as it is in the stack of this checkout, once it is there.

    That stack may have been started with another PORT; of another environment it is
    another process. What waits or is set up has its port soon: nobody else may take it.
    """
    is_told = False
    while (found := _find(project, instance)) is not None:
        if found["state"] in _THERE:
            return Standing(project, instance, found["port"])
        if not is_told:
            StreamConsole().note(
                f"{quote(instance.name)} of the stack that runs here is "
                f"{found['state']}: this waits for it"
            )
            is_told = True
        time.sleep(_PAUSE_S)
    return None


def _find(project: Project, instance: Instance) -> dict[str, Any] | None:
    """Return the process's status; None where it has ended, or nothing runs."""
    client = Client.find(project.root)
    if client is None:
        return None
    status = client.ask({"op": "status"})["status"]
    client.close()
    if status["environment"] != project.environment.name:
        return None
    for each in status["processes"]:
        if each["name"] == instance.name and each["state"] not in _ENDED:
            return dict(each)
    return None


class Standing:
    """A process of the stack.

    Args:
        project: Whose stack it is.
        instance: The process.
        port: The one that it has there.
    """

    def __init__(self, project: Project, instance: Instance, port: int) -> None:
        self.port = port
        self._project = project
        self._instance = instance
        self._control = StateFolder(project.root).socket(SOCKET_NAME)
        self._next = 0.0

    def lives(self) -> bool:
        """Tell whether it goes on; a restart is no end of it.

        The stack is asked while nobody has the port, and once a second.
        """
        if not self._control.exists():
            return False
        if not is_free(self.port) or time.monotonic() < self._next:
            return True
        self._next = time.monotonic() + _ASKED_S
        try:
            return _find(self._project, self._instance) is not None
        except SceneshiftError:  # it is about to end, or suspended: look again
            return True
