"""What runs in a checkout at the moment, as its control socket tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sceneshift.core.client import Client
from sceneshift.core.errors import SceneshiftError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_ANSWER_S = 1.0


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
