from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.holders import Holder
from sceneshift.env.occupancy import (
    Checkout,
    Claimed,
    _describe_holder,
    read_stack_id,
    show_ports,
)
from sceneshift.env.running import RunningStack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVER = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""
TABLE = "[tool.sceneshift.environments.development]\n"


@contextmanager
def running_server(**marks: str) -> Iterator[tuple[int, int]]:
    """Run a server that ends with its standard input; yield its pid and port."""
    env = {**os.environ, **marks}
    argv = [sys.executable, "-c", SERVER, "redis://u:secret@h"]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
    ) as server:
        assert server.stdout is not None
        yield server.pid, int(server.stdout.readline())


def make_project(root: Path, port: int) -> None:
    """Make a project with one process."""
    root.mkdir(exist_ok=True)
    (root / "Procfile").write_text("web: sleep 1")
    (root / "pyproject.toml").write_text(f"{TABLE}ports = {{ web = {port} }}")


@pytest.fixture(name="ask")
def make_ask(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what shows the ports of a project as data."""

    def ask(root: Path, **environ: str) -> list[dict[str, Any]]:
        show_ports(root, environ, as_json=True)
        ports: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["ports"]
        return ports

    return ask


def test_a_free_port_has_no_holder(ask: Any, tmp_path: Path) -> None:
    """Every key is there all the same."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    make_project(tmp_path, port)
    assert ask(tmp_path) == [
        {
            "port": port,
            "environment": "development",
            "process": "web",
            "checkout": str(tmp_path),
            "state": "free",
            "pid": None,
            "user": None,
            "command": None,
            "since": None,
            "stack": None,
            "is_ours": False,
        }
    ]


def test_a_stranger_is_named(ask: Any, tmp_path: Path) -> None:
    """Pid, user, command without passwords, and since when."""
    with running_server() as (pid, port):
        make_project(tmp_path, port)
        (row,) = ask(tmp_path)
    assert (row["state"], row["pid"], row["is_ours"]) == ("taken", pid, False)
    assert "redis://u:***@h" in row["command"]
    assert row["since"].endswith("Z")


def test_what_an_earlier_stack_left_is_ours(ask: Any, tmp_path: Path) -> None:
    """It bears the mark of this project, and nothing runs here."""
    marks = {
        "SCENESHIFT_ROOT": str(tmp_path),
        "SCENESHIFT_STACK": f"gone.{secrets.token_hex(8)}",
    }
    with running_server(**marks) as (pid, port):
        make_project(tmp_path, port)
        (row,) = ask(tmp_path)
    assert (row["state"], row["pid"], row["is_ours"]) == ("leftover", pid, True)
    assert row["stack"] == str(tmp_path)


def test_other_worktrees_are_shown_too(ask: Any, tmp_path: Path) -> None:
    """Each with its own configuration and ports; a broken one is left out."""
    main, side, broken = (tmp_path / name for name in ("main", "side", "broken"))
    below = main / "app"
    main.mkdir()
    with running_server(SCENESHIFT_ROOT=str(side / "app")) as (_, port):
        make_project(below, port - 10)  # that of the first worktree is 10 more
        commit = ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x"]
        for words in (["init", "-q"], ["add", "."], commit):
            subprocess.run(["git", "-C", main, *words], check=True)
        for other in (side, broken):
            words = ["worktree", "add", "-q", "--detach", str(other)]
            subprocess.run(["git", "-C", main, *words], check=True)
        (broken / "app/pyproject.toml").write_text("[tool")
        (below / ".env.only-here").touch()
        rows = ask(below, SCENESHIFT_ENV="only-here")
        free = {row["port"] for row in rows if row["state"] == "free"}
        assert free == {port - 10, 5000}
        rows = [row for row in rows if row["environment"] == "development"]
    found = {row["checkout"]: (row["state"], row["is_ours"]) for row in rows}
    assert found == {
        str(below): ("free", False),
        str(side / "app"): ("leftover", False),
    }


def test_people_get_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a column that says the same in each row."""
    with running_server() as (pid, port):
        make_project(tmp_path, port)
        show_ports(tmp_path, {}, as_json=False)
        (tmp_path / "pyproject.toml").write_text(f"{TABLE}ports = {{ web = 1 }}")
        show_ports(tmp_path, {}, as_json=False)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    head, row, _, free = lines
    assert head == ["port", "environment", "process", "state", "holder"]
    assert row[:6] == [str(port), "development", "web", "taken", "pid", f"{pid},"]
    assert free == ["1", "development", "web", "free", "-"]


STACK = RunningStack(environment="development", pid=7)


@pytest.mark.parametrize(
    ("holder", "running", "state"),
    [
        (Holder(pid=8, stack="/p", stack_id="now"), STACK, "running"),
        (Holder(pid=7), STACK, "running"),
        (Holder(pid=8, stack="/p", stack_id="old"), STACK, "leftover"),
        (Holder(pid=8, stack="/p", stack_id="old"), None, "leftover"),
        (Holder(pid=8, stack="/q", stack_id="now"), STACK, "taken"),
        (Holder(pid=None), STACK, "taken"),
        (Holder(pid=8, stack="/p", stack_id="now"), RunningStack(), "running"),
        (
            Holder(pid=8, stack="/p", stack_id="now"),
            RunningStack(environment="staging", pid=7),
            "taken",
        ),
        (None, STACK, "free"),
    ],
)
def test_a_port_is_judged_by_who_holds_it(
    tmp_path: Path, holder: Holder | None, running: RunningStack | None, state: str
) -> None:
    """By the marks of the stack that runs here, in this environment."""
    root = tmp_path.__class__("/p")
    port = Claimed(number=1, process="web", environment="development", checkout=root)
    stack_id = None if running is None else "now"
    checkout = Checkout(root=root, ports=(port,), running=running, stack_id=stack_id)
    assert checkout.judge(port, holder) == state


def test_a_stacks_id_is_read_from_its_state(tmp_path: Path) -> None:
    """What is damaged is none."""
    assert read_stack_id(tmp_path) is None
    (tmp_path / ".sceneshift").mkdir()
    file = tmp_path / ".sceneshift" / "dev.stack"
    for data, expected in ((b"1.2\n", "1.2"), (b"", None), (b"\xff", None)):
        file.write_bytes(data)
        assert read_stack_id(tmp_path) == expected


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"user": "bob"}, "a process of bob"),
        ({"user": None}, "a process that you may not see"),
        ({"pid": 3, "user": "bob", "command": None, "since": None}, "pid 3, bob"),
        ({"state": "free"}, "-"),
    ],
)
def test_what_is_known_of_a_holder_is_told(row: dict[str, Any], text: str) -> None:
    """And nothing else."""
    assert _describe_holder({"state": "taken", "pid": None, **row}) == text
