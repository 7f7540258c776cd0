"""Ends the programs of a debugger that was killed itself.

Run by an interpreter of its own, without packages, that waits for nothing but the end
of a pipe; see `Programs`.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from sceneshift.core.processes import (
    find_process,
    has_variable,
    list_pids,
    send_signal,
)

_PAUSE_S = 0.02
_ROUNDS = 3  # without a find: one may have been under way


def main() -> None:  # pragma: no cover - its interpreter has no site
    """Wait until the pipe ends, then kill whatever bears the mark."""
    pipe, mark = int(sys.argv[1]), sys.argv[2].encode()
    while os.read(pipe, 1):
        pass
    quiet = 0
    while quiet < _ROUNDS:
        quiet = 0 if sweep(mark) else quiet + 1
        time.sleep(_PAUSE_S)


def sweep(mark: bytes) -> bool:
    """Kill all that bear a mark, `NAME=value`; return whether there were any."""
    found = False
    for pid in list_pids():
        entry = find_process(pid) if has_variable(pid, mark) else None
        if entry is not None and entry.is_running:
            found = True
            send_signal(entry, signal.SIGKILL)
    return found
