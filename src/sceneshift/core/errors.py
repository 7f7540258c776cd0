"""What can go wrong, as one tree.

SceneshiftError            1  failed; the old state is intact
├── UsageError             2  a command was called in a way it cannot mean
│   └── ConfigError        2  a configuration file says what cannot be
├── DriftError             3  a check found something pending
├── RefusedError           4  a guard said no
├── BusyError              5  another command is at work here
└── ComponentError         1  a program that is needed is not on this machine

The number is the exit code of a command that ends with the error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path


class SceneshiftError(Exception):
    """An error that a person can act upon.

    Attributes:
        message: One sentence without a final period: what, where, the value.
        hint: What to do or type next; None where there is nothing to say.
        exit_code: What the command ends with.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(SceneshiftError):
    """A command was called in a way it cannot mean."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file says what cannot be.

    Attributes:
        file: The file that says so; None where the value has no file.
        line: Its line, counted from 1; None where the file as a whole is meant.
        key: Dotted key path below `[tool.sceneshift]`; None outside of it.
    """

    def __init__(
        self,
        message: str,
        *,
        file: Path | None = None,
        line: int | None = None,
        key: str | None = None,
        hint: str | None = None,
    ) -> None:
        place = "" if file is None else f"{file}:{line}: " if line else f"{file}: "
        super().__init__(place + message, hint=hint)
        self.file = file
        self.line = line
        self.key = key


class DriftError(SceneshiftError):
    """A check found something pending or drifted."""

    exit_code = 3


class RefusedError(SceneshiftError):
    """A guard said no, and nothing was touched."""

    exit_code = 4


class BusyError(SceneshiftError):
    """Another command is at work here."""

    exit_code = 5


class ComponentError(SceneshiftError):
    """A program that is needed is not on this machine.

    Attributes:
        component: Its name, as a package manager would know it.
    """

    def __init__(
        self, message: str, *, component: str, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.component = component
