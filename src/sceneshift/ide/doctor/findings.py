"""What an examination of an entry finds, as values."""

from __future__ import annotations

from enum import Enum
from typing import Any

from msgspec import Struct


class Kind(Enum):
    """What is wrong with an entry."""

    BAD_VALUE = "bad-value"
    COVERAGE = "coverage"
    ENDED = "ended"
    FOREIGN_INTERPRETER = "foreign-interpreter"
    MISSING_BROWSER = "missing-browser"
    MISSING_DEBUGPY = "missing-debugpy"
    MISSING_ENTRY = "missing-entry"
    MISSING_ENV_FILE = "missing-env-file"
    MISSING_EXTENSION = "missing-extension"
    MISSING_FOLDER = "missing-folder"
    MISSING_INTERPRETER = "missing-interpreter"
    MISSING_MODULE = "missing-module"
    MISSING_PROGRAM = "missing-program"
    MISSING_TASK = "missing-task"
    NEVER_HIT = "never-hit"
    NO_MAPPING = "no-mapping"
    NO_PAGE = "no-page"
    NO_PLACE = "no-place"
    OLD_TYPE = "old-type"
    PORT_CLOSED = "port-closed"
    PORT_TAKEN = "port-taken"
    SILENT = "silent"
    SUBPROCESSES_OFF = "subprocesses-off"
    TASK_FAILED = "task-failed"
    UNASKED_ENV_FILE = "unasked-env-file"
    UNRESOLVED = "unresolved"
    WRONG_WEB_ROOT = "wrong-web-root"


class Finding(Struct, frozen=True, kw_only=True):
    """Something about an entry.

    Attributes:
        kind: What it is, for programs.
        text: The same for people, in one sentence.
        hint: What to do about it.
        is_warning: Whether the entry works nevertheless.
    """

    kind: Kind
    text: str
    hint: str
    is_warning: bool = False


class Outcome(Enum):
    """What came of an entry."""

    HIT = "hit"
    FAILED = "failed"
    NOT_RUN = "not-run"
    UNPROVEN = "unproven"


class Examined(Struct, frozen=True, kw_only=True):
    """An entry that was looked at.

    Attributes:
        name: The entry's.
        type: Its debugger, or `compound`.
        request: `launch` or `attach`; empty for a compound.
        outcome: What came of it.
        detail: Where the breakpoint was hit, or why there was none.
        findings: What is wrong with it, errors first.
        time_s: Seconds that it took.
    """

    name: str
    type: str
    request: str
    outcome: Outcome
    detail: str
    findings: tuple[Finding, ...] = ()
    time_s: float = 0.0

    @property
    def has_failed(self) -> bool:
        """Whether it does not do what it is for."""
        return self.outcome is Outcome.FAILED

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "name": self.name,
            "type": self.type,
            "request": self.request,
            "outcome": self.outcome.value,
            "detail": self.detail,
            "time_s": round(self.time_s, 3),
            "findings": [
                {
                    "kind": one.kind.value,
                    "text": one.text,
                    "hint": one.hint,
                    "is_warning": one.is_warning,
                }
                for one in self.findings
            ],
        }


def has_errors(findings: tuple[Finding, ...]) -> bool:
    """Tell whether one of them keeps the entry from working."""
    return any(not one.is_warning for one in findings)
