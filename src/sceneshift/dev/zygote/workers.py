"""Servers whose workers are fresh interpreters: here they are forks.

Of an interpreter that a program starts nothing is known: neither which files it uses
nor which connections it has. These servers import the application in their workers
alone, so that a fork of the server is as good as a new interpreter.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

IS_FORK_SAFE = sys.platform == "linux"


def adapt_hypercorn(module: ModuleType) -> None:
    """Replace `get_context` of `hypercorn.run`, and leave its reloader out."""
    run: Callable[[Any], int] = module.run

    def wrapped(config: Any) -> int:
        config.use_reloader = False
        return run(config)

    module.run = wrapped  # type: ignore[attr-defined]
    if IS_FORK_SAFE:
        module.get_context = lambda _method: _fork()  # type: ignore[attr-defined]


def adapt_uvicorn(module: ModuleType) -> None:
    """Replace the context of `uvicorn._subprocess`."""
    if IS_FORK_SAFE:
        module.spawn = _fork()  # type: ignore[attr-defined]


def _fork() -> Any:
    import multiprocessing

    return multiprocessing.get_context("fork")


ADAPTERS: dict[str, Callable[[ModuleType], None]] = {
    "hypercorn.run": adapt_hypercorn,
    "uvicorn._subprocess": adapt_uvicorn,
}
