"""A zygote that is spoken to as the supervisor does."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sceneshift
from sceneshift.core.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sceneshift.core.channel import Message

PACKAGE = Path(sceneshift.__file__).parent / "dev" / "zygote"
# Puts the line to us where a zygote looks for it, as the guard does.
PLACE = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.execv(sys.argv[2], sys.argv[2:])"
)


class Child:
    """One child of a zygote, or what it becomes itself."""

    def __init__(self, zygote: Zygote, number: int, pid: int, channel: Channel) -> None:
        self.zygote = zygote
        self.number = number
        self.pid = pid
        self.channel = channel

    def next(self, *events: str) -> dict[str, Any]:
        """Return its next message of these kinds; others are passed over."""
        return take(self.channel, *events)

    def tell(self, **message: Any) -> None:
        """Tell it something."""
        self.channel.send(message)

    def bind(self, sock: socket.socket) -> dict[str, Any]:
        """Wait until it wants an address, and give it this socket."""
        asked = self.next("bind")
        answer(asked, {"op": "hold"}, (sock.fileno(),))
        return asked

    def wait_end(self) -> int:
        """Return its exit code, as the zygote says."""
        said = take(self.zygote.channel, "exited")
        assert said["token"] == self.number
        return os.waitstatus_to_exitcode(said["status"])


def answer(asked: dict[str, Any], message: Message, fds: tuple[int, ...] = ()) -> None:
    """Answer a request on the line that came with it."""
    line = Channel(socket.socket(fileno=asked["fds"][0]))
    line.send(message, fds)
    line.close()


def take(channel: Channel, *events: str) -> dict[str, Any]:
    """Return the next message of these kinds; others are passed over."""
    while True:
        while not channel._queue:
            assert select.select([channel], [], [], 60)[0], f"no {events}"
            received = channel.receive_all()
            assert received is not None, f"the end instead of {events}"
            channel._queue += received
        message, fds = channel._queue.pop(0)
        if message["event"] in events:
            return {**message, "fds": fds}


class Zygote:
    """A zygote for a script `app.py`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        ours, theirs = socket.socketpair()
        self.channel = Channel(ours)
        self.output, self._writing = os.pipe()
        self._children: list[Child] = []
        self.told: dict[str, Any] = {}
        with theirs:
            words = [str(theirs.fileno()), sys.executable, str(PACKAGE), "web.1"]
            self.process = subprocess.Popen(
                [sys.executable, "-c", PLACE, *words],
                cwd=root,
                pass_fds=(theirs.fileno(),),
            )

    def begin(self, source: str, argv: Sequence[str] = (), **settings: Any) -> None:
        """Write the script, and tell the zygote what it is for."""
        self._argv = list(argv)
        script = self.root / "app.py"
        script.write_text(source)
        shape = {"kind": "script", "target": str(script)}
        rest = {"options": [], "root": str(self.root), "preload": [], "skip": []}
        self.channel.send({**shape, **rest, **settings})
        self.told = take(self.channel, "serving")

    def fork(
        self,
        *,
        hot: list[Path] | None = None,
        park: bool = True,
        user: int = 0,
        **variables: str | None,
    ) -> Child:
        """Have a child, with other variables than the zygote's."""
        number = len(self._children) + 1
        ours, theirs = socket.socketpair()
        files = None if hot is None else list(map(str, hot))
        message = {"op": "fork", "token": number, "park": park, "hot": files}
        message |= {"user": user, "variables": variables}
        message["program"] = {"typed": "app.py", "argv": self._argv}
        with theirs:
            fds = (theirs.fileno(), self._writing)
            self.channel.send({**message, "marker": f"web.{number}"}, fds)
        forked = take(self.channel, "forked")
        assert forked["token"] == number
        self._children.append(Child(self, number, forked["pid"], Channel(ours)))
        return self._children[-1]

    def read_output(self) -> str:
        """Return what was written so far."""
        os.set_blocking(self.output, False)
        try:
            return os.read(self.output, 65536).decode()
        except BlockingIOError:
            return ""

    def close(self) -> None:
        """End it, and wait for it."""
        self.channel.close()
        for child in self._children:
            child.channel.close()
        self.process.wait(30)
        os.close(self.output)
        os.close(self._writing)
