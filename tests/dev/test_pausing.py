"""Processes are paused as long as somebody wants that, and is connected."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Any, cast

from sceneshift.core.channel import Channel
from sceneshift.dev.control import Connection
from sceneshift.dev.desk import Desk
from sceneshift.dev.machine import Phase
from sceneshift.dev.pausing import Pauses
from supervising import LISTENING, run_supervised
from support import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from supervising import Supervised


def find_pid(it: Supervised) -> int:
    """Return the pid of the process."""
    generation = it.supervisor.generation_of("web", it.state.current)
    assert generation is not None
    assert generation.pid is not None
    return generation.pid


def test_a_server_is_paused_until_nobody_wants_it_any_more(tmp_path: Path) -> None:
    """Two commands may; the sockets are kept, and it is said."""

    async def use(it: Supervised) -> None:
        (tmp_path / "app.py").write_text(LISTENING)
        await it.until_phase(Phase.READY)
        pauses, pid = Pauses(it.supervisor), find_pid(it)
        assert pauses.begin([os.getpid()], "not ours", is_stop=True) == []
        assert pauses.begin([pid], "one", is_stop=False) == ["web"]
        assert (it.state.word, it.state.is_held) == ("paused", True)
        assert pauses.begin([pid], "two", is_stop=True) == ["web"]
        await it.until_phase(Phase.PAUSED)
        pauses.end(["web"])
        assert it.state.phase is Phase.PAUSED
        assert it.held.of("web")
        pauses.end(["web"])
        await it.until_phase(Phase.READY)
        said = it.said()
        assert said.count("paused: one") == 1
        assert "paused: two" not in said
        assert sum(line.startswith("goes on after") for line in said) == 1

    env = {**os.environ, "PORT": str(free_port())}
    run_supervised("fork", tmp_path, use, env=env)


def test_who_has_gone_wants_nothing_any_more(tmp_path: Path) -> None:
    """As a command that was killed."""

    async def use(it: Supervised) -> None:
        await it.until_phase(Phase.READY)
        loop = asyncio.get_running_loop()
        desk = Desk(it.supervisor, it.supervisor.feed, *cast("Any", (None, None)))
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        request = {"op": "pause", "pids": [find_pid(it)], "why": "a test"}
        with ours, theirs:
            asking = loop.create_task(
                desk({**request, "is_stop": False}, Connection(ours, loop))
            )
            await it.until_phase(Phase.PAUSED)
            answer = await loop.run_in_executor(None, Channel(theirs).receive)
            assert answer is not None
            assert answer[0] == {"ok": True, "names": ["web"]}
            theirs.close()
            await asking
        await it.until_phase(Phase.READY)

    run_supervised("shell", tmp_path, use)


def test_a_process_that_is_removed_meanwhile_is_not_missed(tmp_path: Path) -> None:
    """By an edit of the Procfile."""

    async def use(it: Supervised) -> None:
        await it.until_phase(Phase.READY)
        pauses = Pauses(it.supervisor)
        assert pauses.begin([find_pid(it)], "a test", is_stop=False) == ["web"]
        stack = it.supervisor.stack
        it.supervisor.configure(
            type(stack)(root=stack.root, environment=stack.environment, processes=())
        )
        await it.until(lambda: not it.supervisor.runners)
        pauses.end(["web"])

    run_supervised("shell", tmp_path, use)
