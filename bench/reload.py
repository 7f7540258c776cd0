"""How long after a save its code is served, and what other requests see meanwhile.

All contenders of an application run side by side, each on a copy of its own; they are
saved to in turns. The time is that from the end of the save to the end of the first
answer with the new value, as a client sees it that asks on new connections about a
thousand times a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.applications import APPLICATIONS, PARTS
from bench.peers import find_here, install_peers
from bench.record import OURS, Record, Target, show_progress
from bench.requests import FAILURES, RATE, Load, await_answer
from bench.running import find_log, find_port, running, running_stack, write_project
from bench.turns import take_turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.applications import Application
    from bench.peers import Peers

_START_S = 90.0
_SERVED_S = 30.0
_SETTLE_S = 0.5
_BETWEEN_S = 0.3
_MISSES = 3  # whoever never comes back is not waited for fifty times
ALL = -1  # edit every file in its turn
# Which files our variants edit; what is made ahead depends on that.
_VARIANTS = {
    "light": {"same file": 0, "files in turn": ALL},
    "heavy": {
        "same file, imported first": 0,
        "same file, imported last": PARTS - 1,
        "files in turn": ALL,
    },
}
_LIMITS_MS = {"light": (25, 20), "heavy": (250, 8)}
_REFERENCE = "uvicorn --reload"


@dataclass(slots=True, kw_only=True)
class Contender:
    """Somebody who serves an application and reloads it.

    Attributes:
        name: In the table.
        argv: Its command line; empty means `inv dev`.
        edits: The index of the file that is edited, or ALL.
        application: Its copy.
        port: Where it answers.
        saves: How often it was saved to.
    """

    name: str
    argv: tuple[str, ...]
    application: Application
    port: int
    edits: int = 0
    saves: int = 0
    samples: list[float] = field(default_factory=list)

    def save(self) -> int:
        """Save the next value; return it."""
        self.saves += 1
        files = self.application.files
        # Backwards: what was made ahead as far as the last file is of no use then.
        index = -self.saves % len(files) if self.edits == ALL else self.edits
        self.application.save(index, self.saves)
        return self.saves

    def reload(self) -> float:
        """Save, and return the milliseconds until it was served.

        Raises:
            TimeoutError: It was not.
        """
        value = self.save()
        start = time.perf_counter()
        return (await_answer(self.port, value, _SERVED_S) - start) * 1000


def measure(
    root: Path,
    *,
    runs: int = 15,
    reloads: int = 50,
    applications: Sequence[str] = ("light", "heavy"),
    peers: Sequence[str] | None = None,
) -> Record:
    """Measure all contenders.

    Args:
        root: The project in whose state folder the peers are installed.
        runs: Timed saves of each contender and application.
        reloads: Saves under load of each contender of the light application.
        applications: `light`, `heavy`.
        peers: Only these; None means all.
    """
    installed = install_peers(root) if peers != () else find_here()
    record = Record(bench="reload", runs=runs, left_out=dict(installed.left_out))
    record.notes.append(
        "same file: the save is to the file of the save before (a child waits in front"
        " of it); files in turn: to the one imported before it (that child is of no"
        " use, others wait before the whole project and at some files of a large one)"
    )
    for kind in applications:
        measure_latency(kind, installed, record, runs=runs, peers=peers)
    if reloads:
        measure_failures(installed, record, reloads=reloads, peers=peers)
    return record


def measure_latency(
    kind: str,
    installed: Peers,
    record: Record,
    *,
    runs: int,
    peers: Sequence[str] | None,
) -> None:
    """Add the times of one application to a record."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        made = list_contenders(kind, Path(folder), installed, peers=peers)
        alive = [x for x in made if _enter(x, stack, installed, record)]
        alive = take_turns(
            alive, record, kind, runs=runs, rest=lambda: time.sleep(_SETTLE_S)
        )
    case = f"save to served, {kind}"
    record.add(case, "ms", {each.name: each.samples for each in made})
    limit, faster = _LIMITS_MS[kind]
    for each in (x for x in alive if x.name.startswith(OURS)):
        record.aim(case, each.name, at_most=limit)
        record.compare(case, each.name, _REFERENCE, faster=faster)


def list_contenders(
    kind: str, folder: Path, installed: Peers, *, peers: Sequence[str] | None
) -> list[Contender]:
    """Return ours and the peers that are installed, each with a copy and a port."""
    made = []
    for variant, edits in _VARIANTS[kind].items():
        name = f"{OURS}, {variant}"
        made.append(_make_contender(kind, folder, name, edits=edits))
    return made + [
        _make_contender(kind, folder, name)
        for name in (_PEERS if peers is None else peers)
        if installed.has(_PEERS[name][0])
    ]


