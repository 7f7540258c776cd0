"""Whether reloads lose or age a request where the machine and the clients are worst.

Every server serves a crowd while its application is saved to at moments that nobody
knows, once as it is and once where it computes in a fifth of its requests, and programs
that only compute take the machine's time away from all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.crowd import Crowd
from bench.peers import install_libraries, install_peers
from bench.record import OURS, Record, Target, show_progress
from bench.requests import FAILURES, await_answer
from bench.running import (
    find_log,
    find_port,
    make_environment,
    running_stack,
    write_project,
)
from bench.servers import SERVERS, find_missing
from sceneshift.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.applications import Application
    from bench.peers import Peers
    from bench.servers import Server

_START_S = 90.0
_SERVED_S = 60.0
_BETWEEN_S = 0.15  # at most, after the last save is served
_MISSES = 3
_SHOWN = 5  # of what went wrong
# Rounds of PBKDF2 in a fifth of the requests: 4 ms where nothing else runs.
APPLICATIONS = {"as it is": 0, "computing": 20_000}
# It ends when who started it does, however that may end.
_HOG = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One server with one application.

    Attributes:
        name: Of the server, among `SERVERS`.
        kind: Of the application, among `APPLICATIONS`.
        server: How it is run.
        application: What it serves.
        port: Where.
    """

    name: str
    kind: str
    server: Server
    application: Application
    port: int

    @property
    def contender(self) -> str:
        """Its name in the table."""
        return f"{OURS}, {self.name}"


def measure(  # noqa: PLR0913 - the measures of a load
    root: Path,
    *,
    reloads: int = 20,
    connections: int = 40,
    hogs: int = 6,
    only: str = "",
    installed: Peers | None = None,
) -> Record:
    """Reload all servers under load.

    Args:
        root: The project in whose state folder the servers are installed.
        reloads: Saves to each application of each server.
        connections: Clients that ask at the same time.
        hogs: Programs beside them that only compute.
        only: What the names of the servers begin with.
        installed: Where the servers are; None has them installed.

    Raises:
        UsageError: No server is called so.
    """
    chosen = choose_servers(only)
    env = make_environment()
    if installed is None:
        installed = install_peers(root)
        libraries = install_libraries(installed)
        env["PYTHONPATH"] = os.pathsep.join((env["PYTHONPATH"], str(libraries)))
    record = Record(bench="stress", runs=reloads, is_interleaved=False)
    record.notes.append(f"{connections} clients, {hogs} programs that only compute")
    missing = find_missing(installed.python, chosen.values(), env)
    with _computing(hogs), tempfile.TemporaryDirectory() as folder:
        for name, server in chosen.items():
            if lacks := missing.intersection(server.needs):
                record.left_out[name] = f"cannot import {', '.join(sorted(lacks))}"
                continue
            for trial in _list_trials(name, server, Path(folder)):
                show_progress(f"{reloads} reloads of {name}, {trial.kind}")
                with _serving(trial, installed, env):
                    crowd, done = asyncio.run(_reload(trial, reloads, connections))
                _note(record, trial, crowd, done=done, reloads=reloads)
    return record


def choose_servers(only: str) -> dict[str, Server]:
    """Return the servers whose names begin so.

    Raises:
        UsageError: There is none.
    """
    chosen = {name: x for name, x in SERVERS.items() if name.startswith(only)}
    if not chosen:
        hint = f"servers are: {', '.join(SERVERS)}"
        raise UsageError(f"no server is called `{only}`", hint=hint)
    return chosen


def _list_trials(name: str, server: Server, folder: Path) -> Iterator[Trial]:
    for kind, rounds in APPLICATIONS.items():
        place = folder / f"{name}-{rounds}".replace(" ", "")
        yield Trial(
            name=name,
            kind=kind,
            server=server,
            application=server.write(place, rounds),
            port=find_port(),
        )


@contextlib.contextmanager
def _computing(count: int) -> Iterator[None]:
    """Let so many programs compute."""
    hogs = [subprocess.Popen((sys.executable, "-c", _HOG)) for _ in range(count)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


@contextlib.contextmanager
def _serving(trial: Trial, installed: Peers, env: Mapping[str, str]) -> Iterator[None]:
    """Run a server; it answers when this is entered."""
    arguments = trial.server.arguments.format(port="$PORT")
    command = f"{installed.python} {arguments}"
    write_project(trial.application.folder, {"web": command}, {"web": trial.port})
    with running_stack(trial.application.folder, env):
        await_answer(trial.port, 0, _START_S)
        yield


async def _reload(trial: Trial, reloads: int, connections: int) -> tuple[Crowd, int]:
    """Save so many times; return who asked meanwhile and how many saves they saw."""
    crowd = Crowd(trial.port, keeps=trial.server.keeps)
    asking = asyncio.ensure_future(crowd.run(connections))
    done = 0
    for value in range(1, reloads + 1):
        await asyncio.to_thread(trial.application.save, 0, value)
        done += await crowd.await_value(value, _SERVED_S)
        if value - done >= _MISSES:
            break
        await asyncio.sleep(random.uniform(0, _BETWEEN_S))  # noqa: S311 - a load
    crowd.finish()
    await asking
    return crowd, done


def _note(
    record: Record, trial: Trial, crowd: Crowd, *, done: int, reloads: int
) -> None:
    found = {"lost requests": crowd.lost, "stale answers": crowd.counts["stale"]}
    if trial.server.keeps:
        found["closed connections"] = crowd.counts["closed"]
    for what, count in found.items():
        case, unit = f"{what}, {trial.kind}", what.split()[-1]
        record.add(case, unit, {trial.contender: (count,)})
        record.targets.append(
            Target(
                what=f"{case}: {trial.contender}",
                ours=count,
                limit="0",
                is_met=count == 0 and done == reloads,
            )
        )
    _tell(record, trial, crowd, f"{done} of {reloads} reloads served")


def _tell(record: Record, trial: Trial, crowd: Crowd, served: str) -> None:
    name = f"{trial.contender}, {trial.kind}"
    kinds = (*FAILURES, "stale", "closed", "ok")
    words = ", ".join(f"{n} {kind}" for kind in kinds if (n := crowd.counts[kind]))
    record.notes.append(f"{name}: {served}; {words}")
    record.notes += [f"{name}: {fault}" for fault in crowd.faults[:_SHOWN]]
    log = find_log(trial.application.folder).read_text(errors="replace")
    if "Traceback" in log:
        trace = log[log.index("Traceback") :][:2000]
        record.notes.append(f"{name}: its output has a {trace}")
