"""The lock between programs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

from sceneshift.dev.filelock import hold_lock

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = (
    "import fcntl, sys; file = open(sys.argv[1], 'ab'); "
    "fcntl.flock(file, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
)


def test_two_of_one_program_take_turns(tmp_path: Path) -> None:
    """Nobody is inside while another one is."""
    inside: list[str] = []
    told: list[str] = []

    async def enter(name: str) -> None:
        async with hold_lock(tmp_path / "lock", waiting=lambda: told.append(name)):
            inside.append(f"{name} in")
            await asyncio.sleep(0)
            inside.append(f"{name} out")

    async def both() -> None:
        await asyncio.gather(enter("a"), enter("b"))

    asyncio.run(both())
    assert inside == ["a in", "a out", "b in", "b out"]
    assert told == ["b"]


def test_a_killed_program_frees_it(tmp_path: Path) -> None:
    """The lock of a program that is gone is nobody's."""
    path = tmp_path / "lock"
    argv = [sys.executable, "-c", HOLDER, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()

        async def enter() -> bool:
            async with hold_lock(path, waiting=holder.kill):
                return True

        assert asyncio.run(enter())
