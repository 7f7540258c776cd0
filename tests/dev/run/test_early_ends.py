"""Processes that are stopped or not wanted any more before they exist."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from staging import run_staged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from staging import Stage, Use

    Run = Callable[[Use], None]

TERM, KILL = -15, -9


@pytest.fixture(params=["shell", "fork", "cold"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Return what runs a coroutine with a runner of each kind."""
    return lambda use: run_staged(request.param, tmp_path, use)


def stop(stage: Stage, token: int, *, is_forced: bool = False) -> None:
    """Stop a generation."""
    stage.runner.stop(token, is_reload=False, is_forced=is_forced)


@pytest.mark.parametrize(("is_forced", "code"), [(False, TERM), (True, KILL)])
def test_a_start_that_is_stopped_at_once_has_ended(
    run: Run,
    is_forced: bool,  # noqa: FBT001 - a column
    code: int,
) -> None:
    """Its end is told once, and the next start is a start like any other."""

    async def use(stage: Stage) -> None:
        stage.runner.launch(1)
        stop(stage, 1, is_forced=is_forced)
        stop(stage, 1)  # a second Ctrl-C
        await stage.until(lambda: stage.told.ended)
        stage.runner.launch(2)
        await stage.until(lambda: stage.told.ready)
        assert (stage.told.ended, stage.told.ready) == ([(1, code)], [2])
        assert stage.runner.generation(1) is None

    run(use)


@pytest.mark.parametrize("turns", [1, 2, 3, 5, 8, 13])
def test_a_stop_finds_whatever_a_start_has_made_so_far(run: Run, turns: int) -> None:
    """One end is told, and nothing is left, however far the start has come."""

    async def use(stage: Stage) -> None:
        stage.runner.launch(1)
        for _ in range(turns):
            await asyncio.sleep(0)
        stop(stage, 1)
        await stage.until(lambda: stage.told.ended and not stage.runner._tasks)
        await stage.until(lambda: not stage.running())
        assert [token for token, _ in stage.told.ended] == [1]
        assert stage.told.ready == []

    run(use)


@pytest.mark.parametrize("turns", [0, 1, 3, 8])
def test_a_candidate_that_nobody_wants_any_more_says_nothing(
    run: Run, turns: int
) -> None:
    """A newer save has replaced it; what comes after it works."""

    async def use(stage: Stage) -> None:
        stage.runner.check(1)
        for _ in range(turns):
            await asyncio.sleep(0)
        stage.runner.discard(1)
        stage.runner.discard(1)
        stage.runner.check(2)
        await stage.until(lambda: stage.told.ready)
        assert (stage.told.ended, stage.told.ready) == ([], [2])
        stop(stage, 2)
        await stage.until(lambda: stage.told.ended)
        await stage.until(lambda: not stage.running())

    run(use)


def test_the_end_of_everything_comes_while_a_process_starts(run: Run) -> None:
    """Nothing of it is left, and nobody is told."""

    async def use(stage: Stage) -> None:
        stage.runner.launch(1)
        await asyncio.sleep(0)
        await stage.runner.close()
        await stage.spawner.close()
        await stage.until(lambda: not stage.running())
        assert stage.told.ended == []

    run(use)
