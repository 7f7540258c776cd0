"""A state of a database, and what it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.blake2 import digest
from sceneshift.data.snapshots.traced import Inputs, digest_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from sceneshift.data.revisions import History
    from sceneshift.data.scripts import Scripts

FORMAT = 1


class Recipe(Struct, frozen=True, kw_only=True):
    """What a state is to be made from, as far as is known before it is made.

    Attributes:
        system: The database system, with what decides on how it keeps data.
        heads: The chain up to each head: a revision's digest has those before it in.
        environment_file: Digest of env.py; None where nothing is migrated.
        settings: Digest of pyproject.toml's table for Alembic; None where it has none.
        dataset: Name of the dataset; None where the state is a schema alone.
        data: Digest of all that the dataset and those that it needs are made from.
        format: Number of the way in which this is written down.
    """

    system: str
    heads: dict[str, str]
    environment_file: str | None = None
    settings: str | None = None
    dataset: str | None = None
    data: str | None = None
    format: int = FORMAT

    @property
    def key(self) -> str:
        """What stands for all of it."""
        return digest(msgspec.json.encode(self, order="sorted"))


class Snapshot(Struct, frozen=True, kw_only=True):
    """A state that is kept.

    Attributes:
        id: Its name, by all that it was made from.
        recipe: What was known before.
        inputs: What its build has read besides.
        imports: Whether a revision imports modules of the project.
        versions: The revisions that it is at.
        count: How many revisions that are in all.
        rows: Number of rows by table.
        made_at: When, in ISO format.
        build_s: How long that took, seconds.
        is_pinned: Whether a person wants it kept.
    """

    id: str
    recipe: Recipe
    inputs: Inputs
    imports: bool
    versions: tuple[str, ...]
    count: int
    rows: dict[str, int]
    made_at: str
    build_s: float
    is_pinned: bool = False

    @property
    def inherited(self) -> Inputs:
        """What a state that is built from this one is made from, too."""
        return self.inputs if self.imports else self.inputs.without_modules()


def name_snapshot(recipe: Recipe, inputs: Inputs) -> str:
    """Return the name of what is made from this."""
    whole = msgspec.json.encode((recipe, inputs), order="sorted")
    return digest(whole)[:20]


def chain(history: History) -> dict[str, str]:
    """Return each revision's digest: of its file, and of all that come before it."""
    found: dict[str, str] = {}
    waiting = [*history.revisions]
    while waiting:
        one = waiting[-1]
        missing = [each for each in history.before[one] if each not in found]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        if one not in found:
            before = sorted(found[each] for each in history.before[one])
            links = [history.revisions[one].digest, *before]
            found[one] = digest("\n".join(links).encode())
    return found


def make_recipe(
    system: str,
    scripts: Scripts | None,
    history: History | None,
    links: Mapping[str, str],
) -> Recipe:
    """Return what the schema of the code is made from.

    Args:
        system: See `Recipe.system`.
        scripts: Where the migrations are; None where there are none.
        history: The migrations.
        links: What `chain` says of them.
    """
    if scripts is None or history is None:
        return Recipe(system=system, heads={})
    return Recipe(
        system=system,
        heads={head: links[head] for head in history.heads},
        environment_file=digest_file(scripts.environment),
        settings=None if scripts.table is None else digest(scripts.table.encode()),
    )


def find_ancestor(
    snapshots: Iterable[Snapshot],
    recipe: Recipe,
    links: Mapping[str, str],
    root: Path,
    values: Mapping[str, str],
) -> Snapshot | None:
    """Return the kept schema from which the least is left to be done.

    Its revisions are among those of the code, each file as it was. What a build reads
    besides, the models for one, may have changed since, unless a revision imports it:
    env.py reads models only to compare. What SQLAlchemy takes names from may not.

    Args:
        snapshots: Those that are kept.
        recipe: What is to be made.
        links: What `chain` says of the code.
        root: The project's folder.
        values: The variables that a build would have.
    """

    def fits(one: Snapshot) -> bool:
        theirs = one.recipe
        return (
            theirs.dataset is None
            and replace(theirs, heads={})
            == replace(recipe, heads={}, dataset=None, data=None)
            and all(links.get(each) == known for each, known in theirs.heads.items())
            and one.inherited.are_same(root, values)
        )

    return max(filter(fits, snapshots), key=lambda one: one.count, default=None)
