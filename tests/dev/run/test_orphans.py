"""Connections outlive old code that ends before there is new code."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from sceneshift.core.channel import Channel
from sceneshift.dev.output import ProcessStream, Ring, RotatingLog
from sceneshift.dev.run.agent import AgentLink
from sceneshift.dev.run.generation import Generation, Tail
from sceneshift.dev.run.orphans import Orphans


def make_heir(folder: Path) -> Generation:
    """Return new code that nobody has a line to yet."""
    log = RotatingLog(folder / "web.log")
    stream = ProcessStream("web", log=log, ring=Ring(), sinks=[])
    return Generation(number=1, process="web", tail=Tail(stream.source()))


def test_they_go_on_with_who_takes_them_when_it_accepts(tmp_path: Path) -> None:
    """Once; code that takes none is not given any."""

    async def main() -> None:
        loop, heir = asyncio.get_running_loop(), make_heir(tmp_path)
        orphans = Orphans(loop)
        client, accepted = socket.socketpair()
        ours, theirs = socket.socketpair()
        with client, accepted, theirs:
            orphans.take(accepted.fileno())
            orphans.give(heir)
            link = AgentLink(loop, Channel(ours), lambda *_: None)
            heir.adopters.append(link)
            orphans.give(heir)
            received = Channel(theirs).receive()
            assert received is not None
            assert received[0]["op"] == "connection"
            with socket.socket(fileno=received[1][0]) as adopted:
                client.sendall(b"x")
                assert adopted.recv(1) == b"x"
            orphans.give(heir)
            link.close()
            assert theirs.recv(1) == b""

    asyncio.run(main())


def test_they_are_closed_where_nobody_comes() -> None:
    """After a while, or when the process is not to come again."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for patience_s in (0.0, 60.0):
            orphans = Orphans(loop, patience_s=patience_s)
            client, accepted = socket.socketpair()
            with client:
                with accepted:
                    orphans.take(accepted.fileno())
                if patience_s:
                    orphans.close()
                client.setblocking(False)
                assert await loop.sock_recv(client, 1) == b""
            orphans.close()

    descriptors = Path("/dev/fd")
    before = len(list(descriptors.iterdir()))
    asyncio.run(main())
    assert len(list(descriptors.iterdir())) == before
