from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from migrating import TABLE
from postgresql import require_password
from support import wait_until

if TYPE_CHECKING:
    from postgresql import Server
    from stacks import Project

ODD = r"""p:a\ss '"#%@/w ö"""
QUOTED = "p%3Aa%5Css%20%27%22%23%25%40%2Fw%20%C3%B6"
# What it was started with, and what its files say.
FAKE = f"""\
#!{sys.executable}
import json, os, sys
files = [word.partition("=")[2] for word in sys.argv[1:] if "-file=" in word]
print(json.dumps([sys.argv[1:], [open(path).read() for path in files]]))
print(json.dumps([oct(os.stat(path).st_mode) for path in files]))
raise SystemExit(7)
"""


def configure(project: Project, url: str, more: str = "") -> None:
    """Give the project a database."""
    project.write({"pyproject.toml": TABLE.format(url=url) + more})


def put_fake(project: Project, name: str) -> None:
    """Put a program before all others, which tells what it gets."""
    project.write({f"bin/{name}": FAKE})
    (project.root / "bin" / name).chmod(0o755)
    project.env["PATH"] = f"{project.root}/bin{os.pathsep}{project.env['PATH']}"


def list_secrets(*pids: int) -> list[str]:
    """Return what everybody, or a child, could read of processes."""
    texts = []
    for pid in pids:
        texts += [Path(f"/proc/{pid}/{each}") for each in ("cmdline", "environ")]
    return [each.read_bytes().decode(errors="replace") for each in texts]


@pytest.mark.needs("postgresql")
def test_psql_gets_a_password_that_nobody_reads(
    server: Server, project: Project
) -> None:
    """Neither in its arguments, nor in a variable, nor in a file with a name."""
    require_password(server, "shell", ODD)
    url = server.url(driver="asyncpg").replace("postgres@", f"shell:{QUOTED}@")
    configure(project, url)
    project.env |= {"PGPASSWORD": "other", "PGSERVICE": "none", "PGUSER": "no"}
    done = project.inv("data.shell", "--", "-Atc", "SELECT current_user || '  x'")
    assert (done.returncode, done.stdout) == (0, "shell  x\n"), done.stderr
    terminal = project.start_in_terminal("data.shell", "--", "-XP", "pager=off")
    terminal.type(b"select 'up' || 'on';\n")
    terminal.wait_for("upon")
    said = list_secrets(terminal.process.pid)
    assert "psql" in said[0]
    assert not [each for each in said if "p:a" in each or "other" in each]
    terminal.type(b"\\c postgres\n")  # it connects once more
    terminal.wait_for("You are now connected")
    terminal.type(b"\\q\n")
    assert terminal.wait() == 0


@pytest.mark.needs("postgresql")
def test_exit_code_and_signals_are_the_clients(
    server: Server, project: Project
) -> None:
    """For it has taken the command's place."""
    configure(project, server.url(driver="psycopg"))
    failed = project.inv("data.shell", "--", "-v", "ON_ERROR_STOP=1", stdin="SELECT x;")
    assert (failed.returncode, failed.stdout) == (3, "")
    terminal = project.start_in_terminal("data.shell", "--", "-X")
    terminal.type(b"select 'up' || 'on', pg_sleep(300);\n")
    look = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'select ''up''%'"
    wait_until(lambda: server.run("postgres", look))
    terminal.type(b"\x03")  # ends the statement, not the client
    terminal.wait_for("canceling statement due to user request")
    terminal.process.send_signal(signal.SIGKILL)
    assert terminal.wait() == -signal.SIGKILL


@pytest.mark.needs("sqlite3")
def test_sqlite3_opens_the_file(project: Project) -> None:
    """With more arguments; one that is not there is not made."""
    configure(project, "sqlite+aiosqlite:///a b.db")
    said = project.refuse("data.shell", code=1)
    assert f"{project.root}/a b.db does not exist\n" in said
    assert not (project.root / "a b.db").exists()
    with closing(sqlite3.connect(project.root / "a b.db")) as connection:
        connection.execute("CREATE TABLE a AS SELECT 1 AS id")
    words = ["data.shell", "--database", "default", "--", "-json", "SELECT * FROM a"]
    assert json.loads(project.inv(*words).stdout) == [{"id": 1}]
    assert project.inv("data.shell", stdin="SELECT 5;\n").stdout == "5\n"


@pytest.mark.needs("sqlite3")
def test_a_protected_environment_asks_for_its_name(project: Project) -> None:
    """Where nobody can be asked it takes a flag."""
    configure(project, "sqlite:///a.db", "protected = true\n")
    sqlite3.connect(project.root / "a.db").close()
    said = project.refuse("data.shell", code=4)
    assert "hint: confirm it: inv data.shell --env development --yes\n" in said
    words = ["data.shell", "--yes", "--", "SELECT 5"]
    assert project.inv(*words).stdout == "5\n"
    terminal = project.start_in_terminal("data.shell", "--", "SELECT 2 + 3")
    terminal.wait_for("this opens a shell on its database; type its name:")
    terminal.type(b"development\n")
    terminal.wait_for("5\r\n")
    assert terminal.wait() == 0


@pytest.mark.parametrize("name", ["mariadb", "mysql"])
def test_that_of_mysql_gets_a_file_without_a_name(project: Project, name: str) -> None:
    """As its first argument, with quotes as it reads them."""
    put_fake(project, name)
    url = f"{name}+pymysql://me:{QUOTED}@localhost:3307/shop?charset=utf8mb4"
    configure(project, url)
    done = project.inv("data.shell", "--", "-e", "SELECT  1")
    assert done.returncode == 7
    (words, (file,)), (mode,) = map(json.loads, done.stdout.splitlines())
    assert words[1:] == ["-e", "SELECT  1"]
    assert re.fullmatch(r"--defaults-extra-file=/dev/fd/\d+", words[0])
    assert mode == "0o100600"
    escaped = ODD.replace("\\", "\\\\").replace('"', '\\"')
    assert file.splitlines() == [
        "[client]",
        'host="localhost"',
        'port="3307"',
        'protocol="tcp"',
        'user="me"',
        f'password="{escaped}"',
        'default-character-set="utf8mb4"',
        "[mysql]",
        'database="shop"',
    ]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://", "`default` is in memory: nobody else can see it"),
        ("oracle://me:pw@localhost/x", "no client is known for `oracle`"),
        ("mysql://localhost/x", "there is no program `mysql`"),
        ("postgresql://me:p%0Aw@/x", "the password has a line break"),
    ],
)
def test_what_cannot_be_opened_is_told(
    project: Project, url: str, message: str
) -> None:
    """With what helps."""
    project.env["PATH"] = str(Path(sys.executable).parent)
    configure(project, url)
    assert message in project.refuse("data.shell", code=1)
