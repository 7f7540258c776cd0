"""An editor's stops in interpreters that a program starts, as `multiprocessing` does.

No agent is in them. pydevd has each of them connect to its adapter before it runs the
code that it was given, and what is added there tells the supervisor of stops.
"""

from __future__ import annotations

import os
import socket
import sys

from sceneshift.core.channel import Channel, encode
from sceneshift.dev.zygote.suspension import Suspension

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from sceneshift.core.channel import Message

_SOURCE = os.path.realpath(__file__).rsplit("/", 4)[0]
_BEGIN = "import pydevd; "
_SETTING = f"{_BEGIN}pydevd.config("
_ANSWER_S = 5.0


def make_call(control: str | None, root: str) -> str:
    """Return the code by which an interpreter tells of its stops.

    Args:
        control: The socket of the stack; None where there is none.
        root: The project's folder, with a slash.
    """
    number = os.environ.get("SCENESHIFT_PROCESS", "").partition(".")[0]
    if control is None or not number.isdigit():
        return ""
    return (
        f"sys.path.insert(0, {_SOURCE!r}); "
        "from sceneshift.dev.zygote import spawned; "
        f"sys.path.remove({_SOURCE!r}); "
        f"spawned.tell({control!r}, {number}, {root!r}); "
    )


def extend(words: Sequence[str | bytes], call: str) -> list[str | bytes]:
    """Return a command line of pydevd's with code in it that comes first."""
    return [_extend(word, call) if isinstance(word, str) else word for word in words]


def _extend(word: str, call: str) -> str:
    return word.replace(_SETTING, f"{_BEGIN}{call}pydevd.config(", 1)


def tell(control: str, number: int, root: str) -> None:
    """Tell of all stops of this interpreter, and of its forks."""
    import pydevd

    line = _Line(control, number)
    suspension = Suspension(pydevd, root, line.send)
    os.register_at_fork(after_in_child=suspension.begin_anew)
    sys.modules.pop(__name__, None)  # the program has no use for it


class _Line:
    """To the supervisor, from the first stop on; a fork has its own."""

    def __init__(self, control: str, number: int) -> None:
        self._control = control
        self._number = number
        self._pid = 0
        self._sock: Any = None

    def send(self, message: Message) -> None:  # pragma: no cover - by the tracer
        """Tell something; a stack that is gone is not told."""
        try:
            if self._pid != os.getpid():
                self._pid, self._sock = os.getpid(), self._connect()
            self._sock.sendall(encode(message))
        except OSError:
            pass

    def _connect(self) -> Any:  # pragma: no cover - by the tracer
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(_ANSWER_S)
        sock.connect(self._control)
        sock.sendall(encode({"op": "debugged", "number": self._number}))
        answer = Channel(sock).receive()
        if answer is None or not answer[0]["ok"]:
            raise ConnectionError
        return sock
