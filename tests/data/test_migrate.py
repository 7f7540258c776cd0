from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from resetting import Shop
from sceneshift.core.errors import (
    BusyError,
    RefusedError,
    SceneshiftError,
    UsageError,
)
from sceneshift.data.migrate import migrate_all
from sceneshift.data.migrations import migrate as apply
from sceneshift.data.status import show_status
from sceneshift.data.target import Request

if TYPE_CHECKING:
    from pathlib import Path


def migrate(shop: Shop, to: str | None = None, **options: object) -> None:
    """Apply what is pending."""
    request = Request(
        root=shop.root,
        environ=shop.environ,
        **options,  # type: ignore[arg-type]
    )
    migrate_all(request, to=to)


def test_what_is_pending_is_applied_and_taken_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With all that was written before it."""
    shop = Shop(tmp_path, "a")
    migrate(shop)
    shop.insert("a", 2)
    shop.write("a", "b", "c")
    capsys.readouterr()
    migrate(shop, is_dry=True)
    said = "migrate default: r2 Do r2\nmigrate default: r3 Do r3\n"
    assert capsys.readouterr().out == said
    migrate(shop)
    said = capsys.readouterr().err
    assert said.startswith("done: default: 2 migrations applied: r2 Do r2, r3 Do r3\n")
    assert said.endswith("take it back: inv data.undo\n")
    assert shop.tables() == ["a", "b", "c"]
    assert shop.status()["undo"][0]["change"] == "2 migrations from `r2 Do r2` on"
    shop.undo()
    assert (shop.tables(), shop.run("SELECT id FROM a")) == (["a"], [(1,), (2,)])
    shop.undo(is_redo=True)
    assert shop.tables() == ["a", "b", "c"]
    capsys.readouterr()
    migrate(shop)
    assert capsys.readouterr().err == "nothing was pending\n"


def test_a_migration_that_fails_is_no_change(tmp_path: Path) -> None:
    """What was there before is what can be taken back still."""
    shop = Shop(tmp_path, "a")
    migrate(shop)
    before = shop.status()["undo"]
    shop.write("a", "b", b="1 / 0")
    with pytest.raises(SceneshiftError, match="division by zero"):
        migrate(shop)
    assert shop.tables() == ["a"]
    assert shop.status()["undo"] == before
    assert len(list(tmp_path.glob(".sceneshift/data/*/former/*"))) == len(before)


def test_a_file_of_somebody_else_is_migrated_and_not_marked(tmp_path: Path) -> None:
    """Whose it is, it does not say, and a reset goes on asking."""
    root, elsewhere = tmp_path / "shop", tmp_path / "data.db"
    root.mkdir()
    shop = Shop(root, "a")
    text = (root / "pyproject.toml").read_text()
    (root / "pyproject.toml").write_text(
        text.replace("sqlite:///shop.db", f"sqlite:///{elsewhere}")
    )
    shop.file = elsewhere
    migrate(shop)
    assert shop.tables() == ["a"]
    look = "SELECT count(*) FROM sqlite_master WHERE type = 'view'"
    assert shop.run(look) == [(0,)]
    assert shop.status()["undo"] == []


def test_a_protected_environment_is_confirmed(tmp_path: Path) -> None:
    """Its name is typed, or it takes `--yes`."""
    shop = Shop(tmp_path, "a")
    with (tmp_path / "pyproject.toml").open("a") as file:
        file.write("protected = true\n")
    with pytest.raises(RefusedError):
        migrate(shop)
    migrate(shop, is_confirmed=True)
    assert shop.tables() == ["a"]


def test_a_database_without_migrations_is_told(tmp_path: Path) -> None:
    """With what would say where they are."""
    shop = Shop(tmp_path, "a")
    (tmp_path / "alembic.ini").unlink()
    with pytest.raises(SceneshiftError) as caught:
        migrate(shop)
    assert caught.value.message == "`default` has no migrations"


def test_another_branch_is_told_in_plain_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what puts this one's state in place; and whether that is at hand."""
    shop = Shop(tmp_path, "a")
    shop.reset()
    shop.write("a", "b")
    shop.reset()
    (tmp_path / "migrations/versions/r2.py").unlink()
    capsys.readouterr()
    show_status(Request(root=shop.root, environ=shop.environ, as_json=False))
    said = capsys.readouterr()
    assert "r2, which this branch does not know" in said.out
    assert said.err == (
        "default: it is at `r2`, which no file here has: another branch of git made "
        "it\ndefault: inv data.reset puts what this branch makes in its place, at "
        "once\n"
    )
    show_status(Request(root=shop.root, environ=shop.environ, as_json=True))
    (row,) = json.loads(capsys.readouterr().out)["databases"]
    assert row["unknown"] == ["r2"]
    shop.reset()
    assert shop.tables() == ["a"]
    shop.write("a", "b")
    assert shop.status()["pending"] == ["r2 Do r2"]


