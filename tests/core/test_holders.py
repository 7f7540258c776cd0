from __future__ import annotations

import os
import pwd
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.holders import (
    Holder,
    _find_marks,
    _find_user,
    _get_user_name,
    _search_processes,
    find_holder,
)
from sceneshift.core.ports import check_free

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

USER = pwd.getpwuid(os.getuid()).pw_name
SERVER = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""
linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="Linux has a public table of sockets"
)


@contextmanager
def running_server(env: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """Run a server that ends with its standard input; yield its pid and port."""
    argv = [sys.executable, "-c", SERVER, "redis://user:sec@ret@host"]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **env}
    ) as server:
        assert server.stdout is not None
        yield server.pid, int(server.stdout.readline())


def test_a_stranger_is_described(tmp_path: Path) -> None:
    """Pid, user, command without passwords, and since when."""
    with running_server({}) as (pid, port):
        holder = find_holder(port, root=tmp_path)
        assert holder is not None
        assert (holder.pid, holder.user, holder.is_ours) == (pid, USER, False)
        assert holder.since is not None
        assert "redis://user:***@host" in (holder.command or "")
        assert str(holder).startswith(f"pid {pid} (user {USER}, `{sys.executable[:9]}")


def test_a_process_of_the_same_project_is_ours(tmp_path: Path) -> None:
    """Every process of a stack bears the project's folder."""
    with running_server({"SCENESHIFT_ROOT": str(tmp_path)}) as (_, port):
        ours = find_holder(port, root=tmp_path)
        assert ours is not None
        assert ours.is_ours
        theirs = find_holder(port, root=tmp_path / "other")
        assert theirs is not None
        assert not theirs.is_ours
        assert f"of the stack in {tmp_path}" in str(theirs)


def test_another_checkout_is_named_with_the_way_out(tmp_path: Path) -> None:
    """Killing one process of a stack would only have it started again."""
    other = tmp_path / "other"
    with (
        running_server({"SCENESHIFT_ROOT": str(other)}) as (_, port),
        pytest.raises(SceneshiftError) as caught,
    ):
        check_free({port: "web"}, root=tmp_path)
    assert f"(of the stack in {other}, user {USER}, " in caught.value.message
    hint = caught.value.hint or ""
    assert hint.startswith("stop that program with `inv dev.stop` there, or set ")


def test_this_process_is_ours(tmp_path: Path) -> None:
    """The supervisor holds sockets for its processes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        holder = find_holder(server.getsockname()[1], root=tmp_path)
    assert holder is not None
    assert holder.is_ours


def test_a_process_that_has_ended_bears_no_marks() -> None:
    """It may do so while it is looked at."""
    with subprocess.Popen(["true"]) as ended:
        pass
    assert _find_marks(ended.pid) == (None, None)


def test_nobody_holds_a_free_port(tmp_path: Path) -> None:
    """A port that is bound but not listened on is no server's."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert find_holder(bound.getsockname()[1], root=tmp_path) is None


@linux_only
def test_of_an_unseen_process_the_user_is_told(tmp_path: Path) -> None:
    """A socket without a visible process still has an owner."""
    ends = socket.socketpair()
    with ends[0], ends[1], socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        # On its way between two processes, a socket is in none.
        socket.send_fds(ends[0], [b"x"], [server.fileno()])
        server.close()
        assert find_holder(port, root=tmp_path) == Holder(pid=None, user=USER)


@linux_only
def test_the_table_of_sockets_names_users_by_port() -> None:
    """IPv6 sockets are in it too, closed ones are not."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        assert _find_user(port) == USER
    assert _find_user(port) is None


def test_a_search_process_by_process_finds_the_same() -> None:
    """What macOS allows to everybody."""
    with running_server({}) as (pid, port):
        assert _search_processes(port) == [pid]


def test_a_user_without_a_name_is_a_number() -> None:
    """As in containers."""
    assert _get_user_name(2**31 - 7) == str(2**31 - 7)


@pytest.mark.parametrize(
    ("holder", "text"),
    [
        (Holder(pid=3), "pid 3"),
        (Holder(pid=None, user="bob"), "a process that you may not see (user bob)"),
        (
            Holder(pid=3, user="bob", command="node a.js", since=86_400 * 2),
            "pid 3 (user bob, `node a.js`, since 1970-01-03 ",
        ),
    ],
)
def test_what_is_known_of_a_holder_is_told(holder: Holder, text: str) -> None:
    """Whatever is unknown is left out."""
    assert str(holder).startswith(text)
