"""How long a switch takes beside stopping and starting, and what is lost meanwhile."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import demo
from bench.applications import APPLICATIONS
from bench.peers import install_peers
from bench.record import OURS, Record, show_progress
from bench.requests import Load, await_answer
from bench.running import (
    find_port,
    make_environment,
    running,
    running_stack,
    write_project,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.peers import Peers

_HONCHO = "honcho, stopped and started"
_WORKER = "import threading\nthreading.Event().wait()\n"
_START_S = 90.0
_NAMES = ("development", "staging")
_LIMITS_S = {"light": 1.0, "heavy": 5.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One application with two environments.

    Attributes:
        folder: Where it is.
        ports: That of `web` in each environment.
        peer_ports: The same for who stops and starts.
        env: Of everything that is run.
        honcho: The program.
    """

    folder: Path
    ports: tuple[int, int]
    peer_ports: tuple[int, int]
    env: dict[str, str]
    honcho: str


def measure(
    root: Path,
    *,
    runs: int = 9,
    applications: Sequence[str] = (*APPLICATIONS, demo.NAME),
    installed: Peers | None = None,
) -> Record:
    """Switch there and back, in turns with who stops and starts.

    Args:
        root: The project in whose state folder the peers are installed.
        runs: Switches of each application.
        applications: Among `APPLICATIONS`, and the demo.
        installed: Where the peers are; None has them installed.
    """
    installed = install_peers(root) if installed is None else installed
    record = Record(bench="switch", runs=runs)
    with tempfile.TemporaryDirectory() as folder:
        for name in applications:
            place = Path(folder) / name
            if name == demo.NAME:
                demo.measure_switch(place, record, installed, runs)
            else:
                _measure_one(_make_project(place, name, installed), name, record, runs)
    return record


def _make_project(folder: Path, name: str, installed: Peers) -> Project:
    APPLICATIONS[name](folder)
    (folder / "worker.py").write_text(_WORKER)
    python = installed.python
    serve = "-m uvicorn app:app --port $PORT --log-level warning"
    lines = {"web": f"{python} {serve}", "worker": f"{python} worker.py"}
    write_project(folder, lines)
    ports = find_port(), find_port()
    peer_ports = find_port(), find_port()
    tables = (
        f"[tool.sceneshift.environments.{environment}]\n"
        f'ports = {{ web = {port} }}\nenv = {{ NAME = "{environment}" }}\n'
        for environment, port in zip(_NAMES, ports, strict=True)
    )
    (folder / "pyproject.toml").write_text("".join(tables))
    return Project(
        folder=folder,
        ports=ports,
        peer_ports=peer_ports,
        env=make_environment(),
        honcho=installed.program("honcho"),
    )


def _measure_one(project: Project, name: str, record: Record, runs: int) -> None:
    ours: list[float] = []
    lost: list[float] = []
    theirs: list[float] = []
    with running_stack(project.folder, project.env):
        await_answer(project.ports[0], 0, _START_S)
        for number in range(runs):
            show_progress(f"{name}: switch {number + 1}/{runs}")
            took_s, count = asyncio.run(_switch(project, number % 2))
            ours.append(took_s)
            lost.append(count)
            show_progress(f"{name}: stop and start {number + 1}/{runs}")
            theirs.append(_stop_and_start(project))
    case = f"{name}: asked to everything healthy"
    record.add(case, "s", {OURS: ours, _HONCHO: theirs})
    record.add(f"{name}: requests lost", "requests", {OURS: lost})
    record.aim(case, OURS, at_most=_LIMITS_S[name])
    record.aim(f"{name}: requests lost", OURS, at_most=0)


async def _switch(project: Project, now: int) -> tuple[float, int]:
    """Switch under load; return the seconds, and how many requests were lost."""
    load = Load(project.ports[now])
    asking = asyncio.ensure_future(load.run())
    await asyncio.sleep(0.2)
    began = time.perf_counter()
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "invoke", "env.switch", _NAMES[1 - now]),
        cwd=project.folder,
        env=project.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert child.stderr is not None
    words = line = await child.stderr.readline()
    while line and not line.startswith(b"done: "):
        line = await child.stderr.readline()
        words += line
    took_s = time.perf_counter() - began
    words += (await child.communicate())[1]
    asking.cancel()
    await load.finish()
    if child.returncode:
        raise RuntimeError(f"`inv env.switch` has failed: {words.decode()}")
    await asyncio.to_thread(await_answer, project.ports[1 - now], 0, _START_S)
    return took_s, load.lost


def _stop_and_start(project: Project) -> float:
    """Stop honcho and start it with other ports; return the seconds."""
    old, new = (
        project.env | {"PORT": str(port), "NAME": name}
        for port, name in zip(project.peer_ports, _NAMES, strict=True)
    )
    argv = (project.honcho, "start")
    with running(argv, project.folder, old):
        await_answer(project.peer_ports[0], 0, _START_S)
        began = time.perf_counter()
    with running(argv, project.folder, new):
        return await_answer(project.peer_ports[1], 0, _START_S) - began
