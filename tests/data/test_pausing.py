"""A file that others use without a gap is changed while they are paused."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.channel import Channel
from sceneshift.core.errors import BusyError
from sceneshift.core.marks import ROOT_VARIABLE
from sceneshift.core.paths import StateFolder
from sceneshift.data.sqlite.aside import change_aside
from sceneshift.data.sqlite.pausing import Paused, Pausing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells who has a file locked"
)
# Does not end what it reads: to who waits that is as one read after the other.
USING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute(sys.argv[2])
connection.execute("SELECT * FROM old").fetchone()
print("there", flush=True)
sys.stdin.read()
"""


class Stack:
    """What answers where a stack would.

    Attributes:
        asked: What it was asked for.
        ended: How many of those connections have ended.
    """

    def __init__(self, root: Path, answer: Callable[[Any], Any]) -> None:
        self.asked: list[dict[str, Any]] = []
        self.ended = 0
        self._answer = answer
        self._sock = socket.socket(socket.AF_UNIX)
        StateFolder(root).path.mkdir(parents=True, exist_ok=True)
        self._sock.bind(str(StateFolder(root).socket("dev.sock")))
        self._sock.listen()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                thread = threading.Thread(
                    target=self._serve, args=self._sock.accept()[:1]
                )
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with sock:
            channel = Channel(sock)
            while (received := channel.receive()) is not None:
                self.asked.append(received[0])
                channel.send(self._answer(received[0]))
            self.ended += 1

    def __enter__(self) -> Stack:  # noqa: PYI034 - nothing derives from it
        return self

    def __exit__(self, *_error: object) -> None:
        self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        for each in self._threads:
            each.join()


@pytest.fixture(name="path")
def make_file(tmp_path: Path) -> Path:
    """Return a file with a table, that has no log."""
    path = tmp_path / "a.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE old (text)")
    return path


@contextlib.contextmanager
def being_read(
    path: Path, begin: str = "BEGIN", **env: str
) -> Iterator[subprocess.Popen[str]]:
    """Yield a program that reads a file, or writes to it, until it is ended."""
    with subprocess.Popen(
        [sys.executable, "-c", USING, str(path), begin],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **env},
        text=True,
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "there\n"
        yield reader


def change(path: Path, pausing: Pausing, wait_s: float) -> None:
    """Make a table in it."""
    draft = path.with_name("draft.db")

    def work() -> None:
        with contextlib.closing(sqlite3.connect(draft)) as connection:
            connection.execute("CREATE TABLE new (text)")
            connection.commit()

    change_aside(path, draft, work, pausing=pausing, wait_s=wait_s)


def test_who_reads_all_the_time_is_paused_and_then_stopped(path: Path) -> None:
    """As long as it takes: the end of the connections is the end of that."""
    pausing = Pausing(path.parent, path)
    with being_read(path) as reader:

        def answer(request: Any) -> Any:
            if request["is_stop"]:
                os.kill(reader.pid, signal.SIGKILL)
            return {"ok": True, "names": ["web"]}

        with Stack(path.parent, answer) as stack:
            change(path, pausing, 30)
    ways = [(each["pids"], each["is_stop"]) for each in stack.asked]
    assert ways[:2] == [([reader.pid], False), ([reader.pid], True)]
    assert stack.ended == len(ways)
    (paused,) = pausing.paused
    assert paused.processes == ("web",)
    assert paused.as_json()["processes"] == ["web"]


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_who_only_reads_goes_on_while_somebody_else_writes(
    path: Path, mode: str
) -> None:
    """There is a time for that, and with a log it is never in the way."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    answer = {"ok": True, "names": []}
    with (
        being_read(path) as reader,
        being_read(path, "BEGIN IMMEDIATE") as writer,
        Stack(path.parent, lambda _request: answer) as stack,
    ):
        with pytest.raises(BusyError, match=f"written to .* by pid {writer.pid} "):
            change(path, Pausing(path.parent, path), 0.8)
        writer.kill()
        reader.kill()
    assert stack.asked[0]["pids"] == [writer.pid]


def test_nobody_is_paused_for_what_is_done_at_once(path: Path) -> None:
    """No stack is even asked."""
    pausing = Pausing(path.parent, path)
    with Stack(path.parent, lambda _request: {}) as stack:
        change(path, pausing, 30)
    assert (stack.asked, pausing.paused) == ([], [])


@pytest.mark.parametrize(
    "answer",
    [
        {"ok": True, "names": []},
        {"ok": False, "error": "it cannot", "hint": None, "code": 2},
    ],
)
def test_a_stack_that_pauses_nobody_changes_nothing(
    path: Path, answer: dict[str, Any]
) -> None:
    """The readers are not its own, or it is of an older version."""
    pausing = Pausing(path.parent, path)
    with (
        being_read(path) as reader,
        Stack(path.parent, lambda _request: answer) as stack,
    ):
        with pytest.raises(BusyError, match=f"being read all .* pid {reader.pid}"):
            change(path, pausing, 0.7)
        reader.kill()
    assert stack.ended == len(stack.asked) >= 1
    assert pausing.paused == []


@pytest.mark.parametrize(
    ("owner", "hint"),
    [
        (None, "stop them: kill {pid}"),
        ("ours", "stop them: inv dev.stop"),
        ("/of/others", "stop them: cd /of/others && inv dev.stop"),
    ],
)
def test_it_is_said_who_is_in_the_way_and_what_to_do(
    path: Path, owner: str | None, hint: str
) -> None:
    """Whether there is a stack or not."""
    root = path.parent
    env = {ROOT_VARIABLE: str(root) if owner == "ours" else owner} if owner else {}
    with being_read(path, **env) as reader:
        with pytest.raises(BusyError, match=f"by pid {reader.pid} ") as caught:
            change(path, Pausing(root, path), 0.1)
        assert caught.value.hint == hint.format(pid=reader.pid)
        reader.kill()


def test_those_who_were_paused_are_named() -> None:
    """In one line."""
    one = Paused(processes=("web",), duration_s=0.3)
    some = Paused(processes=("web", "worker", "mail"), duration_s=1.26)
    assert str(one) == "web was paused for 300 ms"
    assert str(some) == "web, worker and mail were paused for 1.3 s"
