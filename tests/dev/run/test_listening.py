"""Code of which it is thought that it listens, and does not."""

from __future__ import annotations

import asyncio
import errno
import os
from typing import TYPE_CHECKING

from sceneshift.dev.machine import Phase
from sceneshift.dev.model import CommandProbe
from staging import tell_of_stop
from supervising import LISTENING, connect, run_supervised, stand
from support import free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from supervising import Supervised

WORKING = "import time\ntime.sleep(300)\n"


async def save(it: Supervised, text: str) -> None:
    """Save other code and wait until it is ready."""
    (it.spec.cwd / "app.py").write_text(text)
    it.supervisor.change("web", ["app.py"])
    await it.until(lambda: it.supervisor.history.open_of("web") is None)
    assert (it.state.phase, it.state.is_broken) == (Phase.READY, False)


def test_code_that_listens_no_more_is_not_waited_for(tmp_path: Path) -> None:
    """Nor is anybody kept waiting who connects, until code listens there again."""
    port = free_port()

    async def use(it: Supervised) -> None:
        await it.until_phase(Phase.READY)
        await save(it, LISTENING)
        await it.until_idle(lambda: connect(port) == 0)
        await save(it, LISTENING + "# as it is known now\n")
        await save(it, WORKING)
        await it.until_idle(lambda: connect(port) == errno.ECONNREFUSED)
        await save(it, LISTENING)
        await it.until_idle(lambda: connect(port) == 0)

    env = {**os.environ, "PORT": str(port)}
    run_supervised("fork", tmp_path, use, env=env, patience_s=0.3)


def wait_longer(time_s: float) -> Callable[[], bool]:
    """Return what tells whether more time has passed."""
    clock = asyncio.get_running_loop().time
    end = clock() + time_s
    return lambda: clock() > end


def test_a_first_start_has_time_while_it_stands(tmp_path: Path) -> None:
    """It is taken to be ready when what was left of that is over."""
    port = free_port()

    async def use(it: Supervised) -> None:
        await it.until_idle(lambda: it.is_linked(it.state.current))
        generation = it.supervisor.generation_of("web", it.state.current)
        stand(it, it.state.current)
        await it.until_idle(wait_longer(0.4))
        assert it.state.phase is Phase.STARTING
        tell_of_stop(generation, waiting=False)
        await it.until_phase(Phase.READY)
        said = f"taken to be ready: nothing listens on port {port} after 0.2 s"
        assert said in it.said()

    run_supervised("fork", tmp_path, use, port=port, listens=True, patience_s=0.2)


def test_a_port_is_given_up_after_a_breakpoint(tmp_path: Path) -> None:
    """Code that stands there may listen yet; when it goes on it has its time."""
    port = free_port()

    async def use(it: Supervised) -> None:
        await it.until_phase(Phase.READY)
        await save(it, LISTENING)
        await it.until_idle(lambda: connect(port) == 0)
        await save(it, WORKING)
        generation = it.supervisor.generation_of("web", it.state.current)
        stand(it, it.state.current)
        await it.until_idle(wait_longer(0.4))
        tell_of_stop(generation, waiting=False)
        await it.until_idle(lambda: connect(port) == errno.ECONNREFUSED)

    env = {**os.environ, "PORT": str(port)}
    run_supervised("fork", tmp_path, use, env=env, patience_s=0.3)


def test_what_never_listens_is_taken_to_be_ready(tmp_path: Path) -> None:
    """After a while, and people are told."""
    port = free_port()

    async def use(it: Supervised) -> None:
        await it.until_phase(Phase.READY)
        said = f"taken to be ready: nothing listens on port {port} after 0.1 s"
        assert said in it.said()

    run_supervised("shell", tmp_path, use, port=port, listens=True, patience_s=0.1)


def test_what_a_probe_waits_for_is_told_after_a_while(tmp_path: Path) -> None:
    """Once: a path that is misspelled would be asked for ever, and nobody knew."""

    async def use(it: Supervised) -> None:
        await it.until_idle(it.said)
        (tmp_path / "is-late").touch()
        await it.until_idle((tmp_path / "is-asked-again").exists)
        assert it.said() == ["not ready yet: `" + probe.command + "`: exit code 1"]
        assert it.state.phase is Phase.STARTING

    probe = CommandProbe(command="test -e is-late && touch is-asked-again; exit 1")
    command = "exec sleep 300"
    run_supervised("shell", tmp_path, use, command=command, probe=probe, patience_s=0.0)
