"""What was learned of a program in earlier runs, in `.sceneshift/zygote/`.

Nothing here has to be true: a name that is no module any more is skipped.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct
from msgspec.structs import fields

if TYPE_CHECKING:
    from pathlib import Path


class Recall(Struct):
    """What is known of one process's program.

    Attributes:
        program: What is run.
        foreign: Third-party modules that it used, parents before children.
        own: The project's modules that it used, in the order of their import.
        files: The project's files that it used.
        skip: Packages that must not be in a zygote, with the reason.
        serves: Whether it accepts connections, as far as is known.
    """

    program: str = ""
    foreign: list[str] = []
    own: list[str] = []
    files: list[str] = []
    skip: dict[str, str] = {}
    serves: bool = False

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what was kept; empty where nothing usable is."""
        try:
            kept: dict[str, Any] = json.loads(path.read_bytes())
            found = cls(**{each.name: kept[each.name] for each in fields(cls)})
        except (OSError, ValueError, KeyError, TypeError):
            return cls()
        return found if found.is_sound else cls()

    @property
    def is_sound(self) -> bool:
        """Whether everything is of the kind that it should be."""
        empty = type(self)()
        return all(
            type(getattr(self, each.name)) is type(getattr(empty, each.name))
            for each in fields(self)
        )

    def save(self, path: Path) -> None:
        """Keep it; a folder that cannot be written harms nothing."""
        text = json.dumps(
            {each.name: getattr(self, each.name) for each in fields(self)}
        )
        if _read(path) == text:
            return  # as after most runs
        aside = path.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):
            aside.write_text(text)
            aside.replace(path)

    def know(self, program: str) -> None:
        """Take the program that is run from now on; another one may not serve."""
        self.serves &= program == self.program
        self.program = program

    def learn(self, foreign: list[str], own: list[str]) -> list[str]:
        """Take a report of modules; return the third-party ones that are new."""
        known = set(self.foreign)
        new = [name for name in foreign if name not in known]
        self.foreign += new
        if own:
            self.own = own
        return new


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except (OSError, ValueError):
        return None
