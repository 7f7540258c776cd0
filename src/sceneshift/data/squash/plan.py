"""Which revisions a baseline can take the place of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.core.wording import name_few, quote, suggest

if TYPE_CHECKING:
    from sceneshift.data.revision import Revision
    from sceneshift.data.revisions import History

_FEW = 4
_LEAST = 4  # letters of an id that are enough to mean one


class Plan(Struct, frozen=True, kw_only=True):
    """What is to be replaced.

    Attributes:
        last: The revision whose id the baseline has: databases that are at it stay so.
        others: Those that come before it.
    """

    last: Revision
    others: tuple[Revision, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of branches that begin with what is replaced."""
        found = [label for each in (*self.others, self.last) for label in each.labels]
        return tuple(dict.fromkeys(found))

    @property
    def replaces(self) -> tuple[str, ...]:
        """All ids that there are no more, by former squashes too."""
        ids = [each for one in (*self.others, self.last) for each in one.replaces]
        return (*dict.fromkeys([*ids, *(each.id for each in self.others)]),)


def plan(history: History, to: str | None) -> Plan:
    """Find out what the baseline replaces.

    Args:
        history: The revisions.
        to: The last one of them, or the beginning of its id; None means the head.

    Raises:
        UsageError: There is no such revision, or several.
        SceneshiftError: What is left could not go on without those.
    """
    last = history.revisions[_choose(history, to)]
    ids = history.find_ancestors([last.id])
    others = tuple(
        each
        for each in history.revisions.values()
        if each.id in ids and each.id != last.id
    )
    gone = ids - {last.id}
    for each in history.revisions.values():
        needed = gone.intersection((*each.down, *history.before[each.id], *each.needs))
        if each.id not in ids and needed:
            raise SceneshiftError(
                f"{each.file.name} comes after {quote(min(needed))}, which would be "
                f"replaced by {quote(last.id)}",
                hint="squash up to that one, or merge the branches: inv data.squash "
                f"--to {min(needed)}",
            )
    return Plan(last=last, others=others)


def _choose(history: History, to: str | None) -> str:
    if to is None:
        if len(history.heads) > 1:
            raise SceneshiftError(
                f"there are several heads: {name_few(history.heads, _FEW)}",
                hint="make one of them: inv data.merge; or squash one branch: "
                f"inv data.squash --to {history.heads[0]}",
            )
        if not history.heads:
            raise SceneshiftError(
                "there is no revision yet", hint='write one: inv data.new "…"'
            )
        return history.heads[0]
    ids = [*history.revisions]
    found = [to] if to in ids else [each for each in ids if each.startswith(to)]
    if len(found) != 1 or (to not in ids and len(to) < _LEAST):
        problem = "is the beginning of several revisions" if found else "is no revision"
        raise UsageError(f"{quote(to)} {problem}", hint=suggest(to, ids))
    return found[0]
