"""What becomes of an entry where the templates' and a person's meet."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from sceneshift.core.wording import quote


class Outcome(Enum):
    """What has been done with an entry, or with a key of it."""

    ADDED = "added"
    UPDATED = "updated"
    REMOVED = "removed"
    KEPT_YOURS = "kept_yours"
    KEPT_DELETED = "kept_deleted"
    KEPT_FOREIGN = "kept_foreign"
    ADOPTED = "adopted"
    FORCED = "forced"


class Change(Struct, frozen=True, kw_only=True):
    """One thing that was done, or left.

    Attributes:
        section: Where the entry is, its keys joined by `/`.
        identity: What tells it apart there.
        key: What of it, with dots between levels; None where it is all of it.
        outcome: What has become of it.
        message: The same in a sentence.
    """

    section: str
    identity: str
    key: str | None
    outcome: Outcome
    message: str

    @property
    def is_written(self) -> bool:
        """Whether the file is another for it."""
        return self.outcome.value[:4] != "kept" and self.outcome is not Outcome.ADOPTED


_WORDS = {
    Outcome.ADDED: "is added",
    Outcome.UPDATED: "is updated",
    Outcome.REMOVED: "is removed: no template makes it now",
    Outcome.KEPT_YOURS: "stays as you have it",
    Outcome.KEPT_DELETED: "stays deleted",
    Outcome.KEPT_FOREIGN: "is not ours, and stays as it is",
    Outcome.ADOPTED: "is ours from now on",
    Outcome.FORCED: "is as the template makes it",
}


def describe(
    section: str, identity: str, key: str | None, outcome: Outcome, why: str = ""
) -> Change:
    """Return a change with its sentence."""
    name = quote(identity) if key is None else f"{quote(key)} of {quote(identity)}"
    message = f"{name} {_WORDS[outcome]}{why}"
    return Change(
        section=section, identity=identity, key=key, outcome=outcome, message=message
    )
