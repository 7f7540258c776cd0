"""Processes that read a SQLite file without a gap make one for a command."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

from reloading import Visitor
from resetting import Shop

if TYPE_CHECKING:
    from reloading import Stack

# One connection begins to read before the other one ends: the process always reads.
READING = """\
import itertools, sqlite3, time

def read():
    ones = [
        sqlite3.connect("shop.db", isolation_level=None, check_same_thread=False)
        for _ in range(2)
    ]
    for one, other in itertools.cycle((ones, ones[::-1])):
        one.execute("BEGIN")
        one.execute("SELECT count(*) FROM a").fetchone()
        if other.in_transaction:
            other.execute("ROLLBACK")
        time.sleep(0.01)
"""
APP = """\
import threading
from reading import read

threading.Thread(target=read, daemon=True).start()

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
    headers = [(b"content-length", b"1")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"1"})
"""
FILES = {
    "reading.py": READING,
    "app.py": APP,
    "worker.py": "from reading import read\nread()\n",
    "Procfile.dev": (
        "web: uvicorn app:app --port $PORT --log-level warning\n"
        "worker: python worker.py\n"
    ),
}
AGREED = ("--yes", "--env", "development")


def test_they_are_paused_for_a_reset_and_go_on_though_it_is_killed(
    stack: Stack,
) -> None:
    """Requests wait meanwhile, and none fails."""
    shop = Shop(stack.root, "a")
    shop.reset()
    shop.insert("a", 2)
    settings = (stack.root / "pyproject.toml").read_text()
    stack.start({**FILES, "pyproject.toml": settings})
    stack.wait_output("worker.* ready")
    stack.wait_page("1")
    visitors = [Visitor(stack.port, keeps_alive=each) for each in (False, True)]
    (done,) = stack.ask("data.reset", *AGREED)["databases"]
    assert shop.run("SELECT * FROM a") == [(1,)]
    names = {name for each in done["paused"] for name in each["processes"]}
    assert names == {"web", "worker"}
    for name in names:
        stack.wait_ready(name)
    with closing(sqlite3.connect(shop.file, isolation_level=None)) as foreign:
        foreign.execute("BEGIN")
        foreign.execute("SELECT * FROM a").fetchone()
        said = stack.output.count("paused: shop.db is being changed")
        command = [sys.executable, "-m", "invoke", "data.drop", *AGREED]
        with subprocess.Popen(command, cwd=stack.root, env=stack.env) as dropping:
            stack.wait(lambda: stack.output.count("paused: shop.db") >= said + 2)
            dropping.send_signal(signal.SIGKILL)
        stack.wait(lambda: stack.output.count("goes on after") >= said + 2)
    for name in names:
        stack.wait_ready(name)
    counts = [len(visitor.answers) for visitor in visitors]
    stack.wait(lambda: all(map(has_more, visitors, counts)))
    for visitor in visitors:
        visitor.close()
    assert [visitor.failures for visitor in visitors] == [[], []]
    assert shop.run("SELECT * FROM a") == [(1,)]


def has_more(visitor: Visitor, count: int) -> bool:
    """Say whether a visitor has had more answers than so many."""
    return len(visitor.answers) > count
