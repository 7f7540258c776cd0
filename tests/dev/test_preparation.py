"""What has to be there before a process starts."""

from __future__ import annotations

import asyncio
import os
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

import sceneshift.dev
from sceneshift.core.paths import StateFolder
from sceneshift.core.processes import find_process
from sceneshift.dev.model import SetupStep
from sceneshift.dev.preparation import Preparation
from sceneshift.dev.setup import SetupError
from staging import make_stream, open_spawner, write_web
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sceneshift.dev.model import ProcessSpec
    from sceneshift.dev.output import ProcessStream


class Prepared:
    """A process that is prepared, and its output."""

    def __init__(self, folder: Path, preparation: Preparation) -> None:
        self.spec = write_web(folder)
        self.stream: ProcessStream = make_stream(folder)
        self._preparation = preparation

    async def prepare(self, **values: object) -> ProcessSpec:
        """Prepare it, with some values of its own."""
        spec = replace(self.spec, **values)
        return await self._preparation.prepare(spec, self.stream)

    async def until(self, predicate: Callable[[], object]) -> None:
        """Wait, while the loop runs."""
        async with asyncio.timeout(30):
            while not predicate():  # noqa: ASYNC110 - it looks outside of the loop
                await asyncio.sleep(0)

    def said(self) -> list[str]:
        """Return the lines of its output."""
        return [line.text for line in self.stream.ring.tail("web", 100)]


def run(folder: Path, use: Callable[[Prepared], Awaitable[None]]) -> None:
    """Run a coroutine with a process that is to be prepared."""

    async def with_spawner() -> None:
        async with open_spawner() as spawner:
            await use(Prepared(folder, Preparation(spawner, StateFolder(folder))))

    asyncio.run(with_spawner())


def is_running(pid: int) -> bool:
    """Say whether a process runs."""
    entry = find_process(pid)
    return entry is not None and entry.is_running


def test_the_last_words_of_a_step_are_shown(tmp_path: Path) -> None:
    """Also where it fails, and ends in the middle of a line."""

    async def use(it: Prepared) -> None:
        with pytest.raises(SetupError, match="exit code 3"):
            await it.prepare(setup=SetupStep(run="echo one; printf two; exit 3"))
        assert it.said()[1:] == ["one", "two"]

    run(tmp_path, use)


@pytest.mark.parametrize("is_known", [False, True])
def test_a_step_that_nobody_waits_for_is_ended(
    tmp_path: Path,
    is_known: bool,  # noqa: FBT001 - a column
) -> None:
    """With all that it has started, also before it is known that it has started."""
    pid = tmp_path / "pid"

    def is_written() -> bool:
        return pid.exists() and bool(pid.read_text())

    async def use(it: Prepared) -> None:
        step = SetupStep(run="trap '' TERM; setsid sleep 300 & echo $! > pid; wait")
        task = asyncio.ensure_future(it.prepare(setup=step))
        await it.until(is_written if is_known else it.said)
        wait_until(is_written)  # the loop hears nothing meanwhile
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await it.until(lambda: not is_running(int(pid.read_text())))

    run(tmp_path, use)


def test_a_process_that_needs_node_finds_the_one_that_is_installed(
    tmp_path: Path,
) -> None:
    """So does one whose step alone needs it; the machine has none."""
    lock = Path(sceneshift.dev.__path__[0], "node.lock").read_text()
    version = lock.split()[0].partition("==")[2]
    folder = tmp_path / f".sceneshift/node/{version}-{sysconfig.get_platform()}/bin"
    folder.mkdir(parents=True)
    (folder / "npm").touch(mode=0o755)

    async def use(it: Prepared) -> None:
        empty = {"PATH": str(tmp_path)}
        expected = f"{folder}{os.pathsep}{tmp_path}"
        spec = await it.prepare(command="npm run dev", env=empty)
        assert spec.env["PATH"] == expected
        spec = await it.prepare(setup=SetupStep(run="npm --version"), env=empty)
        assert spec.env["PATH"] == expected

    run(tmp_path, use)
