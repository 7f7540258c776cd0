"""Where a database stands: what it has, and what the code has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.wording import name_few, quote
from sceneshift.data.revisionindex import RevisionIndex
from sceneshift.data.revisions import History, load_history
from sceneshift.data.scripts import name_below
from sceneshift.data.versions import find_version_table, read_versions

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.data.configuration import Migrated
    from sceneshift.data.revision import Revision
    from sceneshift.data.scripts import Scripts

_FEW = 3
_WHY = "another branch of git made it"


class Standing(Struct, frozen=True, kw_only=True):
    """Where a database stands.

    Attributes:
        scripts: Its migrations.
        heads: The revisions that the code leads to.
        current: The revisions that it is at; None where it was never migrated.
        pending: What the code has and it has not, in the order of application; empty
            where that cannot be told.
        unknown: What it is at and the code does not have.
        forks: Heads of one branch: two people's revisions after the same one.
        baseline: The revision by which all that is unknown was replaced; None where
            that is not so.
    """

    scripts: Scripts
    heads: tuple[str, ...]
    current: tuple[str, ...] | None
    pending: tuple[Revision, ...] = ()
    unknown: tuple[str, ...] = ()
    forks: tuple[str, ...] = ()
    baseline: str | None = None

    @property
    def problem(self) -> str | None:
        """Why nothing can be applied, in one sentence; None where it can."""
        if self.unknown:
            one = name_few([quote(each) for each in self.unknown], _FEW)
            if self.baseline is not None:
                return f"it is at {one}, which {quote(self.baseline)} has replaced"
            return f"it is at {one}, which no file here has: {_WHY}"
        if self.forks:
            return f"there are several heads: {name_few(self.forks, _FEW)}"
        return None

    def advise(self, root: Path) -> str:
        """Return the command that helps with the problem."""
        if self.baseline is not None:
            return (
                "make it anew: inv data.reset; or check out the commit before the "
                "squash, and then: inv data.migrate"
            )
        if self.unknown:
            folder = name_below(root, self.scripts.versions[0])
            return (
                "put in place what fits here: inv data.follow; or switch to the branch "
                f"that has it: git log --all --oneline -S {self.unknown[0]} -- {folder}"
            )
        return "inv data.merge"


def find_standing(migrated: Migrated, root: Path) -> Standing:
    """Compare a database with the code.

    Raises:
        SceneshiftError: Neither can be read.
    """
    scripts = migrated.read(root)
    history = load_history(scripts, RevisionIndex(root, scripts))
    table = find_version_table(scripts)
    return compare(scripts, history, read_versions(migrated.database, root, table))


def compare(
    scripts: Scripts, history: History, current: tuple[str, ...] | None
) -> Standing:
    """Compare the revisions of a database with those of the code.

    Args:
        scripts: Where the latter are.
        history: The latter.
        current: The former; None where it was never migrated.
    """
    unknown = tuple(one for one in current or () if one not in history.revisions)
    pending = () if unknown else tuple(history.find_pending(current or ()))
    return Standing(
        scripts=scripts,
        heads=history.heads,
        current=current,
        pending=pending,
        unknown=unknown,
        forks=history.find_forks(),
        baseline=_find_baseline(history, unknown),
    )


def _find_baseline(history: History, unknown: tuple[str, ...]) -> str | None:
    """Return the revision that has replaced all of some."""
    for one in history.revisions.values():
        if unknown and set(one.replaces).issuperset(unknown):
            return one.id
    return None
