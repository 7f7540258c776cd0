"""A plain spawner for tests of what starts children through the one of the product."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class PlainChild:
    """A child of asyncio's."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.pid = process.pid
        self.exited: asyncio.Future[int] = asyncio.ensure_future(_wait(process))


async def _wait(process: asyncio.subprocess.Process) -> int:
    """Return the raw wait status of a child, as the product's spawner has it."""
    code = await process.wait()
    return -code if code < 0 else code << 8


class PlainSpawner:
    """Starts children, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, ...]] = []
        self.children: list[PlainChild] = []

    async def __call__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        fds: Mapping[int, int],
    ) -> PlainChild:
        """Start `argv` in a session of its own, with exactly these descriptors."""
        self.commands.append(tuple(argv))
        process = await asyncio.create_subprocess_exec(
            *argv,
            env=dict(env),
            cwd=cwd,
            stdin=fds[0],
            stdout=fds[1],
            stderr=fds[2],
            start_new_session=True,
        )
        child = PlainChild(process)
        self.children.append(child)
        return child
