"""What says that a stack runs in a checkout: a lock, and the stack's id beside it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import IO, TYPE_CHECKING

from sceneshift.core.errors import BusyError
from sceneshift.core.marks import LOCK_FILE
from sceneshift.dev.leftovers import named_stack, write_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sceneshift.core.paths import StateFolder

_MOMENT_S = 0.5  # who only looks whether anybody has the lock has it for an instant
_PAUSE_S = 0.01


class Claim:
    """Being the only stack of a checkout.

    Attributes:
        state: The folder that holds both.
        stack_id: What every process of the stack carries in its environment.
    """

    def __init__(self, state: StateFolder) -> None:
        """Take the lock.

        Raises:
            BusyError: Another stack runs.
        """
        self.stack_id = ""
        self.state = state
        self._lock = _take_lock(state)

    def restore(self) -> None:
        """Claim the checkout anew where the folder of the state was removed.

        A lock on a file that is no more keeps nobody out.

        Raises:
            BusyError: Another stack was started meanwhile.
        """
        if not _is_at(self._lock, self.state.path / LOCK_FILE):
            lock = _take_lock(self.state)
            self._lock.close()
            self._lock = lock
        write_name(self.state, self.stack_id)

    def close(self) -> None:
        """Let another one run here."""
        self._lock.close()


@contextlib.contextmanager
def claim_checkout(state: StateFolder) -> Iterator[Claim]:
    """Be the only stack of this checkout, after ending what an earlier one left.

    Raises:
        BusyError: Another one runs.
    """
    with contextlib.closing(Claim(state)) as claim, named_stack(state) as name:
        claim.stack_id = name
        yield claim


def _take_lock(state: StateFolder) -> IO[str]:
    lock = (state.make() / LOCK_FILE).open("a+")
    end = time.monotonic() + _MOMENT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() < end:
                time.sleep(_PAUSE_S)
                continue
            lock.close()
            raise already_runs(state.root) from error
        return lock


def already_runs(root: Path) -> BusyError:
    """Return the error of a second stack."""
    return BusyError(
        f"a stack runs in this checkout already: {root}",
        hint="see it: inv dev.status; end it: inv dev.stop",
    )


def _is_at(file: IO[str], path: Path) -> bool:
    """Tell whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
