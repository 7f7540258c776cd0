from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.databases import Database
from sceneshift.core.reach import find_reach

if TYPE_CHECKING:
    from pathlib import Path


def reach(url: str, root: Path) -> tuple[bool | None, str | None]:
    """Look at a database."""
    found = find_reach(Database(name="default", url=url), root, limit_s=0.2)
    return found.is_reachable, found.problem


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite://", (True, None)),
        ("sqlite:///:memory:", (True, None)),
        ("sqlite+aiosqlite:///here%20it%20is.db?x=1", (True, None)),
        ("sqlite:///none.db", (False, "the file does not exist")),
        (f"sqlite:///{'a' * 300}", (False, "file name too long")),
        ("postgresql:///db?host=/" + "a" * 300, (False, "file name too long")),
        ("odd://h/db", (None, "the URL names no host and port")),
        (
            "postgresql:///db?host=a:1&host=b:1",
            (None, "the URL names several hosts"),
        ),
        ("postgresql:///db?host=a,b", (None, "the URL names several hosts")),
        (
            "postgresql:///db?host=/none",
            (False, "there is no socket /none/.s.PGSQL.5432"),
        ),
        ("mysql://h:port/db", (False, "this is no URL")),
        ("mysql://h:65536/db", (False, "this is no URL")),
        ("postgresql:", (False, "this is no URL")),
        ("postgresql://a,b/db", (None, "the URL names several hosts")),
        ("postgresql:///db?host=a&port=1,2", (None, "the URL names several hosts")),
        (
            "postgresql:///db?host=/none&port=5433",
            (False, "there is no socket /none/.s.PGSQL.5433"),
        ),
        (
            "postgresql://%2Fnone/db",
            (False, "there is no socket /none/.s.PGSQL.5432"),
        ),
        (
            "mysql://localhost/db?unix_socket=/none/my.sock",
            (False, "there is no socket /none/my.sock"),
        ),
    ],
)
def test_what_can_be_told_is_told(
    tmp_path: Path, url: str, expected: tuple[bool | None, str | None]
) -> None:
    """And where it cannot, that."""
    (tmp_path / "here it is.db").touch()
    assert reach(url, tmp_path) == expected


# From within the folder: those above it are closed to others than its owner.
WITHOUT_RIGHTS = """
import os
from pathlib import Path
from sceneshift.core.databases import Database
from sceneshift.core.reach import find_reach
if os.geteuid() == 0:
    os.setuid(65534)
database = Database(name="default", url="sqlite:///closed.db")
print(find_reach(database, Path(), limit_s=1).problem)
"""


def test_a_file_that_is_not_ones_own_is_no_database(tmp_path: Path) -> None:
    """Nor is one that can only be read."""
    folder = tmp_path / "project"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "closed.db").touch(mode=0o400)
    argv = [sys.executable, "-c", WITHOUT_RIGHTS]
    said = subprocess.check_output(argv, cwd=folder, text=True)
    assert said == "the file is not readable and writable\n"


CLOSED = WITHOUT_RIGHTS.replace("closed.db", "closed/a.db")


def test_a_file_in_a_closed_folder_is_not_ones_own(tmp_path: Path) -> None:
    """Whether it is there cannot be told."""
    folder = tmp_path / "project"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "closed").mkdir(mode=0)
    argv = [sys.executable, "-c", CLOSED]
    said = subprocess.check_output(argv, cwd=folder, text=True)
    assert said == "the file is not readable and writable\n"


def test_a_servers_socket_is_looked_for(tmp_path: Path) -> None:
    """Where the URL says that it is, or where the system keeps it."""
    (tmp_path / ".s.PGSQL.5433").touch()
    url = f"postgresql://u@:5433/d?host={tmp_path}"
    assert reach(url, tmp_path) == (True, None)
    assert reach("postgresql:///d", tmp_path) in {
        (True, None),
        (False, "there is no socket /var/run/postgresql/.s.PGSQL.5432"),
    }


@pytest.mark.parametrize("password", ["a/b", "a?b", "a#b", "a:b", "[a", "%2F"])
def test_a_password_may_hold_anything_that_sqlalchemy_takes(
    tmp_path: Path, password: str
) -> None:
    """Which is all but an `@`."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        url = f"postgresql://u:{password}@127.0.0.1:{port}/d"
        assert reach(url, tmp_path) == (True, None)
        url = f"postgresql://u:{password}@127.0.0.1/d?port={port}"
        assert reach(url, tmp_path) == (True, None)


def test_a_server_that_refuses_is_not_reachable(tmp_path: Path) -> None:
    """The answer is the system's word, at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert reach(f"redis://:pw@127.0.0.1:{port}/0", tmp_path) == (True, None)
    is_reachable, problem = reach(f"redis://127.0.0.1:{port}/0", tmp_path)
    assert (is_reachable, problem) == (False, f"127.0.0.1:{port}: connection refused")


def test_a_server_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    """A full queue takes no connection: the limit ends the wait."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        found = reach(f"mysql://127.0.0.1:{address[1]}/d", tmp_path)
        for one in waiting:
            one.close()
    assert found == (False, f"no answer from 127.0.0.1:{address[1]} within 0.2 s")
