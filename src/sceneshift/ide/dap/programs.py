"""The processes of one debugging, and their sure end."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Self

from sceneshift.core.processes import (
    descendants,
    find_process,
    has_variable,
    processes,
    send_signal,
)
from sceneshift.ide.dap.framing import DebugError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sceneshift.core.processes import ProcessEntry

MARK = "SCENESHIFT_DEBUGGING"

_PAUSE_S = 0.01
_LIMIT_S = 10.0  # for the kernel to end what was killed


class Programs:
    """Starts programs, each in its own session, and ends whatever came of them.

    Each bears a mark in its environment, by which also those are found that left
    their session and lost their parent: debugpy's adapters, and servers' children.

    Args:
        environ: What programs have besides their own variables.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._mark = secrets.token_hex(8)
        self._environ = {**environ, MARK: self._mark}
        self._started: list[subprocess.Popen[bytes]] = []

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
            reason = getattr(exc, "strerror", None) or str(exc)
            raise DebugError(
                f"cannot be started: {words[0]}: {reason.lower()}"
            ) from exc
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

    def stop(self, process: subprocess.Popen[bytes], *, grace_s: float) -> None:
        """Ask a program to end as Ctrl+C does, and wait for it a while."""
        entry = find_process(process.pid)
        if entry is None or process.poll() is not None:
            return
        send_signal(entry, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)

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