def _make_contender(kind: str, folder: Path, name: str, *, edits: int = 0) -> Contender:
    place = folder / name.replace(" ", "-").replace(",", "")
    return Contender(
        name=name,
        argv=_PEERS.get(name, ()),
        application=APPLICATIONS[kind](place),
        port=find_port(),
        edits=edits,
    )


# Program and arguments; the program of a Python peer lies beside the interpreter.
_PEERS = {
    "uvicorn --reload": (
        "uvicorn",
        "app:app",
        "--port",
        "{port}",
        "--reload",
        "--no-access-log",
    ),
    "granian --reload": (
        *("granian", "--interface", "asgi", "--port", "{port}"),
        *("--reload", "app:app"),
    ),
    "uvicorn-hmr": (
        "uvicorn-hmr",
        "app:app",
        "--host",
        "127.0.0.1",
        "--port",
        "{port}",
    ),
    "watchfiles": (
        *("watchfiles", "--filter", "python"),
        *("{python} -m uvicorn app:app --port {port} --no-access-log", "."),
    ),
    "gunicorn --reload": (
        *("gunicorn", "--reload", "-k", "asgi", "-b", "127.0.0.1:{port}", "app:app"),
    ),
    "nodemon": (
        *("nodemon", "--watch", ".", "--ext", "py"),
        *("--exec", "{python} -m uvicorn app:app --port {port} --no-access-log"),
    ),
}


@contextlib.contextmanager
def serving(each: Contender, installed: Peers) -> Iterator[None]:
    """Run a contender; it serves when this is entered.

    Raises:
        TimeoutError: It does not.
    """
    place = each.application.folder
    if each.argv:
        words = {"port": each.port, "python": installed.python}
        program, *arguments = (word.format(**words) for word in each.argv)
        process = running((installed.program(program), *arguments), place)
    else:
        # By name and not by path: what a Procfile says in a user's project.
        command = f"{installed.python} -m uvicorn app:app --port $PORT --no-access-log"
        write_project(place, {"web": command}, {"web": each.port})
        process = running_stack(place)
    with process:
        await_answer(each.port, 0, _START_S)
        yield


def _enter(
    each: Contender, stack: contextlib.ExitStack, installed: Peers, record: Record
) -> bool:
    show_progress(f"starting {each.name}")
    try:
        stack.enter_context(serving(each, installed))
    except TimeoutError:
        log = find_log(each.application.folder).read_text(errors="replace")
        words = log.strip().splitlines()[-1:]
        record.left_out[each.name] = f"does not serve: {' '.join(words)}"
        return False
    return True


def measure_failures(
    installed: Peers, record: Record, *, reloads: int, peers: Sequence[str] | None
) -> None:
    """Add to a record how requests fared while the light application was saved to."""
    case = f"failed requests, {reloads} reloads at {RATE}/s"
    with tempfile.TemporaryDirectory() as folder:
        for each in list_contenders("light", Path(folder), installed, peers=peers):
            if each.name in record.left_out:
                continue
            show_progress(f"{case}: {each.name}")
            with serving(each, installed):
                load, done = asyncio.run(_reload_under_load(each, reloads))
            _note_failures(record, case, each, load, done=done, reloads=reloads)


async def _reload_under_load(each: Contender, reloads: int) -> tuple[Load, int]:
    load = Load(each.port)
    asking = asyncio.ensure_future(load.run())
    done = missed = 0
    while done < reloads and missed < _MISSES:
        value = await asyncio.to_thread(each.save)
        if await load.await_value(value, _SERVED_S):
            done += 1
        else:
            missed += 1
        await asyncio.sleep(_BETWEEN_S)
    asking.cancel()
    await load.finish()
    return load, done


def _note_failures(  # noqa: PLR0913 - what one row is made of
    record: Record, case: str, each: Contender, load: Load, *, done: int, reloads: int
) -> None:
    failed, stale = load.lost, load.counts["stale"]
    record.add(case, "requests", {each.name: (failed,)})
    record.add(f"stale answers, {reloads} reloads", "answers", {each.name: (stale,)})
    kinds = {name: load.counts[name] for name in (*FAILURES, "stale", "ok")}
    words = ", ".join(f"{count} {name}" for name, count in kinds.items() if count)
    record.notes.append(f"{each.name}: {done} of {reloads} reloads served; {words}")
    if each.name.startswith(OURS):
        for what, count in (("failed", failed), ("stale", stale)):
            record.targets.append(
                Target(
                    what=f"{what} requests: {each.name}",
                    ours=count,
                    limit="0",
                    is_met=count == 0 and done == reloads,
                )
            )
