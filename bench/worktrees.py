"""The demo in many worktrees at once: whether all are healthy, and what each takes."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.demo import is_healthy, make_demo
from bench.record import OURS, Record, show_progress
from bench.running import running_stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.demo import Demo

_CASE = "the demo in worktrees"

_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A checkout that runs.

    Attributes:
        folder: Where it is.
        first_s: Seconds of its first start, which installs packages.
        next_s: Seconds of its next start.
    """

    folder: Path
    first_s: float
    next_s: float


def measure(_root: Path, *, count: int = 10) -> Record:
    """Run a main checkout and worktrees of it at once.

    Args:
        count: How many worktrees.

    Raises:
        RuntimeError: They share what is to be each one's own.
    """
    record = Record(bench="worktrees", runs=1, is_interleaved=False)
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        demo = make_demo(Path(place) / "shop")
        _commit(demo)
        trees = [stack.enter_context(_running(demo, demo.folder))]
        for number in range(count):
            show_progress(f"worktree {number + 1}/{count}")
            folder = _add(demo, f"feature-{number}")
            trees.append(stack.enter_context(_running(demo, folder)))
        told = _ask(demo, "env.worktrees", "--json")["worktrees"]
        healthy = [_look(demo, tree) for tree in trees]
        _refuse_shared(demo, trees)
    memory = [tree["memory_bytes"] / _MEGABYTE for tree in told]
    record.add(_CASE, "MB each", {f"{OURS}, memory": memory})
    record.add(_CASE, "s", {f"{OURS}, first start": [tree.first_s for tree in trees]})
    record.add(_CASE, "s", {f"{OURS}, next start": [tree.next_s for tree in trees]})
    record.add(_CASE, "not healthy", {OURS: [healthy.count(False)]})
    record.aim(_CASE, OURS, at_most=0)
    record.notes.append(
        f"{count} worktrees and the main checkout at once, each with a backend, a"
        " worker and Vite; no port, file, database or socket was shared"
    )
    return record


def _commit(demo: Demo) -> None:
    (demo.folder / ".gitignore").write_text(".sceneshift/\nnode_modules/\nvar/\n")
    shutil.rmtree(demo.folder / "demo" / "frontend" / "node_modules", True)
    who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
    _git(demo.folder, "init", "-q")
    _git(demo.folder, "add", "-A")
    _git(demo.folder, *who, "commit", "-qm", "The demo")


def _add(demo: Demo, name: str) -> Path:
    folder = demo.folder.with_name(name)
    _git(demo.folder, "worktree", "add", "-q", str(folder))
    return folder


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True)


@contextlib.contextmanager
def _running(demo: Demo, folder: Path) -> Iterator[Tree]:
    """Start a checkout twice: the first time makes all that is its own."""
    began = time.perf_counter()
    with running_stack(folder, demo.env):
        first_s = time.perf_counter() - began
    began = time.perf_counter()
    with running_stack(folder, demo.env):
        next_s = time.perf_counter() - began
        yield Tree(folder=folder, first_s=first_s, next_s=next_s)


def _look(demo: Demo, tree: Tree) -> bool:
    status = _ask(demo, "dev.status", "--json", folder=tree.folder)
    ports = {each["name"]: each["port"] for each in status["processes"]}
    is_ready = all(each["state"] == "ready" for each in status["processes"])
    is_served = is_healthy(ports["backend"], "/health")
    return is_ready and is_served and is_healthy(ports["frontend"], "/")


def _refuse_shared(demo: Demo, trees: Sequence[Tree]) -> None:
    """See that each port, database and socket is one checkout's only.

    Raises:
        RuntimeError: One is not.
    """
    own: list[str] = []
    for tree in trees:
        status = _ask(demo, "dev.status", "--json", folder=tree.folder)
        own += {f"port {each['port']}" for each in status["processes"] if each["port"]}
        # Who asks at another's socket is told of the other's processes.
        own += {f"process {each['pid']}" for each in status["processes"]}
        found = (tree.folder / ".sceneshift").rglob("*")
        own += [f"file {path.resolve()}" for path in found if path.is_file()]
        shown = _ask(demo, "env.export", "--json", folder=tree.folder)
        database = tree.folder / shown["DATABASE_URL"].removeprefix("sqlite:///")
        assert database.is_file()
        own.append(f"database {database.resolve()}")
    shared = [name for name, count in Counter(own).items() if count > 1]
    if shared:
        raise RuntimeError(f"shared by worktrees: {', '.join(shared)}")


def _ask(demo: Demo, *words: str, folder: Path | None = None) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "invoke", *words],
        cwd=folder or demo.folder,
        env=demo.env,
        check=True,
        capture_output=True,
    )
    return json.loads(done.stdout)
