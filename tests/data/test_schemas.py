"""Databases of PostgreSQL that have several schemas."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from migrating import READING, make_chain, make_project
from resetting import ServerShop
from sceneshift.data.drift import check
from sceneshift.data.target import Request

if TYPE_CHECKING:
    from pathlib import Path

    from postgresql import Server

pytestmark = [pytest.mark.needs("postgresql"), pytest.mark.usefixtures("chores_warm")]

MODELS = """\
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

metadata = MetaData()
one = Table("t", metadata, Column("id", Integer, primary_key=True), schema="one")
Table("t", metadata, Column("id", Integer, ForeignKey(one.c.id), primary_key=True))
"""
ENV = "import models\n" + READING.replace(
    "context.configure(connection=connection)",
    """connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS own")
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=models.metadata,
        include_schemas=True,
        include_name=lambda name, kind, _: kind != "schema" or name in {None, "one"},
        version_table_schema="own",
    )""",
)
MADE = """op.execute("CREATE SCHEMA one; CREATE TABLE one.t (id serial PRIMARY KEY)")
    op.execute("CREATE TABLE t (id serial PRIMARY KEY REFERENCES one.t (id))")
    op.execute("INSERT INTO one.t VALUES (1); INSERT INTO t VALUES (1)")"""


def test_all_schemas_are_made_anew_compared_and_taken_back(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each with its tables; where migrations stand may be in one of its own."""
    (tmp_path / "models.py").write_text(MODELS)
    shop = ServerShop(tmp_path, server=server, env=ENV)
    make_project(tmp_path, make_chain(MADE), env=ENV)
    shop.run("CREATE SCHEMA theirs; CREATE TABLE theirs.t AS SELECT 5 AS id")
    assert dict(shop.reset().snapshot.rows) == {"one.t": 1, "t": 1}
    shop.run("INSERT INTO one.t VALUES (2)")
    assert not shop.reset().is_built
    assert shop.run("SELECT id FROM one.t") == [(1,)]
    capsys.readouterr()
    check(Request(root=tmp_path, environ=shop.environ, as_json=True))
    (row,) = json.loads(capsys.readouterr().out)["databases"]
    assert {each["is_good"] for each in row["findings"]} == {True}
    shop.undo()
    assert shop.run("SELECT count(*) FROM one.t") == [(2,)]
    shop.undo()
    assert shop.run("SELECT id FROM theirs.t") == [(5,)]
