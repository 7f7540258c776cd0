from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, TypeVar

import pytest

from sceneshift.dev.guard.process import PYTHON, start_guard
from sceneshift.dev.guard.spawner import Spawner

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

# Without site the guard's lines would not be counted.
IS_MEASURED = "COVERAGE_PROCESS_CONFIG" in os.environ
GUARD_PYTHON = (sys.executable,) if IS_MEASURED else PYTHON


@pytest.fixture
def losses() -> list[str]:
    """Return where the loss of a guard is noted."""
    return []


@pytest.fixture
def run(losses: list[str]) -> Callable[[Callable[[Spawner], Awaitable[T]]], T]:
    """Return what runs a coroutine with a spawner and closes that afterwards."""

    async def with_spawner(use: Callable[[Spawner], Awaitable[T]]) -> T:
        spawner = await Spawner.start(
            start_guard(f"test-{os.getpid()}", GUARD_PYTHON),
            loop=asyncio.get_running_loop(),
            on_guard_lost=lambda: losses.append("guard"),
        )
        try:
            return await use(spawner)
        finally:
            await spawner.close()

    return lambda use: asyncio.run(with_spawner(use))
