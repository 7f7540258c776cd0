"""Three versions of one entry, key by key: the last one made, yours, and ours."""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, NamedTuple

from sceneshift.ide.jsonc.comparing import is_same
from sceneshift.ide.outcomes import Outcome, describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sceneshift.ide.jsonc import Edits, KeyPath
    from sceneshift.ide.outcomes import Change

MISSING: Any = object()
_COMMENT = ": a comment of yours is in it"
_GONE = ": no template makes it now, but you have changed it"


class Versions(NamedTuple):
    """One value three times, each MISSING where it is not.

    Attributes:
        base: What was made last.
        yours: What the file has.
        ours: What the templates make now.
    """

    base: Any
    yours: Any
    ours: Any

    def at(self, key: str) -> Versions:
        """Return the versions of a key; all three are objects."""
        return Versions(*(each.get(key, MISSING) for each in self))

    def adopted(self) -> Versions:
        """Return the versions of what a person has made: all of it is a change."""
        return self._replace(base={} if isinstance(self.ours, dict) else MISSING)

    @property
    def are_objects(self) -> bool:
        """Whether there are keys to be compared one by one."""
        return all(isinstance(each, dict) for each in self)


class Settling:
    """One entry that is in the file, and what is done about it.

    Attributes:
        edits: What is to be written.
        section: Its section, for changes.
        identity: What tells it apart.
        changes: What has been done, and what was left.
    """

    def __init__(self, edits: Edits, section: str, identity: str) -> None:
        self.edits = edits
        self.section = section
        self.identity = identity
        self.changes: list[Change] = []

    def report(self, outcome: Outcome, keys: Sequence[str] = (), why: str = "") -> None:
        """Note what has been done."""
        key = ".".join(keys) if keys else None
        made = describe(self.section, self.identity, key, outcome, why)
        self.changes.append(made)

    def settle(self, path: KeyPath, versions: Versions, keys: tuple[str, ...]) -> Any:
        """Bring a value that is there up to date, and return what is ours of it.

        Args:
            path: Where it is in the file.
            versions: None of them is missing.
            keys: The same place, from the entry on.
        """
        base, yours, ours = versions
        if is_same(yours, ours):
            return ours
        if versions.are_objects:
            return self._settle_keys(path, versions, keys)
        if not is_same(yours, base):
            self.report(Outcome.KEPT_YOURS, keys)
        elif self.write(path, yours, ours):
            self.report(Outcome.UPDATED, keys)
        else:
            # It is as it was made, and follows once the comment is elsewhere.
            self.report(Outcome.KEPT_YOURS, keys, _COMMENT)
            return base
        return ours

    def remove(
        self,
        path: KeyPath,
        versions: Versions,
        keys: tuple[str, ...],
        *,
        is_forced: bool = False,
    ) -> bool:
        """Take a value away that no template makes now, unless it was changed."""
        if is_forced:
            self.edits.remove(path)
            self.report(Outcome.REMOVED, keys)
            return True
        if not is_same(versions.yours, versions.base):
            self.report(Outcome.KEPT_YOURS, keys, _GONE)
        elif self.edits.has_comment(path, with_key=True):
            self.report(Outcome.KEPT_YOURS, keys, _COMMENT)
        else:
            self.edits.remove(path)
            self.report(Outcome.REMOVED, keys)
            return True
        return False

    def write(self, path: KeyPath, old: Any, new: Any) -> bool:
        """Put a value in the place of another, unless a comment would go with it."""
        if (
            self.edits.is_split(path)
            and isinstance(old, list)
            and isinstance(new, list)
        ):
            return self._write_elements(path, old, new)
        if isinstance(old, dict | list) and self.edits.has_comment(path):
            return False
        self.edits.set(path, new)
        return True

    def force(self, path: KeyPath, old: Any, new: Any) -> None:
        """Put a value in the place of another; comments between its keys stay."""
        if not isinstance(old, dict) or not isinstance(new, dict):
            if not is_same(old, new) and not self.write(path, old, new):
                self.edits.set(path, new)
            return
        for key in old.keys() - new.keys():
            self.edits.remove((*path, key))
        for key, value in new.items():
            if key in old:
                self.force((*path, key), old[key], value)
            else:
                self.edits.set((*path, key), value)

    def _settle_keys(
        self, path: KeyPath, versions: Versions, keys: tuple[str, ...]
    ) -> dict[str, Any]:
        settled = {}
        for key in versions.ours | versions.base:
            ours = self._settle_key((*path, key), versions.at(key), (*keys, key))
            if ours is not MISSING:
                settled[key] = ours
        return settled

    def _settle_key(
        self, path: KeyPath, versions: Versions, keys: tuple[str, ...]
    ) -> Any:
        """Return what is ours under a key now; MISSING where nothing is."""
        base, yours, ours = versions
        if ours is MISSING:
            is_gone = yours is MISSING or self.remove(path, versions, keys)
            return MISSING if is_gone else base
        if yours is MISSING:
            self._add_key(path, versions, keys)
            return ours
        if base is not MISSING or is_same(yours, ours):
            return self.settle(path, versions, keys)
        self.report(Outcome.KEPT_YOURS, keys)
        return MISSING

    def _add_key(
        self, path: KeyPath, versions: Versions, keys: tuple[str, ...]
    ) -> None:
        if versions.base is not MISSING:
            self.report(Outcome.KEPT_DELETED, keys)
            return
        self.edits.set(path, versions.ours)
        self.report(Outcome.ADDED, keys)

    def _write_elements(self, path: KeyPath, old: list[Any], new: list[Any]) -> bool:
        """Change the elements that are others; what is beside them stays."""
        steps = list(_compare(old, new))
        touched = ((*path, step.place) for step in steps if step.is_there)
        if any(self.edits.has_comment(each) for each in touched):
            return False
        for index, is_there, values in steps:
            if not is_there:
                for value in values:
                    self.edits.insert(path, index, value)
            elif values:
                self.edits.set((*path, index), values[0])
            else:
                self.edits.remove((*path, index))
        return True


class _Step(NamedTuple):
    """What makes one array another.

    Attributes:
        place: Of the old one.
        is_there: Whether the element goes; else others come before it.
        values: What comes.
    """

    place: int
    is_there: bool
    values: list[Any]


def _compare(old: list[Any], new: list[Any]) -> Iterator[_Step]:
    one, other = ([json.dumps(each, sort_keys=True) for each in x] for x in (old, new))
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    for tag, start, end, begin, stop in matcher.get_opcodes():
        if tag == "equal":
            continue
        for place in range(start, end):
            counterpart = begin + place - start
            yield _Step(place, True, new[counterpart : min(counterpart + 1, stop)])
        if stop - begin > end - start:
            yield _Step(end, False, new[begin + end - start : stop])
