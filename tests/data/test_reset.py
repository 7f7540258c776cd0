from __future__ import annotations

import contextlib
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from migrating import READING
from resetting import Shop
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.backups.parted import let_go
from sceneshift.data.target import load_targets

if TYPE_CHECKING:
    from pathlib import Path

IMPORTING = "import models\n" + READING


@pytest.mark.cold
def test_a_database_is_made_as_the_code_makes_it(tmp_path: Path) -> None:
    """And the next time not built: nothing runs."""
    shop = Shop(tmp_path, "a", "b")
    built = shop.reset()
    assert (built.is_built, shop.ran(), shop.tables()) == (True, ["a", "b"], ["a", "b"])
    shop.run("INSERT INTO a VALUES (2)")
    again = shop.reset()
    assert (again.is_built, shop.ran()) == (False, [])
    assert again.snapshot == built.snapshot
    assert shop.run("SELECT id FROM a") == [(1,)]
    assert dict(again.snapshot.rows) == {"a": 1, "b": 1}


def test_a_new_migration_runs_alone(tmp_path: Path) -> None:
    """On what those before it have made; so does what is left on another branch."""
    shop = Shop(tmp_path, "a", "b")
    shop.reset()
    shop.ran()
    shop.write("a", "b", "c", "d")
    assert shop.reset().is_built
    assert (shop.ran(), shop.tables()) == (["c", "d"], ["a", "b", "c", "d"])
    (shop.root / "migrations/versions/r4.py").unlink()
    assert shop.reset().is_built
    assert (shop.ran(), shop.tables()) == (["c"], ["a", "b", "c"])
    shop.write("a", "b", "c", "d")
    assert not shop.reset().is_built  # back on the other branch


def test_an_edited_migration_has_all_after_it_run(tmp_path: Path) -> None:
    """What comes before it is not to be run again, where that is kept."""
    shop = Shop(tmp_path, "a")
    shop.reset()
    shop.write("a", "b", "c")
    shop.reset()
    shop.ran()
    shop.write("a", "b", "c", b="print()")
    shop.reset()
    assert shop.ran() == ["b", "c"]


def test_models_matter_to_the_whole_but_not_to_what_was_migrated(
    tmp_path: Path,
) -> None:
    """They mostly change together with a new migration."""
    (tmp_path / "models.py").write_text("A = 1\n")
    shop = Shop(tmp_path, "a", env=IMPORTING)
    shop.reset()
    shop.ran()
    (tmp_path / "models.py").write_text("A = 2\n")
    assert shop.reset().is_built
    assert shop.ran() == []
    assert not shop.reset().is_built


@pytest.mark.parametrize(
    ("models", "does"),
    [
        ("naming_convention = {0}\n", "pass"),  # by SQLAlchemy, in each migration
        ("A = {0}\n", "import models"),
    ],
)
def test_models_that_migrations_depend_on_matter(
    tmp_path: Path, models: str, does: str
) -> None:
    """Then everything runs again."""
    path = tmp_path / "models.py"
    path.write_text(models.format(1))
    shop = Shop(tmp_path, "a", env=IMPORTING)
    revision = tmp_path / "migrations/versions/r1.py"
    text = revision.read_text()
    revision.write_text(text if does == "pass" else f"{does}\n{text}")
    shop.reset()
    shop.ran()
    path.write_text(models.format(2))
    shop.reset()
    assert shop.ran() == ["a"]


