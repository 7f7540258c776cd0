"""Code of which it is thought that it listens, and does not."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from sceneshift.dev.machine import Phase
from stacks import free_port
from supervising import LISTENING, connect, run_supervised

if TYPE_CHECKING:
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


def test_what_never_listens_is_taken_to_be_ready(tmp_path: Path) -> None:
    """After a while, and people are told."""
    port = free_port()

    async def use(it: Supervised) -> None:
        await it.until_phase(Phase.READY)
        said = f"taken to be ready: nothing listens on port {port} after 0.1 s"
        assert said in it.said()

    run_supervised("shell", tmp_path, use, port=port, listens=True, patience_s=0.1)
