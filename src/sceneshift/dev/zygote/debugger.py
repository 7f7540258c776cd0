"""`breakpoint()` in a process whose standard input is nobody's.

The prompt gets a terminal of its own; the supervisor is given the other end of it and
keeps the process's reload, probes and deadlines still while somebody may be at it.
"""

from __future__ import annotations

import os
import sys

from sceneshift.dev.zygote import handover
from sceneshift.dev.zygote.places import describe_place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

    from sceneshift.dev.zygote.agent import Agent


def install(agent: Agent) -> None:
    """Take `breakpoint()` over, unless the user has chosen a debugger."""
    if os.environ.get("PYTHONBREAKPOINT"):
        return
    prompt = _Prompt(agent)

    def hook(*args: Any, **options: Any) -> None:
        if agent.find_line() is None:  # a daemon: nobody could come to its prompt
            sys.__breakpointhook__(*args, **options)  # noqa: T100 - this is about it
            return
        frame = sys._getframe(1)  # noqa: SLF001 - as pdb.set_trace does
        if agent.tracer is None or not agent.tracer.stop_at(frame):
            prompt.stop_at(frame)

    sys.breakpointhook = hook


class _Prompt:
    """One terminal and one debugger a process, made at the first breakpoint."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._pdb: Any = None
        self._pid = 0

    def stop_at(self, frame: FrameType) -> None:
        if self._pid != os.getpid():  # a fork has its own
            self._pid = os.getpid()
            self._pdb = self._make()
        self._pdb.set_trace(frame)

    def _make(self) -> Any:
        import pdb  # noqa: T100 - as above

        agent = self._agent

        class Debugger(pdb.Pdb):
            # Not seen by a measurement: the tracer is pdb's.
            def interaction(
                self, frame: Any, *args: Any, **options: Any
            ) -> None:  # pragma: no cover
                place = describe_place(frame, agent.territory.root)
                agent.send({"event": "debugger", "waiting": True, **place})
                try:
                    super().interaction(frame, *args, **options)
                finally:
                    agent.send({"event": "debugger", "waiting": False, **place})
                    if agent.tracer is not None:
                        agent.tracer.trace_again()

            def stop_here(self, frame: FrameType) -> bool:  # pragma: no cover
                return not _is_of_a_word(frame) and super().stop_here(frame)

        ours, theirs = os.openpty()
        agent.send({"event": "terminal"}, (ours,))
        os.close(ours)
        stdin = os.fdopen(theirs, "r", encoding="utf-8", closefd=False)
        stdout = os.fdopen(theirs, "w", encoding="utf-8", closefd=False)
        return Debugger(stdin=stdin, stdout=stdout, nosigint=True)


def _is_of_a_word(frame: FrameType | None) -> bool:  # pragma: no cover - as above
    """Whether a frame is in the handler of a word, which may come at any step."""
    while frame is not None:
        if frame.f_globals.get("__name__") == handover.__name__:
            return True
        frame = frame.f_back
    return False
