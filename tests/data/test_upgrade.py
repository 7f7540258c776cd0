from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import alembic
import pytest

from migrating import make_chain, make_project
from sceneshift.core.databases import Database
from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.data.scripts import read_scripts
from sceneshift.data.upgrade import Upgrade, find_reason

pytestmark = pytest.mark.cold


def make(root: Path, url: str = "sqlite:///a.db", **env: str) -> Upgrade:
    """Return what is to be run, in a project whose migrations are read."""
    database = Database(name="default", url=url)
    (root / "logs").mkdir()
    return Upgrade(
        root=root,
        scripts=read_scripts(root, Path("alembic.ini")),
        database=database,
        env=dict(os.environ) | {"DATABASE_URL": url} | env,
        log=root / "logs" / "x.log",
    )


def test_all_variables_that_name_a_file_name_the_copy(tmp_path: Path) -> None:
    """Each with its own driver and options; others are as they were."""
    make_project(tmp_path, {})
    upgrade = make(
        tmp_path,
        "sqlite+aiosqlite:///a%20b.db?timeout=3",
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path}/a%20b.db",
        OTHER="sqlite:///c.db",
        NAME="sqlite",
    )
    aimed = upgrade.aim(Path("/x/50%?.db"))
    assert aimed.env["DATABASE_URL"] == "sqlite+aiosqlite:////x/50%25%3F.db?timeout=3"
    assert aimed.env["SQLALCHEMY_DATABASE_URI"] == "sqlite:////x/50%25%3F.db"
    assert aimed.env["OTHER"] == "sqlite:///c.db"
    assert aimed.env["NAME"] == "sqlite"
    assert aimed.database.find_file(tmp_path) == Path("/x/50%?.db")
    assert upgrade.env["OTHER"] == aimed.env["OTHER"]


def test_a_file_that_a_uri_names_is_named_by_one_again(tmp_path: Path) -> None:
    """SQLite reads that a second time."""
    make_project(tmp_path, {})
    url = "sqlite:///file:a.db?mode=rw&uri=true"
    aimed = make(tmp_path, url, OTHER=f"sqlite:///{tmp_path}/a.db").aim(Path("/x/5%?"))
    assert aimed.database.url == "sqlite:///file:/x/5%2525%253F?mode=rw&uri=true"
    assert aimed.database.find_file(tmp_path) == Path("/x/5%?")
    assert aimed.env["OTHER"] == "sqlite:////x/5%25%3F"


def test_what_it_says_is_kept_without_passwords(tmp_path: Path) -> None:
    """In the state folder, which is the user's alone."""
    says = "print('at postgresql://u:s3cret@h/d')"
    make_project(tmp_path, make_chain(says))
    upgrade = make(tmp_path, f"sqlite:///{tmp_path}/a.db")
    said = upgrade.run()
    assert said == "at postgresql://u:***@h/d\n"
    assert upgrade.log.read_text() == said


def test_a_program_can_tell_that_it_is_alembic(tmp_path: Path) -> None:
    """By the name that it was called by, as some do."""
    make_project(tmp_path, make_chain("import sys; print(sys.argv[0])"))
    assert make(tmp_path, f"sqlite:///{tmp_path}/a.db").run() == "alembic\n"


def test_what_alembic_imports_is_never_searched_for_garbage(tmp_path: Path) -> None:
    """What migrations make is, as ever."""
    says = "import gc; print(gc.isenabled(), gc.get_freeze_count() > 10_000)"
    make_project(tmp_path, make_chain(says))
    assert make(tmp_path, f"sqlite:///{tmp_path}/a.db").run() == "True True\n"


def test_a_failure_is_told_by_its_line(tmp_path: Path) -> None:
    """And where the rest is."""
    make_project(tmp_path, make_chain("op.execute('SELECT * FROM gone')"))
    upgrade = make(tmp_path, f"sqlite:///{tmp_path}/a.db")
    with pytest.raises(SceneshiftError) as caught:
        upgrade.run()
    assert caught.value.message == (
        "the migration of `default` failed: sqlalchemy.exc.OperationalError: "
        "(sqlite3.OperationalError) no such table: gone"
    )
    assert caught.value.hint == "all that it said: cat logs/x.log"
    assert "Traceback" in upgrade.log.read_text()


def test_what_the_system_ends_is_told_by_its_signal(tmp_path: Path) -> None:
    """For want of memory, say: what it said last is no reason."""
    make_project(
        tmp_path, make_chain("import os; print('hello'); os.kill(os.getpid(), 9)")
    )
    with pytest.raises(SceneshiftError, match=r"failed: signal 9 ended it$"):
        make(tmp_path, f"sqlite:///{tmp_path}/a.db").run()


@pytest.mark.parametrize("address", ["", "sqlalchemy.url = sqlite:///other.db\n"])
def test_a_package_of_alembic_s_name_may_be_in_the_project(
    tmp_path: Path, address: str
) -> None:
    """The folder that `alembic init alembic` makes, with an `__init__.py`."""
    make_project(tmp_path, make_chain("import alembic; print(alembic.__version__)"))
    (tmp_path / "migrations").rename(tmp_path / "alembic")
    (tmp_path / "alembic" / "__init__.py").touch()
    ini = tmp_path / "alembic.ini"
    ini.write_text(ini.read_text().replace("migrations", "alembic") + address)
    said = make(tmp_path, f"sqlite:///{tmp_path}/a.db").run()
    assert said == f"{alembic.__version__}\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it said nothing"),
        ("a\n  b\n\n", "b"),
        ("FAILED: Can't locate revision\nmore", "FAILED: Can't locate revision"),
        ("KeyError: 'x'\n[SQL: SELECT]\n(Background on this: x)", "KeyError: 'x'"),
        ("a.B_1.CustomException\nthen", "a.B_1.CustomException"),
        ("x\nSystemExit: 3", "SystemExit: 3"),
        ("ImportError: a\n\nImportError: b\n", "ImportError: b"),
        ("No errors: Error here\nlast", "last"),
    ],
)
def test_the_line_that_says_why_is_found(text: str, reason: str) -> None:
    """It is the last one only where nothing looks like an error."""
    assert find_reason(text) == reason


@pytest.mark.parametrize("where", [".venv", "other"])
@pytest.mark.parametrize("name", ["alembic", "'alembic'"])
def test_the_project_s_own_python_runs_it(
    tmp_path: Path, where: str, name: str
) -> None:
    """With what that has installed."""
    make_project(tmp_path, {})
    python = tmp_path / where / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "No module named {name}" >&2; exit 1\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(ComponentError) as caught:
        make(tmp_path, VIRTUAL_ENV=str(tmp_path / where)).run()
    assert caught.value.component == "alembic"
    assert caught.value.hint == f"install it: {python} -m pip install alembic"


def test_without_one_it_is_ours(tmp_path: Path) -> None:
    """Which has Alembic."""
    make_project(tmp_path, make_chain("import sys; print(sys.executable)"))
    upgrade = make(tmp_path, f"sqlite:///{tmp_path}/a.db", VIRTUAL_ENV="")
    assert upgrade.run() == f"{sys.executable}\n"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("sqlite+aiosqlite:///x.db", "sqlite+aiosqlite:///a.db"),
        ("driver://user:pass@localhost/dbname", "sqlite:///a.db"),
        ("postgresql://h/d", "sqlite:///a.db"),
    ],
)
def test_the_address_in_the_file_gives_the_driver_alone(
    tmp_path: Path, written: str, expected: str
) -> None:
    """The database is the environment's."""
    make_project(tmp_path, {})
    assert make(tmp_path)._choose_url(written) == expected
