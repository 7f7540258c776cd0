"""A change of a database, as it is written down."""

from __future__ import annotations

from msgspec import Struct


class Entry(Struct, frozen=True, kw_only=True):
    """A change of a database.

    Attributes:
        id: The name of the state after it; they sort by time.
        before: That of the state before it; empty where nothing had changed yet.
        act: What was done: `reset`, …
        what: That in a few words, as in "reset to the dataset development".
        environment: The environment that it was done for.
        at: When, in ISO format.
        snapshot: The snapshot that was put in place; None where it was none.
        origin: The one from which the state before it has come; None likewise.
        branch: The branch of git that the state after it is of; None where that is not
            known.
        left: The one that the state before it is kept for; None where it is for none.
        revisions: Those of the state before it; None where nobody knows.
    """

    id: str
    before: str
    act: str
    what: str
    environment: str
    at: str
    snapshot: str | None = None
    origin: str | None = None
    branch: str | None = None
    left: str | None = None
    revisions: tuple[str, ...] | None = None

    @property
    def former(self) -> str:
        """What the state before it is kept under."""
        return self.id

    @property
    def later(self) -> str:
        """What the state after it is kept under, when it was taken back."""
        return f"{self.id}-later"
