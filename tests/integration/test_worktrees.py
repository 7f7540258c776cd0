"""Several worktrees of a project run at once."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from reloading import Stack
from support import free_port
from watching import git

if TYPE_CHECKING:
    from pathlib import Path

SERVER = """\
import os, sqlite3
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        path = os.environ["DATABASE_URL"].removeprefix("sqlite:///")
        with sqlite3.connect(path) as database:
            database.execute("create table if not exists visits (at)")
            database.execute("insert into visits values (1)")
            (count,) = database.execute("select count(*) from visits").fetchone()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"visit %d" % count)

    def log_message(self, *args):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
TABLE = """\
[tool.sceneshift.environments.development]
ports = {{ web = {} }}
databases = {{ default = "sqlite:///visits.db" }}
"""


def test_worktrees_run_beside_the_main_checkout(tmp_path: Path) -> None:
    """Each has its own port, database and control socket, and its own name."""
    port = free_port()
    files = {
        "server.py": SERVER,
        "pyproject.toml": TABLE.format(port),
        "Procfile.dev": "web: python server.py\n",
        ".gitignore": "output\n*.db\n",
    }
    (tmp_path / "shop").mkdir()
    names = ["shop", "one", "three", "two"]
    stacks = [Stack(tmp_path / name) for name in names]
    stacks[0].write(files)
    git(tmp_path / "shop", "init", "-q")
    git(tmp_path / "shop", "add", ".")
    git(tmp_path / "shop", "commit", "-q", "-m", "first")
    for name in names[1:]:
        git(tmp_path / "shop", "worktree", "add", "-q", f"../{name}")
    with contextlib.ExitStack() as running:
        for stack in stacks:
            del stack.env["PORT"]
            running.callback(stack.close)
            stack.start(files)
        for number, stack in enumerate(stacks):
            stack.wait_output("1 of 1 up")
            stack.port = int(stack.status("web")["port"])
            assert [stack.get() for _ in range(number + 1)][-1] == f"visit {number + 1}"
        assert stacks[0].port == port
        assert len({stack.port for stack in stacks}) == 4
        assert f"fixed ports are {stacks[1].port - port} above" in stacks[1].output
        assert stacks[1].status("web")["url"] == (
            f"http://one.shop.localhost:{stacks[1].port}"
        )
        told = json.loads(stacks[2].inv("env.worktrees", "--json").stdout)["worktrees"]
        assert [tree["name"] for tree in told] == ["main", "one", "three", "two"]
        assert [tree["state"] for tree in told] == ["running"] * 4
        assert [tree["port_offset"] + port for tree in told] == [
            stack.port for stack in stacks
        ]
        assert all(tree["memory_bytes"] > 1_000_000 for tree in told)
