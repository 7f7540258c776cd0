"""What is left of a stack whose supervisor and guard were killed at one instant.

Each ends what the other leaves; nobody is there when both go. The next start ends it:
every process of a stack carries the stack's id in its environment.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from sceneshift.core.marks import STACK_FILE, STACK_VARIABLE
from sceneshift.dev.guard import sweep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.core.paths import StateFolder


@contextlib.contextmanager
def named_stack(state: StateFolder) -> Iterator[str]:
    """Yield an id for a new stack, after ending what an earlier one left.

    Whoever calls this holds the lock of the checkout: no stack runs.
    """
    path = state.make() / STACK_FILE
    with contextlib.suppress(OSError, ValueError):  # a power cut leaves any bytes
        end_leftovers(path.read_text().strip())
    name = f"{os.getpid()}.{time.time_ns()}"
    write_name(state, name)
    yield name
    with contextlib.suppress(OSError, ValueError):
        if path.read_text() == name:  # else the folder is another stack's by now
            path.unlink()


def write_name(state: StateFolder, name: str) -> None:
    """Say which stack runs here."""
    (state.make() / STACK_FILE).write_text(name)


def end_leftovers(stack_id: str) -> int:
    """Kill the processes of a stack that is no more; return how many there were."""
    if not stack_id:
        return 0  # an empty file: the power failed while it was written
    assignment = os.fsencode(f"{STACK_VARIABLE}={stack_id}")
    frozen = sweep.freeze(lambda: sweep.marked(assignment))
    sweep.kill(frozen)
    return len(frozen)
