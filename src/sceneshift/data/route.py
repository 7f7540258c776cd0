"""The way from where a database is to where it is to be: what is applied or undone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.errors import UsageError
from sceneshift.core.wording import name_few, quote, suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sceneshift.data.revision import Revision
    from sceneshift.data.revisions import History

HEADS, BASE = "heads", "base"
_HEAD, _OF_BRANCH = "head", "@head"
_STEPS = re.compile(r"[+-]\d+")
_FEW, _MOST = 3, 8


class Route(Struct, frozen=True, kw_only=True):
    """What is done to a database.

    Attributes:
        revisions: What is applied or undone, in that order.
        words: What Alembic is told for it.
        applied: The ids of all that the database has afterwards.
        is_down: Whether it is undone.
    """

    revisions: tuple[Revision, ...]
    words: tuple[str, ...]
    applied: frozenset[str]
    is_down: bool = False

    @property
    def name(self) -> str:
        """What it is, for people: as in "migration `3f2a9c1 add users`"."""
        if self.is_down:
            return f"downgrade to {self.words[-1]}"
        count, first = len(self.revisions), quote(str(self.revisions[0]))
        if count == 1:
            return f"migration {first}"
        return f"{count} migrations from {first} on"

    @property
    def verb(self) -> str:
        """What is done to each revision."""
        return "downgrade" if self.is_down else "migrate"


def find_route(
    history: History, current: Sequence[str], to: str | None = None
) -> Route:
    """Return what leads from some revisions to another one.

    Args:
        history: The revisions of the code.
        current: Where the database is; all of them are known.
        to: An id or the beginning of one, a label or `label@head`, `head`, `heads`,
            `base`, or a number of steps as in `+1` and `-1`; None means `heads`.

    Raises:
        UsageError: It is no such thing, or may be several.
    """
    to = HEADS if to is None else to.strip()
    if to == HEADS:
        return _go_up(history, history, current, HEADS)
    if to == BASE:
        return _go_down(history, current, None)
    goal = _step(history, current, to) if _STEPS.fullmatch(to) else _find(history, to)
    if goal is None or goal in history.find_ancestors(current):
        return _go_down(history, current, goal)
    known = history.find_ancestors([goal])
    part = replace(
        history,
        revisions={
            one: each for one, each in history.revisions.items() if one in known
        },
        heads=(goal,),
    )
    return _go_up(history, part, current, goal)


def _go_up(history: History, part: History, current: Sequence[str], word: str) -> Route:
    """Return what applies all of a part of the revisions."""
    had = history.find_ancestors(current)
    pending = part.find_pending(had & {*part.revisions})
    return Route(
        revisions=tuple(pending),
        words=("upgrade", word),
        applied=frozenset(had | {one.id for one in pending}),
    )


def _go_down(history: History, current: Sequence[str], goal: str | None) -> Route:
    """Return what undoes all that comes after a revision; None means all."""
    had = history.find_ancestors(current)
    # What needs the revision itself, and comes after another one, may stay.
    roots = {one for one in had if goal in history.revisions[one].down}
    gone = {one for one in had if goal is None or roots & history.find_ancestors([one])}
    order = [one for one in history.find_pending(()) if one.id in gone]
    return Route(
        revisions=tuple(reversed(order)),
        words=("downgrade", BASE if goal is None else goal),
        applied=frozenset(had - gone),
        is_down=True,
    )


def _step(history: History, current: Sequence[str], text: str) -> str | None:
    """Return where some steps lead from the one revision that it is at."""
    count, at = int(text), _find_tip(history, current)
    for number in range(abs(count)):
        if count > 0:
            found = _list_next(history, at)
        elif at is None:
            found = ()
        else:
            found = history.revisions[at].down
            # Before the first one is the base. What a merge has joined is apart again
            # when it is undone, whichever of the two is named.
            is_last = number == abs(count) - 1
            found = found[:1] if is_last else found
            if not found:
                at = None
                continue
        at = _pick(found, f"{quote(text)} goes {abs(count) - number} too far")
    return at


def _find_tip(history: History, current: Sequence[str]) -> str | None:
    """Return the one revision that a database is at; None at the base."""
    others = [history.find_ancestors([one]) - {one} for one in current]
    tips = [one for one in current if not any(one in each for each in others)]
    return _pick(tips, "") if tips else None


def _list_next(history: History, at: str | None) -> tuple[str, ...]:
    return tuple(
        one.id
        for one in history.revisions.values()
        if (at in one.down if at is not None else not one.down)
    )


def _pick(found: Sequence[str], if_none: str) -> str:
    if not found:
        raise UsageError(if_none, hint="see where it stands: inv data.status")
    if len(found) > 1:
        raise UsageError(
            f"steps lead to several revisions: {name_few(sorted(found), _FEW)}",
            hint=f"name one: --to {min(found)}",
        )
    return found[0]


def _find(history: History, text: str) -> str:
    """Return the revision that a text names.

    Raises:
        UsageError: None is, or several are.
    """
    if text == _HEAD:
        return _choose(text, history.heads, "the heads are")
    if text.endswith(_OF_BRANCH):
        return _find_head(history, text)
    if text in history.revisions:
        return text
    labeled = [one.id for one in history.revisions.values() if text in one.labels]
    found = labeled or [one for one in history.revisions if one.startswith(text)]
    if not found or not text:
        raise UsageError(
            f"there is no revision {quote(text)}",
            hint=suggest(text, _list_names(history)),
        )
    return _choose(text, found, f"{quote(text)} is the beginning of")


def _find_head(history: History, text: str) -> str:
    start = _find(history, text.removesuffix(_OF_BRANCH))
    heads = [one for one in history.heads if start in history.find_ancestors([one])]
    return _choose(text, heads, f"{quote(text)} may be")


def _choose(text: str, found: Sequence[str], said: str) -> str:
    if len(found) == 1:
        return found[0]
    raise UsageError(
        f"{quote(text)} is not one revision: {said} "
        f"{name_few(sorted(found), _FEW) or 'none'}",
        hint=f"name one: --to {min(found)}" if found else "there are none yet",
    )


def _list_names(history: History) -> list[str]:
    labels = [name for one in history.revisions.values() for name in one.labels]
    return [*[*history.revisions, *labels][-_MOST:], HEADS, BASE]
