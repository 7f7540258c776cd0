"""In which order tables are filled: what is referred to comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sceneshift.data.seeding.child.failure import SeedError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sceneshift.data.seeding.child.tables import Reference


class Step(NamedTuple):
    """A table that is filled.

    Attributes:
        table: Its label.
        withheld: References to what comes later: new rows do without them at first.
    """

    table: str
    withheld: frozenset[str] = frozenset()


def order_tables(
    references: Mapping[str, Sequence[Reference]],
    *,
    must_exist: bool,
    gradual: Collection[str] = (),
) -> list[Step]:
    """Return tables in the order in which they are filled.

    Tables that do not refer to each other stay as they are. Where some refer to each
    other in a circle, or to themselves, what can be left out is, and put in afterwards.

    Args:
        references: The foreign keys of each table.
        must_exist: Whether a row that is referred to has to be there at once; else the
            system looks at the end alone.
        gradual: The tables whose rows come in several statements, so that one may refer
            to another of a later statement.

    Raises:
        SeedError: A circle has nothing that can be left out.
    """
    left = dict.fromkeys(references)
    steps: list[Step] = []
    while left:
        free = next((name for name in left if not _waits(name, left, references)), None)
        withheld: frozenset[str] = frozenset()
        if free is None:
            free = _choose(left, references, must_exist=must_exist)
            withheld = _list_withheld(free, left, references, must_exist=must_exist)
        if free in gradual and must_exist:
            withheld |= _list_own(free, references)
        del left[free]
        steps.append(Step(free, withheld))
    return steps


def _waits(
    name: str, left: Mapping[str, None], references: Mapping[str, Sequence[Reference]]
) -> bool:
    return any(each.to in left and each.to != name for each in references[name])


def _choose(
    left: Mapping[str, None],
    references: Mapping[str, Sequence[Reference]],
    *,
    must_exist: bool,
) -> str:
    """Return a table of a circle that can begin."""
    if not must_exist:
        return next(iter(left))
    for name in left:
        open_ = [
            each for each in references[name] if each.to in left and each.to != name
        ]
        if all(each.is_nullable or each.is_deferrable for each in open_):
            return name
    names = ", ".join(f"`{name}`" for name in left)
    raise SeedError(
        f"the tables {names} refer to each other, and no reference may be NULL or is "
        "deferrable: fill them in a program"
    )


def _list_withheld(
    name: str,
    left: Mapping[str, None],
    references: Mapping[str, Sequence[Reference]],
    *,
    must_exist: bool,
) -> frozenset[str]:
    if not must_exist:
        return frozenset()
    return frozenset(
        column
        for each in references[name]
        if each.to in left and each.to != name and not each.is_deferrable
        for column in each.columns
    )


def _list_own(
    name: str, references: Mapping[str, Sequence[Reference]]
) -> frozenset[str]:
    return frozenset(
        column
        for each in references[name]
        if each.to == name and each.is_nullable and not each.is_deferrable
        for column in each.columns
    )
