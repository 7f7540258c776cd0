"""Runs processes of the Procfile beside it until it is killed: `supervise.py NAME...`.

Says on its standard output, a JSON object a line, what it started and what it lost.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from sceneshift.dev.guard.process import start_guard
from sceneshift.dev.guard.spawner import Spawner

HERE = Path(__file__).parent


def say(**what: object) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def supervise(names: list[str]) -> None:
    """Start the processes and wait for ever."""
    lines = (HERE / "Procfile.dev").read_text().splitlines()
    commands = dict(line.split(": ", 1) for line in lines)
    spawner = await Spawner.start(
        start_guard(f"orphans-{os.getpid()}"),
        loop=asyncio.get_running_loop(),
        on_guard_lost=lambda: say(event="guard lost"),
    )
    for name in names:
        argv = ["/bin/sh", "-c", commands[name]]
        await spawner.spawn(argv, env=os.environ, cwd=HERE, fds={1: 2, 2: 2})
    say(event="started", supervisor=os.getpid(), guard=spawner.guard_pid)
    await asyncio.Event().wait()


asyncio.run(supervise(sys.argv[1:]))
