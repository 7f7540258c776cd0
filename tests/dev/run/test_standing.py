"""Runs of a process that stand at a breakpoint."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.processes import find_process
from sceneshift.dev.crew import Crew
from sceneshift.dev.guard.child import Child
from sceneshift.dev.run.generation import Generation, Tail
from sceneshift.dev.run.retiring import retire
from staging import make_stream, run_staged, tell_of_stop

if TYPE_CHECKING:
    from pathlib import Path

    from staging import Stage

TURNS = 50  # of the loop: what is to be done at once has been


@pytest.mark.parametrize("is_hurried", [True, False])
def test_one_that_stands_is_not_stopped(tmp_path: Path, *, is_hurried: bool) -> None:
    """It is when it goes on, or when a person wants all to end."""

    async def use(stage: Stage) -> None:
        runner = stage.runner
        runner.launch(1)
        await stage.until(lambda: stage.told.ready)
        generation = runner.generation(1)
        tell_of_stop(generation, waiting=True)
        crew = Crew({"web": runner}, {})
        assert crew.list_standing() == [generation]
        assert generation is not None
        assert crew.get_debugged(generation.number) == (runner, generation)
        runner.see_out(1)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        assert generation.pid is not None
        entry = find_process(generation.pid)
        assert entry is not None
        assert entry.is_running
        if is_hurried:
            crew.hurry()
        else:
            tell_of_stop(generation, waiting=False)
        await stage.until(lambda: stage.told.ended)
        assert crew.list_standing() == []
        with pytest.raises(SceneshiftError, match="is gone"):
            crew.get_debugged(generation.number)
        assert stage.told.stops == [True, False]

    run_staged("fork", tmp_path, use)


def test_a_request_at_a_breakpoint_has_time_for_its_end(tmp_path: Path) -> None:
    """The limit of draining counts what passes between."""

    async def use() -> None:
        me = Child(
            pid=os.getpid(),
            started=0,
            token="",
            exited=asyncio.get_running_loop().create_future(),
        )
        generation = Generation(
            number=1,
            process="web",
            tail=Tail(make_stream(tmp_path).source()),
            child=me,
            is_holding=True,
        )
        generation.clock.stop()
        draining = asyncio.ensure_future(retire(generation, 0))
        for _ in range(TURNS):
            await asyncio.sleep(0)
        assert not draining.done()
        generation.clock.go()
        await draining

    asyncio.run(use())
