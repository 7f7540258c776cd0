from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from migrating import READING
from resetting import Shop
from sceneshift.core.errors import DriftError
from sceneshift.data.drift import check
from sceneshift.data.target import Request

if TYPE_CHECKING:
    from pathlib import Path

MODELS = """\
from sqlalchemy import Column, Integer, MetaData, Table

metadata = MetaData()
Table("a", metadata, Column("id", Integer))
"""
COMPARING = "import models\n" + READING.replace(
    "connection=connection", "connection=connection, target_metadata=models.metadata"
)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return a project whose models are what its migrations make."""
    (tmp_path / "models.py").write_text(MODELS)
    made = Shop(tmp_path, env=COMPARING)
    made.write("a", a="op.execute('DROP TABLE a'); " + CREATES)
    return made


CREATES = "op.execute('CREATE TABLE a (id INTEGER)')"


def look(shop: Shop, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return what is found, by name: whether it is good, and the detail."""
    capsys.readouterr()
    with contextlib.suppress(DriftError):
        check(Request(root=shop.root, environ=shop.environ, as_json=True))
    (row,) = json.loads(capsys.readouterr().out)["databases"]
    return {each["name"]: (each["is_good"], each["detail"]) for each in row["findings"]}


def test_what_agrees_is_good(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is written into the database."""
    shop.reset()
    before = shop.file.read_bytes()
    assert look(shop, capsys) == {
        "revisions": (True, "at the head: r1"),
        "schema": (True, "as the migrations make it"),
        "models": (True, "as the migrations make them"),
    }
    assert shop.file.read_bytes() == before


def test_a_database_that_is_not_there_is_not_made(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """Models are compared all the same."""
    found = look(shop, capsys)
    assert found["revisions"] == (False, "1 pending: r1 Do r1")
    assert found["models"][0]
    assert "schema" not in found
    assert not shop.file.exists()


def test_what_was_changed_by_hand_is_told(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is there besides, what is another, and what is not there."""
    shop.reset()
    shop.run("CREATE INDEX mine ON a (id)")
    shop.run("ALTER TABLE a ADD COLUMN name TEXT")
    detail = "index mine is there besides, table a is another"
    assert look(shop, capsys)["schema"] == (False, detail)
    shop.run("DROP TABLE a")
    assert look(shop, capsys)["schema"] == (False, "table a is not there")


def test_what_no_migration_does_is_told(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each by a few words, and what writes one."""
    shop.reset()
    (shop.root / "models.py").write_text(
        MODELS.replace('Column("id", Integer)', 'Column("id", Integer), '
        'Column("name", Integer)')
        + 'Table("b", metadata, Column("id", Integer, index=True))\n'
    )  # fmt: skip
    good, detail = look(shop, capsys)["models"]
    assert not good
    assert set(detail.removeprefix("no migration does it: ").split(", ")) == {
        "add column a.name",
        "add table b",
        "add index ix_b_id of b",
    }
    with pytest.raises(DriftError) as caught:
        check(Request(root=shop.root, environ=shop.environ))
    assert caught.value.message == "1 of 3 do not agree"
    assert caught.value.hint == 'write one: inv data.new "…"'


def test_an_env_py_without_models_is_no_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to compare with."""
    shop = Shop(tmp_path, "a")
    shop.reset()
    detail = "env.py names no models: `target_metadata`"
    assert look(shop, capsys)["models"] == (None, detail)


def test_the_order_of_constraints_makes_no_difference(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """Alembic's batch mode has another each time."""
    shop.write("a", a="op.execute('DROP TABLE a'); op.execute('CREATE TABLE a (id "
    "INTEGER, CHECK (id > 0), CONSTRAINT one UNIQUE (id))')")  # fmt: skip
    shop.reset()
    shop.run("DROP TABLE a")
    shop.run(
        'CREATE TABLE "a" (id INTEGER,\n CONSTRAINT one UNIQUE(id), CHECK(id > 0))'
    )
    assert look(shop, capsys)["schema"][0]
