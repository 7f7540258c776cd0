from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psycopg
import pytest

from backing import claim
from resetting import ServerShop
from sceneshift.data.postgresql.chores import drop_doomed
from sceneshift.data.postgresql.session import Place, open_maintenance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgresql import Server

pytestmark = [pytest.mark.needs("postgresql"), pytest.mark.usefixtures("chores_warm")]


@contextlib.contextmanager
def prepared(server: Server, name: str) -> Iterator[None]:
    """Make a database that cannot be dropped while this lasts."""
    server.run("postgres", f"CREATE DATABASE {name}")
    with server.connect(name) as connection:
        connection.execute("BEGIN; CREATE TABLE t ()")
        connection.execute(f"PREPARE TRANSACTION '{name}'")
    try:
        yield
    finally:
        server.run(name, f"ROLLBACK PREPARED '{name}'")
        server.run("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def test_what_a_server_does_not_drop_is_in_nobody_s_way(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A killed build may have left it; FORCE is weaker than what holds on to it."""
    shop = ServerShop(tmp_path, "a", server=server)
    draft, doomed, other = (
        f"{shop.name}__{rest}" for rest in ("b_" + "0" * 16, "x_" + "0" * 16, "x_1")
    )
    other += "0" * 15
    with prepared(server, draft), prepared(server, doomed):
        shop.reset()
        said = capsys.readouterr().err
        assert f"not dropped: {draft}: postgresql says: database" in said
        server.run("postgres", f"CREATE DATABASE {other}")
        place = Place(url=server.url(shop.name), root=tmp_path)
        with open_maintenance(place) as session:
            drop_doomed(session, shop.name)
        assert shop.beside("bx") == [draft, doomed]
    assert shop.tables() == ["a"]


def test_nobody_gets_into_what_is_kept(server: Server, tmp_path: Path) -> None:
    """While somebody is in it a server makes no copy of it."""
    shop = ServerShop(tmp_path, "a", server=server)
    shop.reset()
    shop.reset()
    shop.undo()
    names = shop.beside("stl")
    assert len(names) == 3
    for name in names:
        with pytest.raises(psycopg.OperationalError, match="not currently accepting"):
            server.connect(name)
    look = "SELECT datname FROM pg_database WHERE datistemplate"
    templates = {name for (name,) in server.run("postgres", look)}
    assert templates.isdisjoint(names)  # else none could be dropped


def test_settings_for_an_application_are_not_for_a_claim(
    server: Server, tmp_path: Path
) -> None:
    """They would have it fail, or be cut off."""
    shop = ServerShop(tmp_path, server=server)
    shop.run("CREATE TABLE mine AS SELECT 1 AS id")
    for setting in ("statement_timeout TO 1", "default_transaction_read_only TO on"):
        server.run("postgres", f"ALTER DATABASE {shop.name} SET {setting}")
    claim(shop)
    look = "SELECT environment FROM sceneshift_marker"
    assert shop.run(look) == [("development",)]
