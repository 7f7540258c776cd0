"""Generations by fork: what does not go as usual."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from sceneshift.dev.run.fork import ForkRunner
from staging import run_staged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from staging import Stage

CATCHING = """\
import errno, pathlib, socket
try:
    socket.create_server(("127.0.0.1", int(pathlib.Path("port").read_text())))
except OSError as error:
    raise SystemExit(3 if error.errno == errno.EADDRINUSE else 4)
"""
WORDS: dict[str, Callable[[ForkRunner], None]] = {
    "proceed": lambda runner: runner.proceed(9),
    "hold": lambda runner: runner.hold(9),
    "resume": lambda runner: runner.resume(9),
    "promote": lambda runner: runner.promote(9, 8),
    "stop": lambda runner: runner.stop(9, is_reload=True, is_forced=False),
    "discard": lambda runner: runner.discard(9),
    "born": lambda runner: runner.handle_born(9, 1),
    "died": lambda runner: runner.handle_died(9, 0),
}


def runner_of(stage: Stage) -> ForkRunner:
    """Return the runner by fork."""
    assert isinstance(stage.runner, ForkRunner)
    return stage.runner


@pytest.mark.parametrize("word", WORDS)
def test_a_word_of_a_generation_that_is_gone_changes_nothing(
    tmp_path: Path, word: str
) -> None:
    """It may have ended in this very moment."""

    async def use(stage: Stage) -> None:
        WORDS[word](runner_of(stage))
        stage.runner.launch(1)
        await stage.until(lambda: stage.told.ready)
        assert (stage.told.ready, stage.told.ended) == ([1], [])

    run_staged("fork", tmp_path, use)


def test_one_that_is_told_to_hold_once_more_has_heard_it(tmp_path: Path) -> None:
    """Else what is saved during a reload would wait for a word that never comes."""

    async def use(stage: Stage) -> None:
        runner = runner_of(stage)
        runner.launch(1)
        await stage.until(lambda: stage.told.ready)
        generation = runner.generation(1)
        assert generation is not None
        for _ in range(2):
            runner.hold(1)
            await stage.until(lambda: generation.has_heard)
        runner.resume(1)
        assert not generation.has_heard
        await stage.until(lambda: generation.has_heard)

    run_staged("fork", tmp_path, use)


def test_an_interpreter_that_is_not_there_is_a_start_that_failed(
    tmp_path: Path,
) -> None:
    """With the code that a shell has for it."""

    async def use(stage: Stage) -> None:
        runner = runner_of(stage)
        program = replace(runner.program, interpreter=str(tmp_path / "python"))
        runner.renew(runner.spec, program)
        runner.launch(1)
        await stage.until(lambda: stage.told.ended)
        assert stage.told.ended == [(1, 127)]

    run_staged("fork", tmp_path, use)


def test_an_address_that_another_program_has_is_refused(tmp_path: Path) -> None:
    """The program gets the error that it would get without us."""

    async def use(stage: Stage) -> None:
        (tmp_path / "app.py").write_text(CATCHING)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            (tmp_path / "port").write_text(str(taken.getsockname()[1]))
            stage.runner.launch(1)
            await stage.until(lambda: stage.told.ended)
        assert stage.told.ended == [(1, 3)]

    run_staged("fork", tmp_path, use)
