"""Importing third-party modules ahead, and noticing what an import leaves behind.

A child of a fork has only the thread that forked. What an import merely defines is
there in the child; what it *started* (threads, connections, children) is not, or is
shared by all children. So each import is looked at, and a module that starts something
is left out: its name comes back, and the next zygote is made without it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import threading

from sceneshift.dev.zygote.descriptors import find_open

# Native pools that were seen to live through a fork: OpenBLAS, OpenMP and jemalloc
# re-make theirs in the child. Measured with each of these packages.
_POOLS_SURVIVE = frozenset(
    {
        "cv2",
        "matplotlib",
        "numba",
        "numpy",
        "onnxruntime",
        "pandas",
        "pyarrow",
        "polars",
        "scipy",
        "sklearn",
        "threadpoolctl",
    }
)


class Traces:
    """What the process has running.

    Attributes:
        tasks: Threads as the kernel counts them.
        threads: Threads as Python counts them.
        sockets: Open sockets.
        children: Child processes, the resource tracker's among them.
        handlers: Signal handlers by number.
    """

    __slots__ = ("children", "handlers", "sockets", "tasks", "threads")

    def __init__(self) -> None:
        """Look at this process; the Linux kernel's own files, about 50 µs."""
        self.tasks = len(os.listdir("/proc/self/task"))
        self.threads = threading.active_count()
        opened = (target for _fd, target in find_open())
        self.sockets = frozenset(each for each in opened if each.startswith("socket:"))
        self.children = frozenset(_children())
        self.handlers = tuple(map(signal.getsignal, signal.valid_signals()))


def _children() -> list[str]:
    pid = os.getpid()
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return file.read().split()
    except OSError:  # pragma: no cover - a kernel without this list
        return []


def what_started(name: str, before: Traces, after: Traces) -> str | None:
    """Say what the import of a module left running; None where nothing matters."""
    if after.threads > before.threads:
        return "starts a thread"
    if after.tasks > before.tasks and name.partition(".")[0] not in _POOLS_SURVIVE:
        return "starts a native thread"
    if after.sockets != before.sockets:
        return "opens a socket"
    if after.children != before.children:
        return "starts a process"
    if after.handlers != before.handlers:
        return "installs a signal handler"
    return None


def preload(names: list[str], skip: frozenset[str]) -> dict[str, str]:
    """Import modules in the order in which the program had them.

    Args:
        names: Module names, parents before children.
        skip: Top-level packages that are left out.

    Returns:
        Top-level packages that must not be in a zygote, with the reason. This one is
        then of no use: what they started cannot be taken back.
    """
    refused: dict[str, str] = {}
    if not names:
        return refused  # and no look at what only Linux shows
    before = Traces()
    for name in names:
        top = name.partition(".")[0]
        if name in sys.modules or top in skip or top in refused:
            continue
        _import(name)
        after = Traces()
        reason = what_started(name, before, after)
        if reason is not None:
            refused[top] = reason
        before = after
    return refused


def _import(name: str) -> None:
    """Import a module; what it raises the program will meet itself."""
    with contextlib.suppress(BaseException):
        importlib.import_module(name)
