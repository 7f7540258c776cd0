"""What is to become of a database that a removed worktree has left, as a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from sceneshift.core.made import Made


class Drop(Struct, frozen=True, kw_only=True):
    """A database that is to be dropped, or why it is kept.

    Attributes:
        made: What was written down of it.
        url: An address of its server, or empty.
        problem: Why it is kept; None where it is dropped, or gone already.
    """

    made: Made
    url: str = ""
    problem: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "action": "drop" if self.problem is None else "keep",
            "checkout": self.made.root,
            "database": self.made.name,
            "system": self.made.system,
            "place": self.made.place,
            "problem": self.problem,
        }

    def __str__(self) -> str:
        """Say what is done."""
        return f"drop database {self.made.place}: {self.made.root}"
