"""Rows, in whatever form they come, as tuples of some columns."""

from __future__ import annotations

from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from sceneshift.data.seeding.child.failure import SeedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

CHUNK = 1_000
_MOST_SHAPES = 64


class Chunk(NamedTuple):
    """Some rows with the same columns.

    Attributes:
        columns: The columns, as the rows call them.
        rows: Their values.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def split(
    rows: Iterable[Any], columns: Sequence[str] | None, size: int = CHUNK
) -> Iterator[Chunk]:
    """Yield the rows in chunks, which are all that is in memory.

    Args:
        rows: Mappings, or sequences that have a value for each of `columns`.
        columns: The names for the latter.
        size: How many rows a chunk has at most.

    Raises:
        SeedError: A row is neither.
    """
    if columns is not None:
        yield from _split_sequences(rows, tuple(columns), size)
        return
    start = iter(rows)
    for first in start:
        if not hasattr(first, "keys"):
            raise SeedError(
                f"a row is to be a mapping, found a {type(first).__name__}: name the "
                "columns of tuples: load(…, columns=[…])"
            )
        yield from _split_mappings(chain([first], start), size)


def _split_sequences(
    rows: Iterable[Any], columns: tuple[str, ...], size: int
) -> Iterator[Chunk]:
    left = iter(rows)
    while chunk := list(islice(left, size)):
        for row in chunk:
            if len(row) != len(columns):
                raise SeedError(
                    f"a row has {len(row)} values for {len(columns)} columns: {row!r}"
                )
        yield Chunk(columns, chunk)


def _split_mappings(rows: Iterator[Mapping[str, Any]], size: int) -> Iterator[Chunk]:
    """Gather rows by the columns that they have: not all have to have all."""
    waiting: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
    shapes: dict[frozenset[str], tuple[str, ...]] = {}
    columns: tuple[str, ...] = ("",)  # no row's
    take = _make_getter(columns)
    gathered: list[tuple[Any, ...]] = []
    for row in rows:
        try:
            is_same = len(row) == len(columns)
            values = take(row) if is_same else None
        except KeyError:
            values = None
        if values is None:
            if not row:
                raise SeedError("a row has no values")
            columns = shapes.setdefault(frozenset(row), tuple(row))
            take = _make_getter(columns)
            values = take(row)
            gathered = waiting.setdefault(columns, [])
            if len(waiting) > _MOST_SHAPES:
                yield from _empty(waiting)
                gathered = waiting.setdefault(columns, [])
        gathered.append(values)
        if len(gathered) >= size:
            del waiting[columns]
            yield Chunk(columns, gathered)
            gathered = waiting.setdefault(columns, [])
    yield from _empty(waiting)


def _empty(waiting: dict[tuple[str, ...], list[tuple[Any, ...]]]) -> Iterator[Chunk]:
    for columns in list(waiting):
        if rows := waiting.pop(columns):
            yield Chunk(columns, rows)


def _make_getter(columns: tuple[str, ...]) -> Any:
    if len(columns) > 1:
        return itemgetter(*columns)
    return lambda row: tuple(row[name] for name in columns)
