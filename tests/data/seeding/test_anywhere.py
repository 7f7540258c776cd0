"""Systems of which nothing is known: by SQLAlchemy's own statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine

from sceneshift.data.seeding.child.anywhere import Anywhere
from sceneshift.data.seeding.child.conversion import Conversion
from sceneshift.data.seeding.child.failure import DoubleError, SeedError
from sceneshift.data.seeding.child.loading import Loaded, Loader, Order
from sceneshift.data.seeding.child.tables import Catalog

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from seeding import Place


@pytest.fixture(name="connection")
def connect(place: Place) -> Iterator[Connection]:
    """Return a connection as such a system's would be."""
    engine = create_engine(place.url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def load(
    connection: Connection,
    table: str,
    rows: Sequence[Any],
    *,
    columns: Sequence[str] | None = None,
    withheld: Sequence[str] = (),
) -> Loaded:
    """Put rows into a table."""
    catalog = Catalog(connection)
    loader = Loader(connection, catalog, Anywhere(connection), lambda *_: None)
    order = Order(
        target=catalog.get(table),
        rows=rows,
        columns=columns,
        key=None,
        conversion=Conversion(
            connection.dialect, is_raw=False, is_text=columns is not None
        ),
        withheld=frozenset(withheld),
    )
    return loader.load(order)


def test_rows_are_compared_and_changed_where_they_are_other(
    connection: Connection,
) -> None:
    """In as many statements as it takes; texts become what the columns are."""
    rows = [[str(n), f"{n}@x", "yes", "" if n % 2 else "x"] for n in range(450)]
    columns = ["id", "email", "is_active", "name"]
    assert load(connection, "people", rows[:1], columns=columns) == Loaded(1, 0, 0)
    assert load(connection, "people", rows, columns=columns) == Loaded(449, 0, 1)
    rows[3][3] = "new"
    assert load(connection, "people", rows, columns=columns) == Loaded(0, 1, 449)
    orders = [["1", "3", "1.50", "2026-01-31T12:30:00"], ["2", "4", "", ""]]
    columns = ["id", "person_id", "total", "placed_at"]
    assert load(connection, "orders", orders, columns=columns) == Loaded(2, 0, 0)
    assert load(connection, "orders", orders, columns=columns) == Loaded(0, 0, 2)


def test_what_is_the_key_alone_is_never_changed(connection: Connection) -> None:
    """There is nothing to change."""
    connection.exec_driver_sql("CREATE TABLE marks (id integer PRIMARY KEY)")
    rows = [{"id": 1}, {"id": 2}]
    assert load(connection, "marks", rows[:1]) == Loaded(1, 0, 0)
    assert load(connection, "marks", rows) == Loaded(1, 0, 1)


def test_references_come_in_a_second_pass(connection: Connection) -> None:
    """Rows are there by then, in whichever order they come."""
    rows = [
        {"id": 1, "email": "a", "boss_id": 2},
        {"id": 2, "email": "b", "boss_id": 1},
    ]
    done = load(connection, "people", rows, withheld=["boss_id"])
    assert done == Loaded(2, 0, 0)
    assert load(connection, "people", rows) == Loaded(0, 2, 0)
    assert load(connection, "people", rows) == Loaded(0, 0, 2)


def test_two_rows_of_one_key_are_refused(connection: Connection) -> None:
    """In one statement and in two."""
    load(connection, "people", [{"id": 999, "email": "z"}])
    rows = [{"id": n, "email": f"{n % 250}"} for n in range(300)]
    for some in (rows, [rows[0], rows[250]]):
        with pytest.raises(DoubleError, match="same key: email"):
            load(connection, "people", some)


def test_what_the_database_refuses_is_said(connection: Connection) -> None:
    """In its words."""
    with pytest.raises(SeedError, match=r"^`people`: .*(NOT NULL|not-null)"):
        load(connection, "people", [{"id": 1, "email": None}])
