"""What a switch that takes longer waits for, as the stack itself tells."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from sceneshift.core.client import Client
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import describe_progress

if TYPE_CHECKING:
    from pathlib import Path

_ANSWER_S = 1.0
_SILENCE_S = 10.0


class Progress:
    """Says how far a switch is, each time that it is called and that is news.

    A line each time: it is read in a terminal, in an editor's task and in CI's log.

    Args:
        root: The project's folder.
        silence_s: Seconds after which it is said again.
    """

    def __init__(self, root: Path, silence_s: float = _SILENCE_S) -> None:
        self._root = root
        self._silence_s = silence_s
        self._began = self._told_at = time.monotonic()
        self._told = ""

    def __call__(self) -> None:
        """Say what is waited for, if it is something else, or was not said for long."""
        text, now = self._describe(), time.monotonic()
        if text and (text != self._told or now - self._told_at >= self._silence_s):
            self._told, self._told_at = text, now
            StreamConsole().note(f"{now - self._began:.0f} s: {text}")

    def _describe(self) -> str:
        with contextlib.suppress(SceneshiftError):  # the answer itself will tell
            client = Client.find(self._root)
            if client is not None:
                with contextlib.closing(client):
                    answer = client.ask({"op": "status"}, wait_s=_ANSWER_S)
                switch = answer["status"].get("switch")
                return describe_progress(switch) if switch else ""
        return ""
