"""What another program says, passed on to people."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sceneshift.core.secrets import mask_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    Say = Callable[[str], None]


class Lines:
    """Passes output on by lines, secrets masked.

    Attributes:
        are_said: Whether there were any.
    """

    def __init__(self, say: Say) -> None:
        self._say = say
        self._rest = b""
        self.are_said = False

    def feed(self, chunk: bytes) -> None:
        """Take what was read."""
        self.are_said |= bool(chunk)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._say(mask_secrets(os.fsdecode(line)))

    def close(self) -> None:
        """End the line that was left open."""
        if self._rest:
            self.feed(b"\n")
