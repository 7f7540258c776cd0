"""Rows for any system: by SQLAlchemy's own statements, some hundred at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, insert, or_, select, tuple_, update

from sceneshift.data.seeding.child.failure import DoubleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection

    from sceneshift.data.seeding.child.loading import Shape
    from sceneshift.data.seeding.child.tables import Target

_AT_ONCE = 500
_OLD = "seed_key_"


class Anywhere:
    """How rows get into a system of which nothing is known.

    Args:
        connection: The run's.
    """

    looks_at_once = True

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def put(
        self,
        target: Target,
        columns: Sequence[str],
        rows: Iterator[list[Any]],
        *,
        is_whole: bool,
    ) -> None:
        """Put rows into a table, without looking."""
        del is_whole  # references were withheld
        for chunk in rows:
            values = [dict(zip(columns, row, strict=True)) for row in chunk]
            self.connection.execute(insert(target.table), values)

    def stage(self, target: Target, shape: Shape, withheld: frozenset[str]) -> Compared:
        """Return what compares rows with those of a table."""
        return Compared(self, target, shape, withheld)


class Compared:
    """Rows that are compared with those of a table as they come.

    Args:
        backend: The system.
        target: The table.
        shape: What they have.
        withheld: Columns that new rows do without.
    """

    def __init__(
        self, backend: Anywhere, target: Target, shape: Shape, withheld: frozenset[str]
    ) -> None:
        self.shape = shape
        self._backend = backend
        self._target = target
        self._withheld = withheld
        self._seen: set[tuple[Any, ...]] = set()
        self._inserted = self._updated = 0

    def add(self, rows: list[tuple[Any, ...]]) -> None:
        """Insert and update what is needed of some rows."""
        for start in range(0, len(rows), _AT_ONCE):
            self._add_few(rows[start : start + _AT_ONCE])

    def close(self) -> int:
        """Return how many there were."""
        return len(self._seen)

    def insert(self, withheld: frozenset[str]) -> int:
        """Return how many were new."""
        del withheld
        return self._inserted

    def update(self) -> int:
        """Return how many were other."""
        return self._updated

    def drop(self) -> None:
        """Forget which there were."""
        self._seen.clear()

    def _add_few(self, rows: list[tuple[Any, ...]]) -> None:
        wanted = {self._key_of(row): row for row in rows}
        double = self._seen.intersection(wanted)
        if double or len(wanted) < len(rows):
            names = ", ".join(self.shape.key)
            raise DoubleError(
                f"two rows of `{self._target.label}` have the same key: {names}",
                self.shape.key,
            )
        self._seen.update(wanted)
        there = self._find(list(wanted))
        width = len(self.shape.columns)
        fresh = [row for key, row in wanted.items() if key not in there]
        other = [
            row[:width]
            for key, row in wanted.items()
            if key in there and there[key] != row[:width]
        ]
        self._insert(fresh)
        if not self._withheld:
            self._update(other)

    def _key_of(self, row: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(row[self.shape.columns.index(name)] for name in self.shape.key)

    def _find(self, keys: list[tuple[Any, ...]]) -> dict[tuple[Any, ...], Any]:
        columns = self._target.table.columns
        look = select(*(columns[name] for name in self.shape.columns))
        rows = self._backend.connection.execute(look.where(self._match(keys)))
        return {self._key_of(row): tuple(row) for row in rows}

    def _match(self, keys: list[tuple[Any, ...]]) -> ColumnElement[bool]:
        """Return what tells that a row has one of some keys."""
        columns = self._target.table.columns
        key = [columns[name] for name in self.shape.key]
        # One statement of the same words for any keys need not be made each time.
        if not any(value is None for each in keys for value in each):
            if len(key) == 1:
                return key[0].in_([value for (value,) in keys])
            if self._backend.connection.dialect.name != "mssql":  # which has no such
                return tuple_(*key).in_(keys)
        return or_(
            *(
                and_(
                    *(
                        columns[name].is_(None)
                        if value is None
                        else columns[name] == value
                        for name, value in zip(self.shape.key, key, strict=True)
                    )
                )
                for key in keys
            )
        )

    def _insert(self, rows: list[tuple[Any, ...]]) -> None:
        names = (*self.shape.columns, *self.shape.defaults)
        values = [
            {
                name: value
                for name, value in zip(names, row, strict=True)
                if name not in self._withheld
            }
            for row in rows
        ]
        if values:
            self._backend.connection.execute(insert(self._target.table), values)
        self._inserted += len(values)

    def _update(self, rows: list[tuple[Any, ...]]) -> None:
        rest = [name for name in self.shape.columns if name not in self.shape.key]
        if not rows or not rest:
            return
        columns = self._target.table.columns
        change = (
            update(self._target.table)
            .where(
                *(
                    columns[name]
                    == bindparam(f"{_OLD}{name}", type_=columns[name].type)
                    for name in self.shape.key
                )
            )
            .values({name: bindparam(name) for name in rest})
        )
        values = [dict(zip(self.shape.columns, row, strict=True)) for row in rows]
        self._backend.connection.execute(
            change,
            [
                {
                    **{name: row[name] for name in rest},
                    **{f"{_OLD}{name}": row[name] for name in self.shape.key},
                }
                for row in values
            ],
        )
        self._updated += len(rows)
