"""A file that is one entry, all of it: there is nothing in it to be merged."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sceneshift.ide.outcomes import Outcome, describe

if TYPE_CHECKING:
    from sceneshift.ide.outcomes import Change

_WRITTEN = frozenset({Outcome.ADDED, Outcome.FORCED, Outcome.UPDATED})


class Settled(NamedTuple):
    """What becomes of such a file.

    Attributes:
        content: What it is to be; what was found where nothing is to change.
        base: What is ours of it from now on; None where it is not.
        change: What has been done, or was left; None where nothing had to be.
    """

    content: bytes
    base: str | None
    change: Change | None = None


class Text(NamedTuple):
    """Three versions of such a file.

    Attributes:
        identity: What it is called.
        base: What was made last; None where nothing was.
        yours: What stands there; None where nothing does.
        ours: What the template makes now.
    """

    identity: str
    base: str | None
    yours: bytes | None
    ours: str


def settle_text(text: Text, *, is_forced: bool, is_adopted: bool) -> Settled:
    """Decide on a file as on an entry: what a person has made of it stays."""
    content = text.yours or b""
    yours = None if text.yours is None else normalize(content)
    if yours == text.ours:
        return Settled(content, text.ours)
    outcome = Outcome.FORCED if is_forced else _decide(text, yours, is_adopted)
    if outcome is None:
        return Settled(content, text.base)
    change = describe("", text.identity, None, outcome)
    if outcome in _WRITTEN:
        written = text.ours.replace("\n", "\r\n") if b"\r\n" in content else text.ours
        return Settled(written.encode(), text.ours, change)
    base = None if outcome is Outcome.KEPT_FOREIGN else text.ours
    return Settled(content, base, change)


def retire_text(text: Text) -> Settled | None:
    """Decide on a file that no template makes now; None where it goes."""
    assert text.yours is not None
    if normalize(text.yours) == text.base:
        return None
    change = describe("", text.identity, None, Outcome.KEPT_YOURS)
    return Settled(text.yours, None, change)


def _decide(text: Text, yours: str | None, is_adopted: bool) -> Outcome | None:  # noqa: FBT001
    """Return what becomes of a file that is not as it is made; None: nothing new."""
    if not yours:
        is_deleted = yours is None and text.base is not None
        return Outcome.KEPT_DELETED if is_deleted else Outcome.ADDED
    if text.base is None:
        return Outcome.ADOPTED if is_adopted else Outcome.KEPT_FOREIGN
    if yours == text.base:
        return Outcome.UPDATED
    return None if text.base == text.ours else Outcome.KEPT_YOURS


def normalize(content: bytes) -> str:
    """Return a text as it is whatever ends git gives its lines."""
    return content.decode("utf-8", errors="replace").replace("\r\n", "\n")
