"""This repository's demo in two environments: how long a switch of it takes.

Its frontend waits for its backend, so a switch takes as long as both one after the
other. Beside it: the frontend's own start alone, and honcho stopped and started.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from bench.record import OURS, Record, show_progress
from bench.running import (
    ROOT,
    await_value,
    find_port,
    make_environment,
    running,
    running_stack,
)
from sceneshift.core.ports import is_free

if TYPE_CHECKING:
    from bench.peers import Peers

NAME = "demo"
_PARTS = ("demo", "Procfile.dev", "tasks.py")
_NAMES = ("development", "staging")
_START_S = 180.0  # its first start installs packages
_FRONTEND = ("npm", "--prefix", "demo/frontend", "run", "dev")
_VITE = "npm run dev alone, to its page"
_HONCHO = "honcho, stopped and started"
_MORE_S = 0.3  # than the frontend's own start
_LINES = 3
_STEP = 100  # honcho's, from one line's PORT to the next


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A copy of the demo.

    Attributes:
        folder: Where it is.
        ports: Those of backend and frontend in each environment.
        env: Of everything that is run.
    """

    folder: Path
    ports: tuple[tuple[int, int], tuple[int, int]]
    env: dict[str, str]


def measure_switch(folder: Path, record: Record, installed: Peers, runs: int) -> None:
    """Switch there and back, in turns with the others."""
    demo = make_demo(folder)
    samples: dict[str, list[float]] = {OURS: [], _VITE: [], _HONCHO: []}
    honcho = installed.program("honcho")
    with running_stack(demo.folder, demo.env):
        for now in (1, 0):  # the first time migrates and fills a database
            _switch(demo, now)
        for number in range(runs):
            show_progress(f"{NAME}: {number + 1}/{runs}")
            samples[OURS].append(_switch(demo, 1 - number % 2))
            samples[_VITE].append(_start_frontend(demo))
            samples[_HONCHO].append(_stop_and_start(demo, honcho))
    case = f"{NAME}: asked to everything healthy"
    record.add(case, "s", samples)
    alone = record.find(case, _VITE)
    if alone is not None:
        record.aim(case, OURS, at_most=round(alone.median + _MORE_S, 2))


def make_demo(folder: Path) -> Demo:
    """Copy the demo, with ports that nobody has."""
    folder.mkdir()
    for part in _PARTS:
        source = ROOT / part
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, folder / part)
    shutil.rmtree(folder / "demo" / "var", ignore_errors=True)
    ports = ((find_port(), find_port()), (find_port(), find_port()))
    text = (ROOT / "pyproject.toml").read_text()
    for name, (backend, frontend) in zip(_NAMES, ports, strict=True):
        own = f"ports = {{ backend = {backend}, frontend = {frontend} }}"
        place = rf"(?s)(environments\.{name}\].*?)ports = {{[^}}]*}}"
        text = re.sub(place, rf"\g<1>{own}", text, count=1)
    (folder / "pyproject.toml").write_text(text)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return Demo(folder=folder, ports=ports, env=make_environment(PATH=path))


def _switch(demo: Demo, to: int) -> float:
    """Switch; return the seconds from asking to the word that all is healthy."""
    began = time.perf_counter()
    asking = subprocess.Popen(
        [sys.executable, "-m", "invoke", "env.switch", _NAMES[to]],
        cwd=demo.folder,
        env=demo.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert asking.stderr is not None
    said = [next(asking.stderr, b"")]
    while said[-1] and not said[-1].startswith(b"done: "):
        said.append(next(asking.stderr, b""))
    took_s = time.perf_counter() - began
    said += asking.communicate()
    if asking.returncode:
        words = b"".join(said).decode()
        raise RuntimeError(f"`inv env.switch` has failed: {words}")
    backend, frontend = demo.ports[to]
    assert is_healthy(backend, "/health")
    assert is_healthy(frontend, "/")
    return took_s


def _start_frontend(demo: Demo) -> float:
    """Start the frontend alone; return the seconds until its page is there."""
    port = find_port()
    env = demo.env | {"PORT": str(port), "BACKEND_URL": "http://127.0.0.1:9"}
    began = time.perf_counter()
    with running(_FRONTEND, demo.folder, env):
        await_value(lambda: is_healthy(port, "/"), _START_S)
        return time.perf_counter() - began


def _stop_and_start(demo: Demo, honcho: str) -> float:
    """Stop honcho and start it with other ports; return the seconds."""
    argv = (honcho, "start", "-f", "Procfile.dev")
    url = f"sqlite:///{demo.folder}/demo/var/staging.db"
    old, new = _find_base(), _find_base()
    with running(argv, demo.folder, demo.env | {"PORT": str(old), "DATABASE_URL": url}):
        await_value(lambda: _is_up(old), _START_S)
        began = time.perf_counter()
    with running(argv, demo.folder, demo.env | {"PORT": str(new), "DATABASE_URL": url}):
        await_value(lambda: _is_up(new), _START_S)
        return time.perf_counter() - began


def _find_base() -> int:
    """Return a port for the first line, with free ones for the others."""
    while True:
        base = find_port()
        if all(is_free(base + _STEP * line) for line in range(_LINES)):
            return base


def _is_up(base: int) -> bool:
    frontend = base + _STEP * (_LINES - 1)
    return is_healthy(base, "/health") and is_healthy(frontend, "/")


def is_healthy(port: int, path: str) -> bool:
    """Say whether an address of this machine is answered as it should be."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as got:
            return bool(got.status == HTTPStatus.OK)
    except OSError:
        return False
