"""The processes of one debugging, and their sure end."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import sceneshift
from sceneshift.core.processes import (
    descendants,
    has_variable,
    processes,
    send_signal,
)
from sceneshift.ide.dap.framing import DebugError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sceneshift.core.processes import ProcessEntry

MARK = "SCENESHIFT_DEBUGGING"

_SWEEPER = (
    "import sys; sys.path.append(sys.argv.pop(1));"
    "from sceneshift.ide.dap.sweep import main; main()"
)

_PAUSE_S = 0.01
_LIMIT_S = 10.0  # for the kernel to end what was killed


class Programs:
    """Starts programs, each in its own session, and ends whatever came of them.

    Each bears a mark in its environment, by which also those are found that left
    their session and lost their parent: debugpy's adapters, and servers' children.
    Where we are killed, a process that waits for that does the same.

    Args:
        environ: What programs have besides their own variables.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._mark = secrets.token_hex(8)
        self._environ = {**environ, MARK: self._mark}
        self._started: list[subprocess.Popen[bytes]] = []
        self._sweeper: tuple[subprocess.Popen[bytes], int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def spawn(
        self,
        words: Sequence[str | Path],
        *,
        cwd: str | Path | None = None,
        env: Mapping[str, str | None] | None = None,
        is_adapter: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Start a program; None takes a variable away.

        What it prints comes through a pipe, errors too. An adapter is asked through a
        second one, and its errors are nobody's.

        Raises:
            DebugError: It cannot be started.
        """
        values = {**self._environ, **(env or {})}
        try:
            if self._sweeper is None:
                self._sweeper = _start_sweeper(self._mark)
            process = subprocess.Popen(
                [os.fspath(word) for word in words],
                cwd=cwd,
                env={key: value for key, value in values.items() if value is not None},
                stdin=subprocess.PIPE if is_adapter else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL if is_adapter else subprocess.STDOUT,
                start_new_session=True,
                bufsize=0,
            )
        except (OSError, ValueError) as exc:
            what = getattr(exc, "filename", None) or words[0]
            reason = getattr(exc, "strerror", None) or str(exc)
            raise DebugError(f"cannot be started: {what}: {reason.lower()}") from exc
        self._started.append(process)
        return process

    def find(self) -> tuple[ProcessEntry, ...]:
        """Return those that run."""
        table = processes()
        pids = {process.pid for process in self._started if process.returncode is None}
        pids |= {each.pid for pid in pids for each in descendants(pid, table)}
        mark = f"{MARK}={self._mark}".encode()
        return tuple(
            entry
            for entry in table.values()
            if entry.is_running and (entry.pid in pids or has_variable(entry.pid, mark))
        )

    def end(self) -> None:
        """Kill all, and return when none is left.

        Raises:
            DebugError: One cannot be killed.
        """
        deadline = time.monotonic() + _LIMIT_S
        while running := self.find():
            if time.monotonic() > deadline:
                pids = ", ".join(str(entry.pid) for entry in running)
                raise DebugError(f"these processes cannot be ended: {pids}")
            for entry in running:
                send_signal(entry, signal.SIGKILL)
            time.sleep(_PAUSE_S)
        for process in self._started:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        self._started.clear()
        if self._sweeper is not None:
            sweeper, held = self._sweeper
            self._sweeper = None
            sweeper.kill()
            sweeper.wait()
            os.close(held)


def _start_sweeper(mark: str) -> tuple[subprocess.Popen[bytes], int]:
    """Start what ends programs when we end without having done so."""
    theirs, ours = os.pipe()
    root = Path(sceneshift.__file__).parent.parent
    words = [sys.executable, "-I", "-S", "-c", _SWEEPER, str(root), str(theirs)]
    try:
        process = subprocess.Popen(
            [*words, f"{MARK}={mark}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs],
            start_new_session=True,
        )
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    return process, ours
