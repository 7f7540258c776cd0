"""An editor's debugger in each child: debugpy, imported ahead and begun after a fork.

The editor attaches once, to a process beside the program: the anchor. Each child tells
the anchor's adapter that it is a subprocess of that one, and the editor is told of it.
So breakpoints are set in it before its first line runs, one reload after the other.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading

from sceneshift.core.pydevd import quote_folder
from sceneshift.dev.zygote import spawned
from sceneshift.dev.zygote.suspension import Suspension

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

    from sceneshift.core.channel import Message
    from sceneshift.dev.zygote.agent import Agent

_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Tracer:
    """The debugger of one process.

    Attributes:
        is_connected: Whether it is known to an adapter.
    """

    def __init__(self, agent: Agent) -> None:
        """Import debugpy; nothing is traced by that, nor any thread begun.

        Raises:
            ImportError: It is not installed.
        """
        folder, pydevd = _import()
        agent.modules.left_out = (folder,)
        self.is_connected = False
        self._agent = agent
        self._pydevd = pydevd
        self._ignored = (folder, _OWN)
        self._answer_at_once()
        self._bear_loss()
        self._bear_prompts()
        quote_folder()
        self._elsewhere = ""
        self._suspension = Suspension(pydevd, agent.territory.root, agent.send)

    def _answer_at_once(self) -> None:
        """Have answers sent without a delay.

        pydevd writes head and body by two calls, and the second would wait until the
        first is acknowledged: 40 ms for each of the five answers that a start needs.
        """
        original = self._pydevd.start_client

        def start_client(host: str, port: int) -> socket.socket:
            sock: socket.socket = original(host, port)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock

        self._pydevd.start_client = start_client

    def _bear_loss(self) -> None:
        """Have what the program starts run where the adapter is gone.

        pydevd goes on to have each fork and each Python connect to it: they would end.
        """
        monkey: Any = sys.modules["_pydev_bundle.pydev_monkey"]
        pydevd, connect = self._pydevd, self._pydevd.settrace_forked
        patch_args = monkey.patch_args

        def settrace_forked(*, setup_tracing: bool = True) -> None:
            is_debugged = pydevd.get_global_debugger() is not None
            with contextlib.suppress(OSError):  # until pydevd knows of it
                connect(setup_tracing=setup_tracing and is_debugged)

        def patch_where_debugged(args: Any, *rest: Any, **options: Any) -> Any:
            if pydevd.get_global_debugger() is None:
                return args
            words = patch_args(args, *rest, **options)
            return words if words is args else spawned.extend(words, self._elsewhere)

        pydevd.settrace_forked = settrace_forked
        monkey.patch_args = patch_where_debugged

    def _bear_prompts(self) -> None:
        """Have pdb trace where no editor is attached, without a warning of that."""
        sys.modules["pydevd_tracing"].TracingFunctionHolder._warn = False  # noqa: SLF001

    def trace_again(self) -> None:
        """Have this thread traced as before a prompt, where that has ended it.

        From Python 3.12 on neither gets in the other's way.
        """
        if self.is_connected and sys.gettrace() is None:
            tracing: Any = sys.modules["pydevd_tracing"]
            tracing.reapply_settrace()

    def begin_anew(self) -> None:
        """Know of nobody who stands, as a fork: its parent's threads are not here."""
        self._suspension.begin_anew()

    def connect(self, anchor: Message) -> None:
        """Be a subprocess of the anchor; return when breakpoints are set.

        Where no editor is attached that is at once.

        Args:
            anchor: Its `pid`, its adapter's `host` and `port`, the `token` that this
                one is to show, `time_s`: how long an editor has to take it, and
                `control`: where interpreters that this one starts tell of stops.
        """
        root, time_s = self._agent.territory.root, anchor["time_s"]
        self._elsewhere = spawned.make_call(anchor.get("control"), root)
        patience = threading.Timer(time_s, self._give_up_waiting, [time_s])
        patience.daemon = True
        patience.start()
        try:
            self._pydevd.settrace(
                host=anchor["host"],
                port=anchor["port"],
                access_token=anchor["token"],
                ppid=anchor["pid"],
                suspend=False,
                patch_multiprocessing=True,
                notify_stdin=False,
                dont_trace_start_patterns=self._ignored,
                dont_trace_end_patterns=("debugpy_launcher.py",),
            )
            self.is_connected = True
        except (OSError, SystemExit) as error:
            self._agent.send({"event": "undebugged", "why": str(error)})
        finally:
            patience.cancel()

    def _give_up_waiting(self, time_s: float) -> None:
        debugger = self._pydevd.get_global_debugger()
        if debugger is not None and not debugger.ready_to_run:
            self._agent.send({"event": "unanswered", "time_s": time_s})
            debugger.ready_to_run = True

    def stop_at(self, frame: FrameType) -> bool:
        """Stop where `breakpoint()` is called; tell whether an editor is there."""
        if not self.is_connected or not self._pydevd._is_attached():  # noqa: SLF001 - what debugpy itself asks
            return False
        self._pydevd.settrace(
            suspend=True,
            trace_only_current_thread=True,
            patch_multiprocessing=False,
            stop_at_frame=frame,
        )
        return True


def _import() -> tuple[str, Any]:
    """Return debugpy's folder, and the module that does its work."""
    import debugpy.server.api
    import pydevd

    return os.path.dirname(debugpy.__file__) + os.sep, pydevd


def make_tracer(agent: Agent) -> Tracer | None:
    """Return a tracer; None, and a line of output, where debugpy cannot be imported."""
    try:
        return Tracer(agent)
    except ImportError as error:
        sys.stderr.write(f"no debugger: {error}\n")
        return None