@pytest.mark.cold
def test_what_a_migration_reads_matters(tmp_path: Path) -> None:
    """A file of data, one that is not there, a folder, a variable of the project."""
    look = (
        "import os; "
        "open('data.csv').read(); os.path.exists('x'); os.listdir('more'); "
        "os.environ.get('LEVEL'); "
        "exec('try: open(\"none.csv\")\\nexcept OSError: pass')"
    )
    (tmp_path / "data.csv").write_text("1")
    (tmp_path / "more").mkdir()
    shop = Shop(tmp_path)
    shop.write("a", a=look)
    with (tmp_path / "pyproject.toml").open("a") as file:
        file.write('env = { LEVEL = "1", OTHER = "1" }\n')
    shop.reset()
    assert shop.ran() == ["a"]
    for path, text in (
        ("data.csv", "2"),
        ("none.csv", ""),
        ("more/one", ""),
        ("pyproject.toml", (tmp_path / "pyproject.toml").read_text().replace(
            'LEVEL = "1"', 'LEVEL = "2"'
        )),
    ):  # fmt: skip
        (tmp_path / path).write_text(text)
        assert shop.reset().is_built, path
        assert shop.ran() == ["a"], path
        assert not shop.reset().is_built, path
    text = (tmp_path / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(text.replace('OTHER = "1"', 'OTHER = "2"'))
    assert not shop.reset().is_built


def test_rebuild_uses_nothing_that_is_kept(tmp_path: Path) -> None:
    """For what nobody can know of."""
    shop = Shop(tmp_path, "a")
    shop.reset()
    assert shop.reset(is_rebuilt=True).is_built
    assert shop.ran() == ["a", "a"]


@pytest.mark.parametrize("does", ["1 / 0", "os._exit(3)", "print(op.nothing)"])
def test_a_migration_that_fails_leaves_all_as_it_was(tmp_path: Path, does: str) -> None:
    """The next one, mended, begins where the last good state was."""
    shop = Shop(tmp_path, "a")
    shop.reset()
    shop.run("INSERT INTO a VALUES (2)")
    shop.write("a", "b", b=f"import os; {does}")
    with pytest.raises(SceneshiftError, match="the migration of `default` failed"):
        shop.reset()
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    assert list((tmp_path / ".sceneshift/data").glob("*/drafts/*")) == []
    shop.ran()
    shop.write("a", "b")
    shop.reset()
    assert shop.ran() == ["b"]


def test_two_heads_are_refused(tmp_path: Path) -> None:
    """With what makes one of them."""
    shop = Shop(tmp_path, "a", "b")
    text = (tmp_path / "migrations/versions/r2.py").read_text()
    (tmp_path / "migrations/versions/r3.py").write_text(text.replace("r2", "r3"))
    with pytest.raises(SceneshiftError) as caught:
        shop.reset()
    assert caught.value.message == "`default` has several heads: r2, r3"
    assert caught.value.hint == "make one of them: inv data.merge"


def test_a_change_is_taken_back_and_made_again(tmp_path: Path) -> None:
    """Step by step, to the beginning and to the end."""
    shop = Shop(tmp_path, "a")
    shop.run("CREATE TABLE mine (id)")
    shop.reset()
    shop.run("INSERT INTO a VALUES (2)")
    shop.reset()
    shop.run("INSERT INTO a VALUES (3)")
    shop.undo()
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    shop.undo()
    assert shop.tables() == ["mine"]
    with pytest.raises(SceneshiftError, match="can be taken back"):
        shop.undo()
    shop.undo(is_redo=True)
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    shop.undo(is_redo=True)
    assert shop.run("SELECT id FROM a") == [(1,), (3,)]
    with pytest.raises(SceneshiftError, match="can be made again"):
        shop.undo(is_redo=True)


def test_what_was_there_first_may_be_nothing(tmp_path: Path) -> None:
    """Then taking it back leaves an empty database."""
    shop = Shop(tmp_path, "a")
    shop.reset()
    shop.undo()
    assert shop.tables() == []
    shop.undo(is_redo=True)
    assert shop.tables() == ["a"]


def test_the_last_three_changes_can_be_taken_back(tmp_path: Path) -> None:
    """What is older goes, and so does what another way was taken from."""
    shop = Shop(tmp_path, "a")
    for number in range(5):
        shop.reset()
        shop.insert("a", number + 10)
    assert len(shop.status()["undo"]) == 3
    shop.undo()
    shop.undo()
    assert shop.run("SELECT id FROM a") == [(1,), (12,)]
    shop.reset()
    with pytest.raises(SceneshiftError, match="can be made again"):
        shop.undo(is_redo=True)
    (target,) = load_targets(shop.root, shop.environ)
    let_go(target)
    kept = list((tmp_path / ".sceneshift/data").glob("*/former/*"))
    assert len(kept) == len(shop.status()["undo"]) == 2


def test_who_works_with_it_sees_the_old_or_the_new(tmp_path: Path) -> None:
    """Never an error, and never a part of each."""
    shop = Shop(tmp_path, "a", "b")
    shop.reset()
    shop.run("PRAGMA journal_mode = WAL")
    over, seen, errors = threading.Event(), set(), []

    def read() -> None:
        with contextlib.closing(sqlite3.connect(shop.file, timeout=30)) as connection:
            while not over.is_set():
                try:
                    # One statement sees one state; each row of `a` has one in `b`.
                    look = "SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)"
                    seen.add(connection.execute(look).fetchone())
                except sqlite3.Error as error:
                    errors.append(error)

    def write() -> None:
        with contextlib.closing(sqlite3.connect(shop.file, timeout=30)) as connection:
            while not over.is_set():
                try:
                    with connection:
                        connection.execute("INSERT INTO a VALUES (2)")
                        connection.execute("INSERT INTO b VALUES (2)")
                except sqlite3.Error as error:
                    errors.append(error)

    threads = [threading.Thread(target=each) for each in (read, read, write)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            shop.reset()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert all(a == b for a, b in seen)
    assert len(shop.status()["undo"]) == 3
