"""Colour in what processes write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from sceneshift.dev.model import StackSpec

_COLOUR = {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"}


def ask_for_colour(stack: StackSpec) -> StackSpec:
    """Have processes color what they write, as they would on a terminal."""
    processes = [replace(spec, env={**_COLOUR, **spec.env}) for spec in stack.processes]
    return replace(stack, processes=tuple(processes))
