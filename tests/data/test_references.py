"""References that SQLite does not look at, and rows that go with others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrating import READING, make_chain, make_project
from resetting import Shop
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.migrations import migrate

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("chores_warm")

ENFORCING = READING.replace(
    "with engine.connect",
    """from sqlalchemy import event
@event.listens_for(engine, "connect")
def enforce(connection, _):
    connection.execute("PRAGMA foreign_keys = ON")
with engine.connect""",
)
MADE = """op.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    op.execute("CREATE TABLE child (p REFERENCES parent (id) ON DELETE {0})")
    op.execute("INSERT INTO parent VALUES (1)")
    op.execute("INSERT INTO child VALUES (1)")"""
BATCH = """import sqlalchemy as sa
    with op.batch_alter_table("parent", recreate="always") as batch:
        batch.add_column(sa.Column("more", sa.Integer))"""
LEAVING = 'op.execute("DELETE FROM parent")'


@pytest.mark.parametrize("action", ["CASCADE", "SET NULL"])
def test_batch_mode_takes_no_rows_of_others_along(tmp_path: Path, action: str) -> None:
    """It drops the old table: where references are enforced that removes its rows."""
    made = MADE.format(action)
    make_project(tmp_path, make_chain(made), url="sqlite:///shop.db", env=ENFORCING)
    shop = Shop.open(tmp_path)
    shop.reset()
    make_project(tmp_path, make_chain(made, BATCH), env=ENFORCING)
    for act in (shop.reset, lambda: migrate(tmp_path, shop.environ, None)):
        with pytest.raises(SceneshiftError) as caught:
            act()
        assert caught.value.message == (
            "the migration of `default` failed: RuntimeError: batch mode drops the old "
            "table 'parent', and foreign keys are enforced: rows of 'child' would be "
            f"lost (ON DELETE {action}); have env.py switch them off: "
            "PRAGMA foreign_keys = OFF"
        )
        assert shop.run("SELECT p FROM child") == [(1,)]
    make_project(tmp_path, {}, env=READING)
    migrate(tmp_path, shop.environ, None)
    assert shop.run("SELECT p FROM child") == [(1,)]
    assert shop.run("SELECT more FROM parent") == [(None,)]


def test_batch_mode_may_drop_what_nobody_refers_to(tmp_path: Path) -> None:
    """Nor is it in the way of a table that is dropped on purpose."""
    none = MADE.format("CASCADE").replace('op.execute("INSERT INTO child', 'str("')
    gone = 'op.execute("DROP TABLE parent")'
    chain = make_chain(none, BATCH, gone)
    make_project(tmp_path, chain, url="sqlite:///shop.db", env=ENFORCING)
    shop = Shop.open(tmp_path)
    shop.reset()
    assert shop.tables() == ["child"]


def test_a_migration_leaves_no_more_rows_that_refer_to_nothing(tmp_path: Path) -> None:
    """Those that were there before are not its fault."""
    made = MADE.format("CASCADE")
    make_project(tmp_path, make_chain(made), url="sqlite:///shop.db")
    shop = Shop.open(tmp_path)
    shop.reset()
    make_project(tmp_path, make_chain(made, LEAVING))
    message = "row 1 of `child` (would refer|refers) to a row that `parent` lacks"
    for act in (shop.reset, lambda: migrate(tmp_path, shop.environ, None)):
        with pytest.raises(SceneshiftError, match=message):
            act()
        assert shop.run("SELECT id FROM parent") == [(1,)]
    shop.run("INSERT INTO child VALUES (7)")
    make_project(tmp_path, make_chain(made, "pass"))
    migrate(tmp_path, shop.environ, None)
    assert shop.run("SELECT version_num FROM alembic_version") == [("r2",)]


MISMATCH = """op.execute("CREATE TABLE named (name TEXT)")
    op.execute("CREATE TABLE user (n REFERENCES named (name))")"""
SAID = 'rows could not be written: foreign key mismatch - "user" referencing "named"'


def test_a_key_that_was_of_no_use_before_stops_no_migration(tmp_path: Path) -> None:
    """Other tables are looked at as ever."""
    made = MADE.format("CASCADE")
    make_project(tmp_path, make_chain(made), url="sqlite:///shop.db")
    shop = Shop.open(tmp_path)
    shop.reset()
    make_project(tmp_path, make_chain(made, MISMATCH))
    for act in (shop.reset, lambda: migrate(tmp_path, shop.environ, None)):
        with pytest.raises(SceneshiftError) as caught:
            act()
        assert caught.value.message == SAID
    for statement in MISMATCH.split('"')[1::2]:
        shop.run(statement)
    make_project(tmp_path, make_chain(made, LEAVING))
    with pytest.raises(SceneshiftError, match="row 1 of `child` would refer to"):
        migrate(tmp_path, shop.environ, None)
    make_project(tmp_path, make_chain(made, "pass"))
    migrate(tmp_path, shop.environ, None)
    assert shop.run("SELECT version_num FROM alembic_version") == [("r2",)]


def test_it_is_told_which_rows_refer_to_nothing_now(tmp_path: Path) -> None:
    """One that is mended makes up for none in another table, but for one renamed."""
    made = MADE.format("CASCADE")
    made += """
    op.execute("CREATE TABLE other (p REFERENCES parent (id))")
    op.execute("INSERT INTO other VALUES (1)")"""
    make_project(tmp_path, make_chain(made), url="sqlite:///shop.db")
    shop = Shop.open(tmp_path)
    shop.reset()
    shop.run("UPDATE child SET p = 7")
    mended = """op.execute("UPDATE child SET p = NULL")
    op.execute("DELETE FROM parent")"""
    make_project(tmp_path, make_chain(made, mended))
    with pytest.raises(SceneshiftError, match="row 1 of `other` would refer to a row"):
        migrate(tmp_path, shop.environ, None)
    renamed = 'op.execute("ALTER TABLE child RENAME TO kid")'
    make_project(tmp_path, make_chain(made, renamed))
    migrate(tmp_path, shop.environ, None)
    assert shop.run("SELECT p FROM kid") == [(7,)]
