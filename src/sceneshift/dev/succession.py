"""Other processes in place of some that run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.dev.machine import Configured

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sceneshift.dev.model import ProcessSpec, StackSpec
    from sceneshift.dev.run.base import Runner


def describe_succession(stack: StackSpec, leaving: Iterable[ProcessSpec]) -> Configured:
    """Return what the machine has to know.

    Args:
        stack: The processes that are to be there.
        leaving: Those that are there and are not to be; who gets the port of one
            begins when that has gone.
    """
    former = list(leaving)
    return Configured(
        dependencies={each.name: each.depends_on for each in stack.processes},
        successors={
            each.name: frozenset(one.name for one in former if one.port == each.port)
            for each in stack.processes
        },
    )


class Retiree(Struct, frozen=True, kw_only=True):
    """What has run a process that others run now, or that is not to be there.

    Attributes:
        spec: The process, as it was.
        runner: Has what is left of it.
        tokens: Its generations: that which works, and that which was to take over.
    """

    spec: ProcessSpec
    runner: Runner
    tokens: list[int]
