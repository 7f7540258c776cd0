"""Putting rows into a table, so that doing it twice changes nothing.

Where the table is empty they go straight into it. Else they go into a temporary table
first, and what is new or other there is taken over by two statements: what is the same
is not even written. Systems without such statements of ours are asked row by row.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sceneshift.data.seeding.child.conversion import Conversion, apply
from sceneshift.data.seeding.child.failure import SeedError, explain, is_of_database
from sceneshift.data.seeding.child.rows import split
from sceneshift.data.seeding.child.tables import choose_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    from sceneshift.data.seeding.child.conversion import Converter
    from sceneshift.data.seeding.child.rows import Chunk
    from sceneshift.data.seeding.child.tables import Catalog, Target


class Loaded(NamedTuple):
    """What became of rows.

    Attributes:
        inserted: How many are new.
        updated: How many were there, and have other values now.
        unchanged: How many were there as they are.
    """

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: object) -> Loaded:
        """Return the sum of both."""
        assert isinstance(other, Loaded)
        return Loaded(*map(sum, zip(self, other, strict=True)))


class Order(NamedTuple):
    """Rows that are to be put into a table.

    Attributes:
        target: The table.
        rows: The rows.
        columns: The names of their values, where they are no mappings.
        key: What tells them apart, where that is declared.
        conversion: How their values are made ready.
        withheld: References that have to wait until other rows are there.
    """

    target: Target
    rows: Iterable[Any]
    columns: Sequence[str] | None
    key: Sequence[str] | None
    conversion: Conversion
    withheld: frozenset[str] = frozenset()


class Shape(NamedTuple):
    """Rows of the same columns.

    Attributes:
        columns: Those columns, as the table has them.
        key: Which of them tell rows apart.
        defaults: Columns behind those that the program fills, in new rows alone.
        converters: What makes the values of `columns` ready.
        makers: What makes those of `defaults`.
    """

    columns: tuple[str, ...]
    key: tuple[str, ...]
    defaults: tuple[str, ...]
    converters: Sequence[Converter | None]
    makers: Sequence[Callable[[], Any]]

    def fill(self, chunk: Chunk) -> list[tuple[Any, ...]]:
        """Return the rows of a chunk as they go to the driver."""
        rows = apply(chunk.rows, self.converters)
        if not self.makers:
            return rows
        return [(*row, *(make() for make in self.makers)) for row in rows]


class Backend(Protocol):
    """What differs between systems.

    Attributes:
        looks_at_once: Whether references are checked after each statement.
    """

    looks_at_once: bool

    def put(
        self,
        target: Target,
        columns: Sequence[str],
        rows: Iterator[list[Any]],
        *,
        is_whole: bool,
    ) -> None:
        """Put rows into an empty table, without looking.

        Args:
            target: The table.
            columns: The columns of the rows.
            rows: The rows, in chunks.
            is_whole: Whether they are to be one statement: they refer to each other, or
                nobody asks the database while they are made.
        """
        ...

    def stage(self, target: Target, shape: Shape, withheld: frozenset[str]) -> Stage:
        """Make a place where rows wait.

        Args:
            target: The table.
            shape: What the rows have.
            withheld: What is certain to be withheld from those that are new.
        """
        ...


class Stage(Protocol):
    """Rows of one shape that wait until all are there."""

    shape: Shape

    def add(self, rows: list[tuple[Any, ...]]) -> None:
        """Take more rows."""
        ...

    def close(self) -> int:
        """Return how many there are; they must all have different keys."""
        ...

    def insert(self, withheld: frozenset[str]) -> int:
        """Insert those that are new; return how many."""
        ...

    def update(self) -> int:
        """Update those that are other; return how many."""
        ...

    def drop(self) -> None:
        """Forget all of them."""
        ...


class Loader:
    """Puts rows into tables.

    Args:
        connection: The run's.
        catalog: What the database knows of its tables.
        backend: What the system can do; None: nothing of its own.
        count: Is told (table, rows) of all that is done.
    """

    def __init__(
        self,
        connection: Connection,
        catalog: Catalog,
        backend: Backend,
        count: Callable[[str, int], None],
    ) -> None:
        self._connection = connection
        self._catalog = catalog
        self._backend = backend
        self._count = count

    def load(self, order: Order) -> Loaded:
        """Put rows into a table.

        Raises:
            SeedError: They do not fit, or the database refuses them.
        """
        target = order.target
        chunks = split(order.rows, order.columns)
        first = next(chunks, None)
        if first is None:
            return Loaded()
        shape = self._shape(order, first.columns)
        done = Loaded()
        try:
            if self._may_go_straight(order, shape):
                done, first = self._put(order, shape, first, chunks)
            if first is not None:
                done += self._merge(order, itertools.chain([first], chunks))
        except SeedError:
            raise
        except Exception as error:
            if not is_of_database(error):
                raise
            raise SeedError(f"`{target.label}`: {explain(error)}") from error
        return done

    def _may_go_straight(self, order: Order, shape: Shape) -> bool:
        """Tell whether the table is empty, and will itself refuse double keys."""
        target = order.target
        unique = {
            frozenset(each)
            for each in (
                *self._catalog.list_unique(target),
                self._catalog.list_primary(target),
            )
        }
        if order.withheld or frozenset(shape.key) not in unique:
            return False
        # Rows of other columns, which come later, may be what is referred to.
        is_mixed = order.columns is None and self._backend.looks_at_once
        if is_mixed and self._find_own(target) & set(shape.columns):
            return False
        look = target.table.select().with_only_columns(
            target.table.columns[shape.columns[0]]
        )
        return self._connection.execute(look.limit(1)).first() is None

    def _put(
        self, order: Order, shape: Shape, first: Chunk, chunks: Iterator[Chunk]
    ) -> tuple[Loaded, Chunk | None]:
        """Put rows into the table as long as they have the columns of the first.

        Returns:
            What was done, and the first chunk that has others.
        """
        total = 0
        other: Chunk | None = None

        def feed() -> Iterator[list[Any]]:
            nonlocal total, other
            for chunk in itertools.chain([first], chunks):
                if chunk.columns != first.columns:
                    other = chunk
                    return
                yield shape.fill(chunk)
                total += len(chunk.rows)
                self._count(order.target.label, len(chunk.rows))

        columns = [*shape.columns, *shape.defaults]
        is_made = isinstance(order.rows, list | tuple)  # nobody asks for them
        is_whole = is_made or bool(self._find_own(order.target) & set(columns))
        self._backend.put(order.target, columns, feed(), is_whole=is_whole)
        return Loaded(inserted=total), other

    def _merge(self, order: Order, chunks: Iterable[Chunk]) -> Loaded:
        stages: dict[tuple[str, ...], Stage] = {}
        try:
            for chunk in chunks:
                stage = stages.get(chunk.columns)
                if stage is None:
                    shape = self._shape(order, chunk.columns)
                    stage = self._backend.stage(order.target, shape, order.withheld)
                    stages[chunk.columns] = stage
                stage.add(stage.shape.fill(chunk))
                self._count(order.target.label, len(chunk.rows))
            return self._take_over(order, list(stages.values()))
        finally:
            for stage in stages.values():
                stage.drop()

    def _take_over(self, order: Order, stages: list[Stage]) -> Loaded:
        total = sum(stage.close() for stage in stages)
        own = self._find_own(order.target)
        withheld = set(order.withheld)
        with_own = [stage for stage in stages if own & set(stage.shape.columns)]
        if len(with_own) > 1:  # what one refers to may be in the other
            withheld |= own
        inserted = 0
        # Those without a reference to a row of the table may be what is referred to.
        for stage in sorted(stages, key=with_own.__contains__):
            inserted += stage.insert(frozenset(withheld) - set(stage.shape.key))
        if order.withheld:
            return Loaded(inserted=inserted)
        updated = sum(stage.update() for stage in stages)
        updated = min(updated, total - inserted)  # a new one may have been, too
        return Loaded(inserted, updated, total - inserted - updated)

    def _find_own(self, target: Target) -> set[str]:
        """Return the columns that refer to the table itself, and may be left out."""
        return {
            name
            for each in self._catalog.list_references(target)
            if each.to == target.label and each.is_nullable
            for name in each.columns
        }

    def _shape(self, order: Order, names: Sequence[str]) -> Shape:
        target = order.target
        columns = [target.column(name) for name in names]
        actual = tuple(column.name for column in columns)
        if len(set(actual)) != len(actual):
            raise SeedError(f"`{target.label}`: a column is named twice in the rows")
        key = choose_key(self._catalog, target, actual, order.key)
        defaults = [] if not target.is_model else _list_defaults(target, actual)
        return Shape(
            columns=actual,
            key=key,
            defaults=tuple(name for name, _ in defaults),
            converters=[order.conversion.find(column) for column in columns],
            makers=[
                _make_maker(make, order.conversion.find(target.table.columns[name]))
                for name, make in defaults
            ],
        )


def _list_defaults(
    target: Target, columns: Sequence[str]
) -> list[tuple[str, Callable[[], Any]]]:
    """Return the columns that a model has a default for, and what makes it."""
    found: list[tuple[str, Callable[[], Any]]] = []
    for column in target.table.columns:
        default: Any = column.default
        if column.name in columns or default is None:
            continue
        if default.is_callable:
            found.append((column.name, _calling(default.arg)))
        elif default.is_scalar:
            found.append((column.name, _always(default.arg)))
    return found


def _calling(make: Callable[[Any], Any]) -> Callable[[], Any]:
    return lambda: make(None)  # SQLAlchemy's context, of which there is none


def _always(value: object) -> Callable[[], Any]:
    return lambda: value


def _make_maker(
    make: Callable[[], Any], converter: Converter | None
) -> Callable[[], Any]:
    if converter is None:
        return make

    def converted() -> Any:
        value = make()
        return None if value is None else converter.convert(value)

    return converted
