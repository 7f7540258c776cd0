"""How a stack is run, apart from what is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from sceneshift.dev.request import Request


class Options(Struct, frozen=True, kw_only=True):
    """How a stack is run.

    Attributes:
        is_strict: Whether the first end of a process ends all.
        output_fd: Where output goes.
        is_terminal: Whether that is a terminal.
        colour: Whether it is coloured.
        request: What was asked for.
    """

    is_strict: bool
    output_fd: int
    is_terminal: bool
    colour: bool
    request: Request
