"""What editors attach to."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from typing import TYPE_CHECKING, cast

import pytest
from msgspec.structs import replace

from sceneshift.core.ports import is_free
from sceneshift.dev.output import Gate
from sceneshift.dev.run.anchors import Anchors
from sceneshift.dev.run.fork import ForkRunner
from staging import make_stream, run_staged
from support import free_port, until

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.core.channel import Message
    from sceneshift.core.program import PythonProgram
    from sceneshift.dev.run.generation import Generation
    from staging import Stage


def begin(stage: Stage, port: int) -> tuple[Anchors, PythonProgram]:
    """Return what anchors programs, and a program."""
    assert isinstance(stage.runner, ForkRunner)
    anchors = Anchors(asyncio.get_running_loop(), stage.spawner, Gate())
    return anchors, replace(stage.runner.program, debug_port=port)


def test_what_is_in_the_way_of_one_is_said(tmp_path: Path) -> None:
    """The program runs without, and the next start tries again."""

    async def use(stage: Stage) -> None:
        stream = make_stream(tmp_path)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            anchors, program = begin(stage, port)
            await anchors.raise_for("web", program, stream)
        others = replace(program, interpreter="/bin/true")
        await anchors.raise_for("web", others, stream)
        assert anchors.find(port) is None
        said = (tmp_path / "web.log").read_text()
        assert f"no debugger at port {port}: Can't listen" in said
        assert f"no debugger at port {port}: debugpy did not start" in said
        assert "slower" not in said
        await anchors.leave("web")

    run_staged("fork", tmp_path, use)


def test_one_is_there_as_long_as_it_has_users(tmp_path: Path) -> None:
    """An old and a new code have the same; whoever is debugged no more leaves it."""

    async def use(stage: Stage) -> None:
        port = free_port()
        stream = make_stream(tmp_path)
        anchors, program = begin(stage, port)
        await asyncio.gather(
            anchors.raise_for("old", program, stream),
            anchors.raise_for("new", program, stream),
        )
        words = anchors.find(port)
        assert words is not None
        said = (tmp_path / "web.log").read_text()
        assert said.count("times slower with a debugger") == (
            sys.version_info < (3, 12)
        )
        await anchors.leave("old")
        assert anchors.find(port) == words
        await anchors.raise_for("new", replace(program, debug_port=None), stream)
        assert anchors.find(port) is None
        await until(lambda: is_free(port))  # its adapter ends by itself

    run_staged("fork", tmp_path, use)


async def launch(stage: Stage) -> tuple[ForkRunner, Generation]:
    """Return what runs a program, and the first run of it."""
    runner = stage.runner
    assert isinstance(runner, ForkRunner)
    runner.launch(1)
    await stage.until(lambda: stage.told.ready)
    generation = runner.generation(1)
    assert generation is not None
    return runner, generation


def test_what_a_process_says_of_its_debugger_is_told(tmp_path: Path) -> None:
    """And who makes a step is taken for standing still, for a moment."""

    async def use(stage: Stage) -> None:
        runner, generation = await launch(stage)
        assert generation.link is not None

        def say(event: str, **more: object) -> None:
            assert generation.link is not None
            runner._handle(generation, generation.link, {"event": event, **more}, [])

        at = {"file": "app.py", "line": 3}
        say("debugger", waiting=True, **at)
        say("debugger", waiting=False, is_step=True, **at)
        assert generation.place == "app.py:3"
        say("debugger", waiting=True, file="app.py", line=4)
        assert (generation.place, generation.steps) == ("app.py:4", {})
        say("debugger", waiting=False, is_step=False, **at)
        assert generation.place is None
        say("undebugged", why="refused")
        say("unanswered", time_s=5.0)
        said = (tmp_path / "web.log").read_text()
        assert "runs without a debugger: refused" in said
        assert "did not attach to it within 5 s: it runs without breakpoints" in said

    run_staged("fork", tmp_path, use)


def test_who_stops_is_told_apart_from_who_stopped_before(tmp_path: Path) -> None:
    """A process keeps the terminal of a prompt, and stops in the editor next."""

    async def use(stage: Stage) -> None:
        runner, generation = await launch(stage)
        assert generation.link is not None
        at: Message = {"event": "debugger", "file": "app.py", "line": 3}
        said: list[Message] = [
            {"event": "terminal"},
            {**at, "waiting": True},
            {**at, "waiting": False},
            {**at, "waiting": True, "is_editors": True},
        ]
        terminals = []
        for message in said:
            fds = [os.open(os.devnull, os.O_RDONLY)] if len(message) == 1 else []
            runner._handle(generation, generation.link, message, fds)
            terminals.append(generation.terminal is not None)
        assert terminals == [False, True, False, False]
        assert stage.told.stops == [True, False, True]
        told = (tmp_path / "web.log").read_text().splitlines()
        words = [line.partition("; take it: ")[2] for line in told]
        assert [word for word in words if word] == [
            "inv dev.attach web",
            "in the editor",
        ]

    run_staged("fork", tmp_path, use)


class SlowAnchors:
    """Never gets one up."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def find(self, _port: int | None) -> None:
        """There is none."""

    async def raise_for(self, *_: object) -> None:
        """Begin, and go on until cancelled."""
        self.said.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            self.said.append("cancelled")

    async def leave(self, _user: object) -> None:
        """Remember it."""
        self.said.append("left")


@pytest.mark.parametrize("has_zygote", [True, False])
def test_one_that_is_on_its_way_is_left_when_nothing_raises_it_any_more(
    tmp_path: Path, *, has_zygote: bool
) -> None:
    """Also where the start failed meanwhile: else it would stay, as nobody's."""

    async def use(stage: Stage) -> None:
        runner, anchors = stage.runner, SlowAnchors()
        assert isinstance(runner, ForkRunner)
        runner.move(replace(runner._ground, anchors=cast("Anchors", anchors)))
        if not has_zygote:
            runner.renew(runner.spec, replace(runner.program, interpreter="/bin/no"))
        runner.launch(1)
        await stage.until(lambda: anchors.said and (has_zygote or stage.told.ended))
        await runner.close()
        assert anchors.said == ["begun", "cancelled", "left"]

    run_staged("fork", tmp_path, use)
