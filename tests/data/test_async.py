"""A project as `alembic init -t async` makes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.config import Config

from resetting import ServerShop, Shop
from sceneshift.data.drift import check
from sceneshift.data.lint.command import LintRequest, lint
from sceneshift.data.migrate import migrate_all
from sceneshift.data.new import NewRequest, new
from sceneshift.data.seeding.command import SeedRequest, seed
from sceneshift.data.target import Request

if TYPE_CHECKING:
    from pathlib import Path

    from postgresql import Server

MODELS = """\
from sqlalchemy import Column, Integer, MetaData, Table, Text

metadata = MetaData()
Table("users", metadata, Column("id", Integer, primary_key=True))
"""
PROJECT = """\
[tool.sceneshift.environments.development]
databases = {{ default = "{url}" }}
dataset = "small"

[tool.sceneshift.databases.default]
alembic = "alembic.ini"
seeds = "seeds"
"""


def make(root: Path, url: str) -> None:
    """Write the project."""
    config = Config(root / "alembic.ini", stdout=(root / "said").open("w"))
    command.init(config, str(root / "migrations"), template="async")
    config.stdout.close()
    env = root / "migrations/env.py"
    named = "from models import metadata as target_metadata"
    env.write_text(env.read_text().replace("target_metadata = None", named))
    (root / "models.py").write_text(MODELS)
    (root / "seeds/small").mkdir(parents=True)
    (root / "seeds/small/users.json").write_text('[{"id": 1}, {"id": 2}]')
    (root / "pyproject.toml").write_text(PROJECT.format(url=url))


def ask(shop: Shop, kind: type[Any], **options: Any) -> Any:
    """Return a request for its only database."""
    return kind(
        root=shop.root,
        environ=shop.environ,
        environment="development",
        is_confirmed=True,
        as_json=True,
        **options,
    )


def begin(shop: Shop) -> None:
    """Reset it by its first migration, and write the next one."""
    new(ask(shop, NewRequest, message="Begin"))
    assert shop.reset().snapshot.rows == {"users": 2}
    column = 'Column("id", Integer, primary_key=True), Column("name", Text)'
    models = MODELS.replace('Column("id", Integer, primary_key=True)', column)
    (shop.root / "models.py").write_text(models)
    new(ask(shop, NewRequest, message="Name them"))


def test_all_is_done_with_an_asynchronous_driver_of_sqlite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file that Alembic has made names no address at all."""
    make(tmp_path, "sqlite+aiosqlite:///shop.db")
    shop = Shop.open(tmp_path)
    begin(shop)
    migrate_all(ask(shop, Request))
    shop.run("DELETE FROM users WHERE id = 2")
    seed(ask(shop, SeedRequest))
    assert shop.run("SELECT id, name FROM users ORDER BY id") == [(1, None), (2, None)]
    capsys.readouterr()
    check(ask(shop, Request))
    (row,) = json.loads(capsys.readouterr().out)["databases"]
    assert [each["is_good"] for each in row["findings"]] == [True, True, True]


@pytest.mark.needs("postgresql")
def test_a_database_of_postgresql_is_reached_by_asyncpg(
    tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """By Alembic; what seeds, and puts it in place, takes psycopg."""
    name = server.make()
    make(tmp_path, server.url(name, "asyncpg"))
    shop = ServerShop.open_on(tmp_path, server, name)
    begin(shop)
    capsys.readouterr()
    lint(ask(shop, LintRequest))
    (row,) = json.loads(capsys.readouterr().out)["databases"]
    assert (row["revisions"], row["findings"]) == (1, [])
    assert shop.tables() == ["users"]
