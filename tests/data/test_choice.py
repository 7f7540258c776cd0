"""Resets to a dataset."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from resetting import ServerShop, Shop
from sceneshift.core.errors import RefusedError, SceneshiftError, UsageError
from sceneshift.data.choice import choose
from sceneshift.data.target import load_targets

if TYPE_CHECKING:
    from pathlib import Path

    from postgresql import Server

TABLE = "CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT)"
PROGRAM = """\
from words import NAME

def seed(context):
    open("seeded", "a").write("x")
    context.load("a", [{"id": 3, "name": NAME}])
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return a project with a dataset that needs another."""
    made = Shop(tmp_path)
    made.write("x", x=f"op.execute({TABLE!r})")
    add(made, "seeds/base/a.csv", "id,name\n1,one\n")
    add(made, "seeds/more/1.py", PROGRAM)
    add(made, "seeds/more/dataset.toml", 'needs = ["base"]\n')
    add(made, "words.py", "NAME = 'three'\n")
    with (tmp_path / "pyproject.toml").open("a") as file:
        file.write('dataset = "more"\n')
    return made


def add(shop: Shop, name: str, text: str) -> None:
    """Write a file of the project."""
    path = shop.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def has_seeded(shop: Shop) -> bool:
    """Say whether the dataset was applied since this was asked last."""
    path = shop.root / "seeded"
    is_there = path.exists()
    path.unlink(missing_ok=True)
    return is_there


def test_a_reset_is_to_the_dataset_of_the_environment(shop: Shop) -> None:
    """With what it needs; the next time nothing runs."""
    built = shop.reset()
    assert (built.is_built, has_seeded(shop), shop.ran()) == (True, True, ["x"])
    assert shop.run("SELECT * FROM a") == [(1, "one"), (3, "three")]
    assert dict(built.snapshot.rows) == {"a": 2, "x": 1}
    shop.run("DELETE FROM a")
    again = shop.reset()
    assert (again.is_built, has_seeded(shop), shop.ran()) == (False, False, [])
    assert shop.run("SELECT count(*) FROM a") == [(2,)]
    assert shop.status()["snapshot"]["dataset"] == "more"


@pytest.mark.needs("postgresql")
def test_postgresql_is_filled_too(tmp_path: Path, server: Server) -> None:
    """In a draft beside it, and found again."""
    shop = ServerShop(tmp_path, server=server)
    shop.write("x", x=f"op.execute({TABLE!r})")
    add(shop, "seeds/more/1.py", PROGRAM)
    add(shop, "words.py", "NAME = 'three'\n")
    built = shop.reset(dataset="more")
    assert (built.is_built, has_seeded(shop)) == (True, True)
    assert shop.run("SELECT * FROM a") == [(3, "three")]
    shop.run("INSERT INTO a VALUES (7, 'mine')")
    assert not shop.reset(dataset="more").is_built
    assert shop.run("SELECT id FROM a") == [(3,)]
    shop.undo()
    assert shop.run("SELECT id FROM a ORDER BY id") == [(3,), (7,)]
    assert not shop.beside("b")


def test_another_one_may_be_named(shop: Shop) -> None:
    """The schema below it is not built again."""
    shop.reset()
    shop.ran()
    built = shop.reset(dataset="base")
    assert (built.is_built, shop.ran()) == (True, [])
    assert shop.run("SELECT * FROM a") == [(1, "one")]
    with pytest.raises(UsageError) as caught:
        shop.reset(dataset="more2")
    assert caught.value.message == "there is no dataset `more2`"
    assert caught.value.hint == "did you mean `more`?"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("seeds/base/a.csv", "id,name\n2,two\n"),
        ("seeds/more/1.py", PROGRAM.replace("3", "4")),
        ("seeds/more/2.sql", "INSERT INTO a VALUES (9, 'nine');\n"),
        ("words.py", "NAME = 'tres'\n"),
    ],
)
def test_what_it_is_made_from_matters_and_nothing_else(
    shop: Shop, name: str, text: str
) -> None:
    """Its files, those of what it needs, and what its programs import."""
    before = shop.reset().snapshot.id
    shop.ran()
    add(shop, "other.py", "x = 1\n")
    assert not shop.reset().is_built
    add(shop, name, text)
    done = shop.reset()
    assert (done.is_built, shop.ran()) == (True, [])  # the schema is what it was
    assert done.snapshot.id != before
    assert not shop.reset().is_built


def test_a_new_migration_has_the_dataset_applied_to_its_schema(shop: Shop) -> None:
    """That alone is run, and the dataset again."""
    shop.reset()
    shop.ran()
    has_seeded(shop)
    shop.write("x", "y", x=f"op.execute({TABLE!r})")
    assert shop.reset().is_built
    assert (shop.ran(), has_seeded(shop)) == (["y"], True)


def test_one_that_fails_leaves_all_as_it_was(shop: Shop) -> None:
    """The database, and no half of a snapshot."""
    shop.reset()
    shop.run("INSERT INTO a VALUES (7, 'mine')")
    add(shop, "seeds/more/2.sql", "INSERT INTO nowhere VALUES (1);\n")
    with pytest.raises(SceneshiftError, match="nowhere"):
        shop.reset()
    assert shop.run("SELECT count(*) FROM a") == [(3,)]
    left = [each.name for each in shop.root.glob(".sceneshift/data/*/drafts/*")]
    assert left == []


def test_one_that_is_not_for_the_environment_is_refused(shop: Shop) -> None:
    """By its own policy, whatever is asked for."""
    add(shop, "seeds/more/dataset.toml", 'environments = ["staging"]\n')
    with pytest.raises(RefusedError, match="the dataset `more` is not for"):
        shop.reset()
    assert not shop.file.exists()


@pytest.mark.parametrize(
    ("name", "text", "is_daily"),
    [
        ("seeds/more/2.py", "def seed(context):\n    pass\n", False),
        ("seeds/more/2.py", "def seed(context):\n    context.now\n", True),
        (
            "seeds/base/dataset.toml",
            "[dates]\nanchor = 2026-01-01T00:00:00Z\ncolumns = {a = ['name']}\n",
            True,
        ),
    ],
)
def test_what_asks_for_the_day_is_another_tomorrow(
    shop: Shop, name: str, text: str, *, is_daily: bool
) -> None:
    """Dates that look recent would not, else; what asks for none is kept."""
    add(shop, name, text)
    (target,) = load_targets(shop.root, shop.environ)
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    times = (now, now + timedelta(hours=1), now + timedelta(days=1))
    first, same, next_day = (choose(target, None, each) for each in times)
    assert first is not None
    assert same is not None
    assert next_day is not None
    assert first.digest == same.digest
    assert (first.digest != next_day.digest) is is_daily