def drop_on_the_way_down(shop: Shop, *tables: str) -> None:
    """Have revisions undo what they do."""
    for number, table in enumerate(tables, 1):
        path = shop.root / f"migrations/versions/r{number}.py"
        head, mark, _ = path.read_text().rpartition("    pass")
        assert mark
        path.write_text(f'{head}    op.execute("DROP TABLE {table}")\n')


def test_a_revision_is_gone_to_and_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Up and down, with what is done told before; a downgrade is confirmed."""
    shop = Shop(tmp_path, "a", "b", "c")
    drop_on_the_way_down(shop, "a", "b", "c")
    migrate(shop, "+2")
    assert shop.tables() == ["a", "b"]
    shop.insert("b", 2)
    capsys.readouterr()
    migrate(shop, "-1", is_dry=True, as_json=True)
    action = {"action": "downgrade", "database": "default", "revisions": ["r2 Do r2"]}
    assert json.loads(capsys.readouterr().out) == {"actions": [action]}
    with pytest.raises(RefusedError) as caught:
        migrate(shop, "-1")
    assert caught.value.message == (
        "this downgrades `shop.db` of development, and nobody can be asked here: it "
        "holds 3 rows: b 2, a 1"
    )
    assert caught.value.hint == (
        "confirm it: inv data.migrate --to -1 --yes --env development"
    )
    confirmed = {"environment": "development", "is_confirmed": True}
    migrate(shop, "-1", **confirmed)
    said = capsys.readouterr().err
    assert "done: default: 1 migration undone: r2 Do r2\n" in said
    assert shop.tables() == ["a"]
    assert shop.status()["undo"][0]["change"] == "downgrade to r1"
    shop.undo()
    assert shop.run("SELECT id FROM b") == [(1,), (2,)]
    migrate(shop, "r2", **confirmed)
    assert capsys.readouterr().err.endswith("nothing was pending\n")


def test_what_cannot_be_gone_to_is_told(tmp_path: Path) -> None:
    """A revision that is not there, and one of several databases."""
    shop = Shop(tmp_path, "a")
    with pytest.raises(UsageError, match="there is no revision `zz`"):
        migrate(shop, "zz")
    with (tmp_path / "pyproject.toml").open("a") as file:
        for name in ("default", "other"):
            file.write(f'[tool.sceneshift.databases.{name}]\nalembic = "alembic.ini"\n')
    toml = tmp_path / "pyproject.toml"
    one, two = ('default = "sqlite:///shop.db"', 'other = "sqlite:///other.db"')
    toml.write_text(toml.read_text().replace(one, f"{one}, {two}"))
    with pytest.raises(UsageError) as caught:
        migrate(shop, "base")
    assert caught.value.hint == "name one: --database default"


def test_a_downgrade_that_no_undo_takes_back_is_not_done(tmp_path: Path) -> None:
    """Whoever wants it all the same has Alembic for it."""
    shop = Shop(tmp_path / "shop", "a")
    toml = shop.root / "pyproject.toml"
    shop.file = tmp_path / "other.db"
    toml.write_text(
        toml.read_text().replace("sqlite:///shop.db", f"sqlite:///{shop.file}")
    )
    migrate(shop)
    with pytest.raises(SceneshiftError) as caught:
        apply(shop.root, shop.environ, None, to="base", is_guarded=True)
    assert caught.value.message == (
        "`default` is as it was, for no undo could take its downgrade back: it does "
        "not say whose it is (make it this one's: inv data.claim)"
    )
    assert caught.value.hint == (
        "mend that, or let Alembic do it by itself: alembic -c alembic.ini downgrade "
        "base"
    )
    with pytest.raises(BusyError, match="by another command just now"):
        apply(shop.root, shop.environ, None, to="base")
    assert shop.tables() == ["a"]
