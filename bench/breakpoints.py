"""How long after a save its code stops at a breakpoint, beside debugpy's own way.

An editor is attached once, and has one breakpoint, in the handler of a route that is
asked again and again. The time is that from the end of the save to the word that a
thread stands there, in the request that is answered with the new value.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.applications import write_light
from bench.peers import install_apart, last_line
from bench.record import OURS, show_progress
from bench.requests import await_answer
from bench.running import (
    await_value,
    find_port,
    make_environment,
    running_stack,
    write_project,
)
from bench.turns import WARMUPS, take_turns
from sceneshift.core.paths import StateFolder
from sceneshift.ide.dap.client import Client
from sceneshift.ide.dap.framing import DebugError
from sceneshift.ide.doctor.call import Call

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.applications import Application
    from bench.record import Record

_PEER = "uvicorn --reload in debugpy"
_LIMIT_MS = 500
_MONITORED = (3, 12)  # `sys.monitoring`: debuggers cost little from here on
_NEEDS = ("debugpy", "fastapi", "uvicorn", "watchfiles")
_HOST = "127.0.0.1"
_START_S = 60.0
_HIT_S = 30.0
_SETTLE_S = 0.5
_PAUSE_S = 0.02  # between two requests
_SERVE = "-m uvicorn app:app --no-access-log --log-level warning --port"
_DEBUG = "-Xfrozen_modules=off -m debugpy --listen"


@dataclass(slots=True, kw_only=True)
class Contender:
    """A served application in which an editor has a breakpoint.

    Attributes:
        name: In the table.
        application: Its copy.
        port: Where it answers.
        debug_port: Where it is attached to.
        saves: How often it was saved to.
        missed: How many answers of new code came without a stop.
    """

    name: str
    application: Application
    port: int = field(default_factory=find_port)
    debug_port: int = field(default_factory=find_port)
    saves: int = 0
    missed: int = 0
    samples: list[float] = field(default_factory=list)
    client: Client | None = None

    def attach(self, client: Client) -> None:
        """Have a breakpoint in it, and wait until that is hit.

        Raises:
            TimeoutError: It is not.
        """
        self.client = client
        file = self.application.folder / "app.py"
        lines = file.read_text().splitlines()
        (line,) = [at for at, text in enumerate(lines, 1) if "return" in text]
        client.break_at({str(file): [line]})
        client.start(
            {
                "type": "debugpy",
                "request": "attach",
                "connect": {"host": _HOST, "port": self.debug_port},
                "justMyCode": True,
                "subProcess": True,
            }
        )
        # A request that is under way while a child is told its breakpoints passes them.
        _rest(client, _SETTLE_S)
        self._ask_until(0, time.perf_counter())
        self.missed = 0

    def reload(self) -> float:
        """Save, and return the milliseconds until the new code stood still.

        Raises:
            TimeoutError: It never did.
        """
        self.saves += 1
        self.application.save(0, self.saves)
        began = time.perf_counter()
        return (self._ask_until(self.saves, began) - began) * 1000

    def _ask_until(self, value: int, began: float) -> float:
        """Ask until a request stops that is answered with a value; return when."""
        assert self.client is not None
        while time.perf_counter() < began + _HIT_S:
            stopped_at, values = self._ask(self.client)
            if value in values and stopped_at is not None:
                return stopped_at
            self.missed += value in values
            _rest(self.client, _PAUSE_S)
        raise TimeoutError(f"its breakpoint is not hit within {_HIT_S:g} s")

    def _ask(self, client: Client) -> tuple[float | None, Sequence[int]]:
        """Ask once; return when that stood still, if it did, and the answer."""
        call = Call(client, _HOST, self.port, "/")
        client.wait(lambda: call.is_over or bool(client.find_stop()), limit_s=_HIT_S)
        stop, now = client.find_stop(), time.perf_counter()
        if stop is None:
            return None, _read(call)
        with contextlib.suppress(DebugError):  # old code ends at a breakpoint, too
            client.resume(stop)
        client.wait(lambda: call.is_over, limit_s=_HIT_S)
        return now, _read(call)


def _read(call: Call) -> Sequence[int]:
    with contextlib.suppress(ValueError):
        return list(json.loads(call.body)) if call.status == 200 else []
    return []


def _rest(client: Client, time_s: float) -> None:
    """Let time pass, and attach to children meanwhile."""
    client.wait(lambda: False, limit_s=time_s)


def measure_breakpoints(
    root: Path,
    record: Record,
    *,
    saves: int,
    pythons: Sequence[Path] | None = None,
    warmups: int = WARMUPS,
) -> None:
    """Add how long breakpoints take under `inv dev --debug` and under the peer.

    Args:
        root: The project in whose state folder another Python has what is needed.
        record: What is added to.
        saves: Samples of each.
        pythons: What runs the application; None means this one, and one that lets
            debuggers watch single lines.
        warmups: Saves before the first sample.
    """
    for python in _find_pythons(root, record) if pythons is None else pythons:
        major, minor = _read_version(python)
        case = f"save to breakpoint, Python {major}.{minor}"
        try:
            made = _measure_python(python, record, case, saves=saves, warmups=warmups)
        except (DebugError, RuntimeError, TimeoutError) as error:
            record.left_out[case] = last_line(str(error))
            continue
        record.add(case, "ms", {each.name: each.samples for each in made})
        passed = {each.name: [each.missed] for each in made if each.samples}
        record.add(f"passed by new code, Python {major}.{minor}", "answers", passed)
        if (major, minor) >= _MONITORED:
            record.aim(case, OURS, at_most=_LIMIT_MS)
    record.notes.append(
        f"save to breakpoint: {saves} saves of each, one client that asks every"
        f" {_PAUSE_S * 1000:g} ms; a stop of old code is answered at once"
    )


def _find_pythons(root: Path, record: Record) -> list[Path]:
    """Return this interpreter, and a newer one where there is any."""
    pythons = [Path(sys.executable)]
    if sys.version_info < _MONITORED:
        folder = StateFolder(root).make("bench", "breakpoints")
        python, reason = install_apart(folder / "venv", *_NEEDS)
        if not reason and _read_version(python) < _MONITORED:
            reason = "no such Python is on this machine"
        if reason:
            record.left_out["Python 3.12 or later (save to breakpoint)"] = reason
        else:
            pythons.append(python)
    return pythons


def _read_version(python: Path) -> tuple[int, int]:
    argv = (python, "-c", "import sys; print(*sys.version_info[:2])")
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    major, minor = map(int, done.stdout.split())
    return major, minor


def _measure_python(
    python: Path, record: Record, case: str, *, saves: int, warmups: int
) -> list[Contender]:
    """Have both take turns; return them with their samples."""
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        folder = Path(place).resolve()
        ours, theirs = (
            Contender(name=name, application=write_light(folder / name.split()[0]))
            for name in (OURS, _PEER)
        )
        show_progress(f"{case}: starting")
        stack.enter_context(_running_ours(ours, python))
        client = stack.enter_context(Client(_make_environment()))
        _start_peer(client, theirs, python)
        for each in (ours, theirs):
            await_answer(each.port, 0, _START_S)
            each.attach(client)
        take_turns(
            (ours, theirs),
            record,
            case,
            runs=saves,
            rest=lambda: _rest(client, _SETTLE_S),
            warmups=warmups,
        )
    return [ours, theirs]


def _make_environment() -> dict[str, str]:
    """Return the environment of what is debugged: coverage would take its tracing."""
    env = make_environment()
    return {name: x for name, x in env.items() if not name.startswith("COVERAGE")}


@contextlib.contextmanager
def _running_ours(each: Contender, python: Path) -> Iterator[None]:
    folder = each.application.folder
    write_project(folder, {"web": f"{python} {_SERVE} $PORT"}, {"web": each.port})
    with (folder / "pyproject.toml").open("a") as file:
        file.write(f"debug_ports = {{ web = {each.debug_port} }}\n")
    with running_stack(folder, _make_environment(), "--debug"):
        yield


def _start_peer(client: Client, each: Contender, python: Path) -> None:
    """Run debugpy's command, as one of the client's programs: it ends with those."""
    folder = each.application.folder
    ready = folder.with_suffix(".json")
    address = f"{_HOST}:{each.debug_port}"
    words = f"{_DEBUG} {address} {_SERVE} {each.port} --reload".split()
    process = client.programs.spawn(
        [python, *words], cwd=folder, env={"DEBUGPY_ADAPTER_ENDPOINTS": str(ready)}
    )
    client.watch_output(process, lambda _text: None)
    # The port itself must not be tried: debugpy takes that for its only client.
    await_value(ready.exists, _START_S)
