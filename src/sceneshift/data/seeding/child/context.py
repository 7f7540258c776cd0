"""What a seed gets: the database, ways to fill it, and values to fill it with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sceneshift.data.seeding.child.conversion import Conversion
from sceneshift.data.seeding.child.loading import Order
from sceneshift.data.seeding.child.values import Values

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

    from sceneshift.data.seeding.child.loading import Loaded
    from sceneshift.data.seeding.child.request import Wanted
    from sceneshift.data.seeding.child.run import Run


class Context:
    """What the function `seed` of a dataset's program is called with.

    Attributes:
        dataset: The dataset's name.
        folder: Its folder.
        environment: The name of the environment that is filled.
        now: The instant that the rows are to be seen from; the same for all of them,
            and for all that is applied on one day.
        connection: SQLAlchemy's, in the transaction that all of it is.
    """

    def __init__(self, run: Run, dataset: Wanted) -> None:
        self._run = run
        self._dataset = dataset
        self._session: Session | None = None
        self.dataset = dataset.name
        self.folder = Path(dataset.folder)
        self.environment: str = run.environment
        self.now: datetime = dataset.now
        self.connection: Connection = run.connection

    @property
    def session(self) -> Session:
        """A session of the ORM in the same transaction; its `commit` may be called."""
        if self._session is None:
            from sqlalchemy.orm import Session  # noqa: PLC0415 - 60 ms

            self._session = Session(
                self.connection,
                join_transaction_mode="create_savepoint",
                expire_on_commit=False,
            )
        return self._session

    def load(
        self,
        table: object,
        rows: Iterable[Any],
        *,
        columns: Sequence[str] | None = None,
        key: Sequence[str] | None = None,
    ) -> Loaded:
        """Put rows into a table; those that are there already are updated, or left.

        They are read as they are needed: a generator may give millions.

        Args:
            table: A model, a table, or its name: `users`, `shop.orders`.
            rows: Mappings of columns (or a model's attributes) to values; or, with
                `columns`, sequences of values.
            columns: What the values of such a sequence are.
            key: The columns that tell which row of the table a row is. Without it, the
                dataset's `[keys]`, then a unique constraint that all rows have, then
                the primary key.

        Returns:
            How many were inserted, updated and unchanged.

        Raises:
            SeedError: They do not fit, or the database refuses them.
        """
        if self._session is not None:
            self._session.flush()
        target = self._run.catalog.get(table)
        declared = self._dataset.keys.get(target.label) if key is None else key
        order = Order(
            target=target,
            rows=rows,
            columns=columns,
            key=declared,
            conversion=Conversion(
                self.connection.dialect,
                is_raw=self._run.is_raw,
                is_model=target.is_model,
            ),
        )
        return self._run.load(order)

    def values(self, table: str, key: object) -> Values:
        """Return what makes up the values of a row.

        Args:
            table: The table.
            key: What tells the row from others: a number, a text, or a tuple of them.
        """
        return Values(self._dataset.seed, table, key)

    def close(self) -> None:
        """Write what the session still has; called when the function has returned."""
        if self._session is not None:
            self._session.commit()
            self._session.close()
