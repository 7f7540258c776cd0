"""What `inv env.validate` can tell of a start without making one.

That is, too, what of the things that are missing a start would make.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sceneshift.core.check import Check, Verdict, ok, skip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sceneshift.core.check import Maker, Subject


def list_checks(subject: Subject) -> Iterator[Check]:
    """Yield the one check: whether everything could be started as it is written."""
    yield Check(name="commands", look=partial(check_commands, subject))


def check_commands(subject: Subject) -> Verdict:
    """Read the stack as a start would: programs, folders, dependencies, patterns.

    Raises:
        SceneshiftError: What stands in the way.
    """
    procfile = subject.project.procfile
    if not procfile.commands and not procfile.is_named:
        return skip("there is no Procfile")
    from sceneshift.dev.stack import load_stack  # noqa: PLC0415 - only here

    stack = load_stack(
        subject.project.root,
        environ=subject.environ,
        environment=subject.project.environment.name,
        is_looking=True,
    )
    return ok(f"all can be started: {', '.join(p.name for p in stack.processes)}")


def list_makers(subject: Subject) -> Iterable[Maker]:
    """Return what a start in the environment would run that makes something."""
    from sceneshift.dev.makers import find_makers  # noqa: PLC0415 - seldom

    return find_makers(subject)
