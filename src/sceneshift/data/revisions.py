"""What revisions the code has, and how they follow each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import name_few, quote
from sceneshift.data.revision import Revision, list_files, read_revision

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sceneshift.data.revisionindex import RevisionIndex
    from sceneshift.data.scripts import Scripts

_FEW = 3


class History(Struct, frozen=True, kw_only=True):
    """All revisions, checked to fit together.

    Attributes:
        revisions: By id, in the order of their files.
        before: What each comes after, those that it needs included, without those
            that come before these anyhow.
        heads: Those that nothing comes after: where `upgrade heads` leads.
    """

    revisions: Mapping[str, Revision]
    before: Mapping[str, tuple[str, ...]]
    heads: tuple[str, ...]

    def find_ancestors(self, ids: Iterable[str]) -> set[str]:
        """Return these and all that come before them."""
        found: set[str] = set()
        waiting = [*ids]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self.before[one]
        return found

    def find_pending(self, current: Iterable[str]) -> list[Revision]:
        """Return what `upgrade heads` would apply, in its order.

        Args:
            current: Where a database is; all of them are known.
        """
        missing = set(self.revisions) - self.find_ancestors(current)
        return [self.revisions[one] for one in reversed(_sort(self, missing))]

    def find_forks(self) -> tuple[str, ...]:
        """Return the heads of a branch that has several, and no names to tell them by.

        Branches that are meant to be have labels, or bases of their own. What is left
        are two people's revisions after the same one. What is needed beside does not
        matter here: that makes no branch one with another.
        """
        after = {other for one in self.revisions.values() for other in one.down}
        heads = [one for one in self.revisions if one not in after]
        if len(heads) < 2:
            return ()
        branches: dict[tuple[frozenset[str], frozenset[str]], list[str]] = {}
        for head in heads:
            lineage = [self.revisions[one] for one in _climb(self.revisions, head)]
            lineage.append(self.revisions[head])
            roots = frozenset(one.id for one in lineage if not one.down)
            labels = frozenset(name for one in lineage for name in one.labels)
            branches.setdefault((roots, labels), []).append(head)
        return next((tuple(each) for each in branches.values() if len(each) > 1), ())


def load_history(scripts: Scripts, index: RevisionIndex | None = None) -> History:
    """Read the revisions of a database.

    Args:
        scripts: Where they are.
        index: What is known of their files; None reads all.

    Raises:
        SceneshiftError: A file cannot be read, or they do not fit together.
    """
    revisions: dict[str, Revision] = {}
    for file in list_files(scripts):
        one = read_revision(file, index)
        if one.id in revisions:
            other = revisions[one.id].file.name
            raise SceneshiftError(
                f"two files are the revision {quote(one.id)}: {other} and {file.name}",
                hint=f"give one of them another `revision`: {file}",
            )
        revisions[one.id] = one
    if index is not None:
        index.save()
    return _link(revisions)


def _link(revisions: dict[str, Revision]) -> History:
    """Check that all fit together."""
    needs = _resolve_needs(revisions)
    for one in revisions.values():
        for other in one.down:
            if other not in revisions:
                raise _lacking(one, other)
    before = _thin(revisions, needs)
    after = {other for each in before.values() for other in each}
    history = History(
        revisions=revisions,
        before=before,
        heads=tuple(one for one in revisions if one not in after),
    )
    _check_order(history)
    return history


def _resolve_needs(revisions: Mapping[str, Revision]) -> dict[str, tuple[str, ...]]:
    """Return the ids that each needs, labels replaced."""
    ids = _name_all(revisions)
    found = {}
    for one in revisions.values():
        for name in one.needs:
            if name not in ids:
                raise _lacking(one, name)
        found[one.id] = tuple(ids[name] for name in one.needs)
    return found


def _name_all(revisions: Mapping[str, Revision]) -> dict[str, str]:
    """Return the id that each id and each label stands for."""
    ids = {one: one for one in revisions}
    for one in revisions.values():
        for name in one.labels:
            if name in ids:
                other = revisions[ids[name]].file.name
                raise SceneshiftError(
                    f"{one.file.name} has a label that is another name already: "
                    f"{quote(name)} in {other}",
                    hint=f"give it another of `branch_labels`, or none: {one.file}",
                )
            ids[name] = one.id
    return ids


def _lacking(one: Revision, other: str) -> SceneshiftError:
    return SceneshiftError(
        f"{one.file.name} comes after a revision that no file has: {quote(other)}",
        hint=f"bring its file back, or mend `down_revision` in {one.file}",
    )


def _thin(
    revisions: Mapping[str, Revision], needs: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Leave out what an ancestor needs too, as Alembic does."""
    before = {}
    for one in revisions.values():
        own = needs[one.id]
        if own:
            others = _climb(revisions, one.id)
            known = {each for other in others for each in needs[other]}
            own = tuple(each for each in own if each not in known)
        before[one.id] = tuple(dict.fromkeys([*one.down, *own]))
    return before


def _climb(revisions: Mapping[str, Revision], start: str) -> set[str]:
    """Return what a revision comes after, by `down_revision` alone."""
    found: set[str] = set()
    waiting = [*revisions[start].down]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += revisions[one].down
    return found - {start}


def _check_order(history: History) -> None:
    """Refuse revisions that come after each other in a circle."""
    open_ends = {one: len(each) for one, each in history.before.items()}
    after: dict[str, list[str]] = {}
    for one, others in history.before.items():
        for other in others:
            after.setdefault(other, []).append(one)
    ready = [one for one, count in open_ends.items() if not count]
    while ready:
        one = ready.pop()
        del open_ends[one]
        for other in after.get(one, ()):
            open_ends[other] -= 1
            if not open_ends[other]:
                ready.append(other)
    if open_ends:
        raise SceneshiftError(
            f"revisions come after each other: {name_few(sorted(open_ends), _FEW)}",
            hint="mend the `down_revision` of one of them",
        )


def _sort(history: History, missing: set[str]) -> list[str]:
    """Return revisions, the last one to be applied first.

    Where branches leave a choice, it is Alembic's: `RevisionMap._topological_sort`
    follows one branch down for as long as no other one needs what comes next.
    """
    place = {one: number for number, one in enumerate(history.revisions)}
    heads = sorted(set(history.heads) & missing, key=place.__getitem__)
    ancestors = [history.find_ancestors([head]) for head in heads]
    todo, found, at = set(missing), [], 0
    while heads:
        one = heads[at]
        blocked = next(
            (n for n, known in enumerate(ancestors) if n != at and one in known), None
        )
        if blocked is not None:
            at = blocked
            continue
        found.append(one)
        todo.remove(one)
        below = [n for n in history.before[one] if n in todo and n not in heads]
        if not below:
            del heads[at], ancestors[at]
            at = max(at - 1, 0)
            continue
        heads[at] = below[0]
        heads += below[1:]
        if len(history.before[one]) == 1:
            ancestors[at].discard(one)  # what is left are those of the one below
        else:
            ancestors[at] = history.find_ancestors(below[:1])
            ancestors += [history.find_ancestors([each]) for each in below[1:]]
    return found
