"""`@task`: invoke's own, with an edge at which errors become exit codes."""

from __future__ import annotations

import functools
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

from invoke.exceptions import Exit
from invoke.tasks import Task
from invoke.tasks import task as invoke_task

from sceneshift.core.errors import SceneshiftError

if TYPE_CHECKING:
    from collections.abc import Callable

_INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it


def task(*args: Any, **kwargs: Any) -> Any:
    """Make a task of a function, exactly as `invoke.task` does.

    A SceneshiftError that leaves the function is written to standard error as
    `error:` and `hint:` lines and ends the command with its exit code; an
    interrupt ends it with 130. invoke would show both as something else.

    Args:
        *args: The function itself, or tasks that run before it.
        **kwargs: What `invoke.task` takes.

    Returns:
        An `invoke.Task`, or what makes one of a function.
    """
    is_bare = len(args) == 1 and not isinstance(args[0], Task)
    if is_bare and callable(args[0]):
        return invoke_task(_with_edge(args[0]), **kwargs)
    decorate = invoke_task(*args, **kwargs)
    return lambda body: decorate(_with_edge(body))


def report(error: SceneshiftError) -> None:
    """Write an error, and what to do about it, to standard error."""
    sys.stderr.write(f"error: {error.message}\n")
    if error.hint is not None:
        sys.stderr.write(f"hint: {error.hint}\n")


def is_debugging() -> bool:
    """Tell whether tracebacks are wanted: `inv --debug` or SCENESHIFT_DEBUG=1."""
    # invoke's flag leaves no other trace than the level of its logger.
    is_flagged = logging.getLogger("invoke").isEnabledFor(logging.DEBUG)
    return is_flagged or os.environ.get("SCENESHIFT_DEBUG", "0") not in {"", "0"}


def _with_edge(body: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(body)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return body(*args, **kwargs)
        except SceneshiftError as error:
            if is_debugging():
                sys.excepthook(type(error), error, error.__traceback__)
            report(error)
            raise Exit(code=error.exit_code) from error
        except KeyboardInterrupt as interrupt:
            raise Exit(code=_INTERRUPTED) from interrupt

    return call
