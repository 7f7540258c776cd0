"""`inv dev`, step by step, until the stack runs."""

from __future__ import annotations

import contextlib
import fcntl
import sys
from typing import TYPE_CHECKING

from sceneshift.core.console import wants_colour
from sceneshift.core.errors import BusyError
from sceneshift.core.paths import StateFolder
from sceneshift.dev.guard.process import start_guard
from sceneshift.dev.leftovers import named_stack
from sceneshift.dev.request import check_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.dev.request import Request

_LOCK_NAME = "dev.lock"


def run_request(request: Request) -> int:
    """Read what is asked for and run it to its end; return the exit code.

    Raises:
        SceneshiftError: Nothing was started, and why.
    """
    stack = request.load()
    check_ports(stack)
    state = StateFolder(stack.root)
    with state.being_written(), hold_checkout(state), named_stack(state) as name:
        guard = start_guard(name)
        _load_asyncio()  # the longest imports, while the guard comes up
        from sceneshift.dev.start import Options, run_stack  # noqa: PLC0415

        options = Options(
            is_strict=request.is_strict,
            output_fd=sys.stdout.fileno(),
            is_terminal=sys.stdout.isatty(),
            colour=wants_colour(sys.stdout),
            reread=request.load,
        )
        return run_stack(stack, options, state, guard)


@contextlib.contextmanager
def hold_checkout(state: StateFolder) -> Iterator[None]:
    """Be the only stack of this checkout.

    Raises:
        BusyError: Another one runs.
    """
    path = state.make() / _LOCK_NAME
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(
                f"a stack runs in this checkout already: {state.root}",
                hint="see it: inv dev.status; end it: inv dev.stop",
            ) from error
        yield


def _load_asyncio() -> None:
    """Load it without OpenSSL, which it takes where it is: 4 MB for nothing.

    Its name is only hidden for the moment: whoever needs it later can import it.
    """
    if "asyncio" in sys.modules:
        return
    sys.modules["ssl"] = None  # type: ignore[assignment]
    import asyncio  # noqa: F401, PLC0415 - while the name is hidden

    del sys.modules["ssl"]
