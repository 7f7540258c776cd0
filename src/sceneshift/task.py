"""`@task`: invoke's own, with an edge at which errors become exit codes."""

from __future__ import annotations

import functools
import gc
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from invoke.exceptions import Exit
from invoke.parser.argument import Argument
from invoke.tasks import Task
from invoke.tasks import task as invoke_task

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from invoke.context import Context

# Where invoke's parser asks whether a positional argument still lacks its value.
_ASKING = ("handle", "see_positional_arg")
T = TypeVar("T")
_INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it
_DIGITS = len(str(sys.maxsize))
_UNREAD = 141  # 128 + SIGPIPE, as after `inv dev.logs | head`


@overload
def task(body: Callable[..., T], /) -> Task[Any]: ...


@overload
def task(
    *pre: Task[Any], **options: Any
) -> Callable[[Callable[..., T]], Task[Any]]: ...


def task(*args: Any, **kwargs: Any) -> Any:
    """Make a task of a function, exactly as `invoke.task` does.

    A SceneshiftError that leaves the function is written to standard error as
    `error:` and `hint:` lines and ends the command with its exit code; an
    interrupt ends it with 130, and output that nobody reads any more with 141.
    invoke would show each as something else.

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


class Names(Argument):
    """Any number of names without a flag: `inv dev.logs backend worker`.

    invoke has positional arguments with one value each, which are required. This one
    lacks its value as long as tokens are handled that are no flags (`--help` is one),
    and never when they are complete; where a later invoke asks elsewhere, the flag
    `--names` still works.
    """

    @property
    def value(self) -> Any:
        """The names so far; None to a parser that has another token."""
        frame = sys._getframe(1)  # noqa: SLF001 - nothing else tells who asks
        while frame.f_back and frame.f_code.co_name in (
            "<listcomp>",
            "missing_positional_args",
        ):
            frame = frame.f_back
        if frame.f_code.co_name not in _ASKING:
            return self._value
        token = frame.f_locals.get("token") or frame.f_locals.get("value") or ""
        return self._value or [] if token.startswith("-") else None

    @value.setter
    def value(self, arg: str) -> None:
        self._value = [*(self._value or ()), arg]
        self.raw_value = arg


class NamesTask(Task[Any]):
    """A task whose argument `names` takes names without a flag."""

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:  # noqa: FBT001 - invoke's signature
        """Return the arguments, `names` among the positional ones."""
        arguments = super().get_arguments(ignore_unknown_help)
        return [
            Names("names", kind=list, help=each.help, positional=True)
            if each.names[0] == "names"
            else each
            for each in arguments
        ]


def find_root(context: Context) -> Path:
    """Return the project's folder: that of the `tasks.py` which invoke has loaded."""
    return Path(getattr(context.config, "_project_prefix", None) or ".").resolve()


def read_count(flag: str, text: str, usual: int) -> int:
    """Return the number that a flag was given; `usual` where it was not.

    invoke converts a flag of a number by itself, and shows what is none as a traceback.

    Raises:
        UsageError: It is no number, or less than one.
    """
    if not text:
        return usual
    if not text.isdecimal() or not text.strip("0"):
        raise UsageError(
            f"`{flag}` is to be a number from 1 on, found: {text}",
            hint=f"write it so: {flag} 20",
        )
    # `int` refuses thousands of digits, and whoever counts by it some twenty.
    return int(text) if len(text) < _DIGITS else sys.maxsize


def refuse_windows(command: str) -> None:
    """Refuse a command that needs what only Unix has.

    Raises:
        SceneshiftError: This is Windows.
    """
    if os.name == "nt":
        raise SceneshiftError(
            f"`{command}` does not run on Windows yet", hint="run it in WSL"
        )


def report(error: SceneshiftError) -> None:
    """Write an error, and what to do about it, to standard error.

    With the traceback of one that was raised, where those are wanted.
    """
    if error.__traceback__ is not None and _is_debugging():
        sys.excepthook(type(error), error, error.__traceback__)
    StreamConsole().error(error)


def _is_debugging() -> bool:
    """Tell whether tracebacks are wanted: `inv --debug` or SCENESHIFT_DEBUG=1."""
    # invoke's flag leaves no other trace than the level of its logger.
    is_flagged = logging.getLogger("invoke").isEnabledFor(logging.DEBUG)
    return is_flagged or os.environ.get("SCENESHIFT_DEBUG", "0") not in {"", "0"}


def _with_edge(body: Callable[..., Any]) -> Callable[..., Any]:
    is_own = body.__module__.startswith(f"{__name__.partition('.')[0]}.")

    @functools.wraps(body)
    def call(*args: Any, **kwargs: Any) -> Any:
        _open_standard()
        try:
            return body(*args, **kwargs)
        except SceneshiftError as error:
            report(error)
            _end_output()
            raise Exit(code=error.exit_code) from error
        except BrokenPipeError as gone:
            _end_output()
            raise Exit(code=_UNREAD) from gone
        except KeyboardInterrupt as interrupt:
            raise Exit(code=_INTERRUPTED) from interrupt
        finally:
            if is_own:  # the interpreter, as it ends, need not look at all of that
                gc.freeze()

    return call


def _open_standard() -> None:
    """Send to nowhere what is closed, as in `nohup inv dev <&- >&- 2>&- &`.

    The next files that are opened would take those numbers, and get what is printed.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            os.set_inheritable(nowhere, True)
            setattr(sys, name, os.fdopen(nowhere, mode))


def _end_output() -> None:
    """Forget what cannot be written: the interpreter would complain at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
