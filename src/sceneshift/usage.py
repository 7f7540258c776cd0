"""Telling a mistyped command as every other error is told."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from invoke.exceptions import Exit, ParseError
from invoke.program import Program

from sceneshift.core.errors import UsageError
from sceneshift.core.wording import find_nearest, quote
from sceneshift.task import report

if TYPE_CHECKING:
    from collections.abc import Callable

_UNKNOWN = re.compile(r"No idea what '(.*)' is!")
_NO_VALUE = re.compile(r"Flag <Argument: ([\w-]+).*> needed value.*")


def tell_of_usage() -> None:
    """Give what invoke cannot parse a hint and exit code 2, where it gives 1.

    The steps of a `Program` are meant to be replaced, by a subclass; but the program
    that reads `tasks.py` exists already when we are asked.
    """
    for step in ("parse_tasks", "parse_cleanup"):
        original = getattr(Program, step)
        if not hasattr(original, "__wrapped__"):
            setattr(Program, step, _tell(original))


def _tell(step: Callable[[Program], None]) -> Callable[[Program], None]:
    @functools.wraps(step)
    def parse(program: Program) -> None:
        try:
            step(program)
        except ParseError as error:
            told = _explain(error, program)
            report(told)
            raise Exit(code=told.exit_code) from error

    return parse


def _explain(error: ParseError, program: Program) -> UsageError:
    """Say the same in our words, with the nearest name there is."""
    context = error.context
    task = context.name if context is not None else None
    see = f"see: inv --help {task}" if task else "see: inv --list"
    unknown = _UNKNOWN.fullmatch(str(error))
    if unknown is None:
        message = _NO_VALUE.sub(r"the flag `--\1` needs a value", str(error))
        return UsageError(message.rstrip("!."), hint=see)
    word = unknown.group(1)
    if word.startswith("-"):
        known = [*context.flags] if context is not None else []
        message = f"there is no flag {quote(word)}" + (f" of `{task}`" if task else "")
    else:
        known = [*program.collection.task_names]
        message = f"there is no command {quote(word)}"
    nearest = find_nearest(word, known)
    hint = see if nearest is None else f"did you mean {quote(nearest)}? {see}"
    return UsageError(message, hint=hint)
