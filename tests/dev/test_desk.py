"""What the control socket answers, where a client goes away."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, cast

import pytest

from sceneshift.core.errors import UsageError
from sceneshift.dev.control import Connection
from sceneshift.dev.desk import Desk
from sceneshift.dev.model import StackSpec
from sceneshift.dev.output import ProcessStream, Ring, RotatingLog, Streams
from sceneshift.dev.routing import Router
from sceneshift.dev.run.held import HeldSockets
from sceneshift.dev.supervisor import Supervisor

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.dev.output.lines import Sink


class Stream(ProcessStream):
    """A stream that tells who listens to it."""

    def __init__(self, folder: Path) -> None:
        super().__init__("w", log=RotatingLog(folder / "w.log"), ring=Ring())
        self.listeners: list[Sink] = []

    def add_sink(self, sink: Sink) -> None:
        """Know one more."""
        super().add_sink(sink)
        self.listeners.append(sink)

    def remove_sink(self, sink: Sink) -> None:
        """Know one less."""
        super().remove_sink(sink)
        self.listeners.remove(sink)


def test_a_follower_that_has_gone_already_is_forgotten(tmp_path: Path) -> None:
    """As after Ctrl-C in the moment in which `inv dev.logs -f` begins."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stream = Stream(tmp_path)
        supervisor = Supervisor(
            StackSpec(root=tmp_path, environment="development", processes=()),
            loop=loop,
            streams=Streams([stream]),
            router=Router(tmp_path, lambda _path: None),
            held=HeldSockets(),
            begin=lambda _name: None,
        )
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.close()
        with ours, pytest.raises(OSError, match="pipe"):
            await Desk(supervisor, supervisor.feed, *cast("Any", (None, None)))(
                {"op": "follow", "names": []}, Connection(ours, loop)
            )
        assert stream.listeners == []

    asyncio.run(main())


def test_what_another_version_asks_for_is_refused() -> None:
    """A stack runs on while the package is upgraded beside it."""
    nobody = cast("Any", None)
    with pytest.raises(UsageError, match="does not know how to `dance`") as caught:
        asyncio.run(Desk(nobody, nobody, nobody, nobody)({"op": "dance"}, nobody))
    assert (
        caught.value.hint == "an older version started it: inv dev.stop, then inv dev"
    )
