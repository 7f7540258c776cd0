"""What waits for the next reload has the memory that the reload will write to."""

from __future__ import annotations

import contextlib
import os
import sysconfig
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from memory import count_own_bytes
from reloading import Stack
from sceneshift.core.processes import children
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = 48 << 20  # more than an interpreter writes to by itself
GROUND = f"""\
import mmap
memory = mmap.mmap(-1, {MEMORY}, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory.write(bytes({MEMORY}))
"""
APP = """\
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import os
import ground
import part

for at in range(0, len(ground.memory), 4096):
    ground.memory[at] = 1


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"" + part.TEXT)


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def test_all_children_that_wait_are_like_the_one_that_serves(tmp_path: Path) -> None:
    """One waits before the project, the others before the files that were edited."""
    base = tmp_path / "base"
    packages = base / Path(sysconfig.get_path("purelib")).relative_to(
        sysconfig.get_path("data")
    )
    packages.mkdir(parents=True)
    (packages / "ground.py").write_text(GROUND)
    path = os.pathsep.join([str(packages), os.environ.get("PYTHONPATH", "")])
    root = tmp_path / "project"
    root.mkdir()
    with serving(Stack(root, PYTHONUSERBASE=str(base), PYTHONPATH=path)) as stack:
        stack.wait_page("first")
        zygote, old = psutil.Process(stack.pid("web")).ppid(), 0
        for name in ("part.py", "app.py"):
            wait_until(partial(is_settled, zygote, old))
            old = stack.pid("web")
            stack.edit(name, 'b"', 'b"new ')
            stack.wait_page("new " * (1 + (name == "app.py")))
        wait_until(lambda: count_large(zygote) == 4)


@contextlib.contextmanager
def serving(stack: Stack) -> Iterator[Stack]:
    """Run a stack with the application."""
    try:
        files = {"Procfile.dev": "web: python app.py\n", "app.py": APP}
        stack.start({**files, "part.py": 'TEXT = b"first"\n'})
        yield stack
    finally:
        stack.close()


def is_settled(zygote: int, old: int) -> bool:
    """Say whether one serves and two wait, and the former one is gone."""
    pids = [each.pid for each in children(zygote)]
    return len(pids) == 3 and old not in pids


def count_large(zygote: int) -> int:
    """Return how many have written to so much that they share with nobody."""
    count = 0
    for each in children(zygote):
        with contextlib.suppress(OSError):
            count += count_own_bytes(each.pid) > MEMORY
    return count
