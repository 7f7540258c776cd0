"""What runs in a checkout at the moment, as its control socket tells."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sceneshift.core.claimed import is_claimed
from sceneshift.core.client import Client
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import BusyError, SceneshiftError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_ANSWER_S = 1.0
_COMING_S = 10.0
_TOLD_S = 1.0
_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStack:
    """A stack that runs.

    Attributes:
        environment: The name of its environment; None where it does not say.
        pid: Its supervisor's; None likewise.
        processes: As in `inv dev.status --json`.
        problem: Why it does not answer; None where it does.
    """

    environment: str | None = None
    pid: int | None = None
    processes: Sequence[dict[str, Any]] = ()
    problem: str | None = None


def find_running(root: Path) -> RunningStack | None:
    """Return what runs in a checkout; None where nothing does."""
    try:
        client = Client.find(root)
        if client is None:
            return None
        answer = client.ask({"op": "status"}, wait_s=_ANSWER_S)
    except SceneshiftError as error:
        return RunningStack(problem=error.message)
    client.close()
    status = answer["status"]
    return RunningStack(
        environment=status["environment"],
        pid=answer["pid"],
        processes=status["processes"],
    )


def find_coming(root: Path, *, within_s: float = _COMING_S) -> Client | None:
    """Return a connection to what runs in a checkout, or is just starting.

    Args:
        root: The project's folder.
        within_s: Seconds that a stack has to start, or to end.

    Returns:
        None where nothing runs.

    Raises:
        BusyError: A stack takes longer than that.
        SceneshiftError: It is suspended.
    """
    began, is_told = time.monotonic(), False
    while (client := Client.find(root)) is None and is_claimed(root):
        waited_s = time.monotonic() - began
        if waited_s >= within_s:
            raise BusyError(
                f"a stack is just starting or ending in this checkout: {root}",
                hint="see whether it answers: inv dev.status; then try again",
            )
        if waited_s >= _TOLD_S and not is_told:
            is_told = True
            StreamConsole().note("a stack is just starting or ending: waiting for it")
        time.sleep(_PAUSE_S)
    return client
