"""What the planner knows of tables that were put in place, on a real server."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from resetting import ServerShop
from sceneshift.data.postgresql.session import Place, open_session
from sceneshift.data.postgresql.statistics import gather_statistics
from support import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from postgresql import Server

pytestmark = pytest.mark.needs("postgresql")

_MADE = "CREATE TABLE big AS SELECT n AS id FROM generate_series(1, 5000) n"
_COUNT = "SELECT reltuples FROM pg_class WHERE relname = 'big'"
_BOUNDS = """\
SELECT array_length(histogram_bounds, 1) FROM pg_stats WHERE tablename = 'big'
"""


def test_statistics_are_rough_at_once_and_exact_a_moment_later(
    server: Server, tmp_path: Path
) -> None:
    """Both in what was put in place, and in what will be at the next reset."""
    shop = ServerShop(tmp_path, server=server)
    shop.write("a", a=f"op.execute({_MADE!r})")
    shop.reset()
    assert shop.run(_COUNT) == [(5000,)]
    wait_until(lambda: shop.run(_BOUNDS) == [(101,)])
    wait_until(partial(shop.beside, "w"))
    (spare,) = shop.beside("w")
    assert server.run(spare, _BOUNDS) == [(101,)]
    shop.reset()
    assert shop.run(_BOUNDS) == [(101,)]


def test_what_fails_on_rows_is_left_out(server: Server, tmp_path: Path) -> None:
    """Whoever made the index wanted it so; small tables need nothing."""
    name = server.make()
    with server.connect(name) as connection:
        connection.execute("CREATE TABLE small AS SELECT 1 AS id")
        connection.execute(_MADE)
        connection.execute('CREATE SCHEMA "it\'s"')
        connection.execute('CREATE TABLE "it\'s"."Odd ""one" AS SELECT * FROM big')
        connection.execute(
            "CREATE FUNCTION fails(int) RETURNS int IMMUTABLE LANGUAGE sql AS "
            "'SELECT 1 / nullif($1, 0)'"
        )
        connection.execute("CREATE INDEX ON big (fails(id))")
        look = "SELECT relname FROM pg_class WHERE reltuples > 0 AND oid > 16383"
        with open_session(Place(url=server.url(name), root=tmp_path)) as session:
            gather_statistics(session)
        found = {table for (table,) in connection.execute(look)}
        assert 'Odd "one' in found
        assert "small" not in found
        connection.execute(
            "CREATE OR REPLACE FUNCTION fails(int) RETURNS int IMMUTABLE LANGUAGE sql "
            "AS 'SELECT 1 / ($1 - $1)'"
        )
        with open_session(Place(url=server.url(name), root=tmp_path)) as session:
            gather_statistics(session, is_rough=True)
            assert session.ask("SHOW default_statistics_target") == [("100",)]
