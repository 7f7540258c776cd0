"""`inv dev`, step by step, until the stack runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sceneshift.core.console import can_redraw, wants_colour
from sceneshift.core.paths import StateFolder
from sceneshift.core.selection import STATE_FILE
from sceneshift.dev.claim import claim_checkout
from sceneshift.dev.guard.process import start_guard
from sceneshift.dev.options import Options
from sceneshift.dev.request import check_ports

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.dev.model import StackSpec
    from sceneshift.dev.request import Request


def run_request(request: Request) -> int:
    """Read what is asked for and run it to its end; return the exit code.

    Raises:
        SceneshiftError: Nothing was started, and why.
    """
    root = request.root.resolve()
    active = _identify(root / STATE_FILE)
    stack = _load(request)
    state = StateFolder(root)
    with state.being_written(), claim_checkout(state) as claim:
        # A switch that still found nothing to run has just made another one active.
        if _identify(root / STATE_FILE) != active:
            stack = _load(request)
        if any(each.services for each in stack.processes):
            from sceneshift.dev.services import use_all  # noqa: PLC0415 - few have any

            use_all(stack)
        guard = start_guard(claim.stack_id)
        _load_asyncio()  # the longest imports, while the guard comes up
        from sceneshift.dev.start import run_stack  # noqa: PLC0415

        options = Options(
            is_strict=request.is_strict,
            output_fd=sys.stdout.fileno(),
            is_terminal=can_redraw(sys.stdout),
            colour=wants_colour(sys.stdout),
            request=request,
        )
        return run_stack(stack, options, claim, guard)


def _load(request: Request) -> StackSpec:
    stack = request.load()
    check_ports(stack)
    return stack


def _identify(path: Path) -> tuple[int, int] | None:
    """Tell one content of a file from another; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _load_asyncio() -> None:
    """Load it without OpenSSL, which it takes where it is: 4 MB for nothing.

    Its name is only hidden for the moment: whoever needs it later can import it.
    """
    if "asyncio" in sys.modules:
        return
    sys.modules["ssl"] = None  # type: ignore[assignment]
    import asyncio  # noqa: F401, PLC0415 - while the name is hidden

    del sys.modules["ssl"]
