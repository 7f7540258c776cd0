"""Telling when an editor's debugger stops a thread, and when it goes on."""

from __future__ import annotations

import threading

from sceneshift.dev.zygote.places import describe_place
from sceneshift.dev.zygote.stops import Stops

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    from sceneshift.core.channel import Message

_WITH_ANOTHER = 105  # pydevd's CMD_THREAD_SUSPEND: why a thread stops
_NO_STEP = -1


class Suspension:
    """What tells of the stops of one process.

    Args:
        pydevd: The debugger's module.
        root: The project's folder, with a slash.
        send: Takes what is told.
    """

    def __init__(self, pydevd: Any, root: str, send: Callable[[Message], None]) -> None:
        self._root = root
        self._send = send
        self._stops = Stops()
        original = pydevd.PyDB.do_wait_suspend

        # Not seen by a measurement: it is called by the tracer.
        def do_wait_suspend(  # pragma: no cover
            debugger: Any, thread: Any, frame: FrameType, *args: Any, **options: Any
        ) -> Any:
            self._begin(frame, thread)
            try:
                return original(debugger, thread, frame, *args, **options)
            finally:
                self._end(frame, thread)

        pydevd.PyDB.do_wait_suspend = do_wait_suspend

    def begin_anew(self) -> None:
        """Know of nobody who stands, as a fork: its parent's threads are not here."""
        self._stops = Stops()

    def _begin(self, frame: FrameType, thread: Any) -> None:  # pragma: no cover
        """Tell of a place, unless it is that of a thread that stops with another."""
        is_cause = thread.stop_reason != _WITH_ANOTHER
        if self._stops.begin(threading.get_ident(), is_cause=is_cause):
            self._tell(frame, waiting=True, is_editors=True)

    def _end(self, frame: FrameType, thread: Any) -> None:  # pragma: no cover
        is_step = thread.additional_info.pydev_step_cmd != _NO_STEP
        makes_step = self._stops.end(threading.get_ident(), is_step=is_step)
        if makes_step is not None:
            self._tell(frame, waiting=False, is_step=makes_step)

    def _tell(self, frame: FrameType, **said: bool) -> None:  # pragma: no cover
        place = describe_place(frame, self._root)
        self._send({"event": "debugger", **said, **place})
