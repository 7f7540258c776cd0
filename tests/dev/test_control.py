"""The word from another terminal, where one side fails."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sceneshift.core.channel import Decoder, encode
from sceneshift.core.errors import UsageError
from sceneshift.dev.control import Connection, ControlServer

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.core.channel import Message


class Clerk:
    """Answers, refuses or fails, as the request says."""

    async def __call__(self, request: Message, connection: Connection) -> None:
        """Do what is asked for."""
        if request["op"] == "refuse":
            raise UsageError("there is no such thing", hint="take another")
        if request["op"] == "fail":
            raise ValueError("a mistake of ours")
        await connection.send({"ok": True})


async def _ask(path: Path, *requests: str) -> list[Message]:
    """Return the answers to requests over one connection, as far as they come."""
    reader, writer = await asyncio.open_unix_connection(path)
    decoder, answers = Decoder(), []
    for request in requests:
        writer.write(encode({"op": request}))
        data = await reader.read(65536)
        answers += [message for message, _fds in decoder.feed(data, [])]
    writer.close()
    await writer.wait_closed()
    return answers


def test_a_client_is_told_why_there_is_no_answer(tmp_path: Path) -> None:
    """A refusal is an answer; after a mistake of ours the next client is served."""
    troubles: list[str] = []

    def note(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        troubles.append(repr(context["exception"]))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(note)
        path = tmp_path / "sock"
        server = ControlServer(path, Clerk(), loop)
        refused, answered = await _ask(path, "refuse", "answer")
        (failed,) = await _ask(path, "fail")
        assert await _ask(path, "answer") == [answered]
        await server.close()

        assert answered == {"ok": True}
        assert (refused["error"], refused["code"]) == ("there is no such thing", 2)
        assert not failed["ok"]
        assert "ValueError" in failed["error"]

    asyncio.run(main())
    assert troubles == ["ValueError('a mistake of ours')"]


def test_a_socket_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    """Who is connected stays; who comes finds it."""

    async def main() -> None:
        path = tmp_path / "sock"
        server = ControlServer(path, Clerk(), asyncio.get_running_loop())
        reader, writer = await asyncio.open_unix_connection(path)
        path.unlink()
        server.restore()
        assert await _ask(path, "answer") == [{"ok": True}]
        writer.write(encode({"op": "answer"}))
        assert await reader.read(65536) == encode({"ok": True})
        writer.close()
        await server.close()
        assert not path.exists()

    asyncio.run(main())


def test_another_ones_socket_is_left_alone(tmp_path: Path) -> None:
    """It has taken the path while there was nothing."""

    async def main() -> None:
        path = tmp_path / "sock"
        server = ControlServer(path, Clerk(), asyncio.get_running_loop())
        path.unlink()
        path.write_text("another one's")
        await server.close()
        assert path.exists()

    asyncio.run(main())
