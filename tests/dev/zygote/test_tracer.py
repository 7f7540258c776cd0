"""An editor's debugger in a child: what does not go as usual."""

from __future__ import annotations

import importlib.util
import os
import socket
from pathlib import Path
from typing import Any

from support import free_port
from zygotes import Zygote

PROGRAM = """\
import sys
print("went on", flush=True)
is_traced = sys.gettrace() is not None
breakpoint()
print("as before:", (sys.gettrace() is not None) == is_traced, flush=True)
"""
ORPHAN = """\
import os, pydevd, subprocess, sys, time

while pydevd.get_global_debugger() is not None:
    time.sleep(0.01)
pid = os.fork()
if not pid:
    print("forked", flush=True)
    os._exit(0)
os.waitpid(pid, 0)
sys.exit(subprocess.call([sys.executable, "-c", "print('started')"]))
"""

# What pydevd would have a process run that `multiprocessing` starts: a folder is first.
MADE = """\
import ast
from _pydev_bundle import pydev_monkey
made = pydev_monkey._get_python_c_args("127.0.0.1", 1, "pass", [], {"ppid": 1})
call = next(each for each in ast.walk(ast.parse(made)) if isinstance(each, ast.Call))
print(call.args[1].value)
"""


def anchor_at(port: int, time_s: float = 30.0) -> dict[str, Any]:
    """Return what a child is told of an anchor."""
    shape = {"host": "127.0.0.1", "port": port, "pid": 1, "token": "t"}
    return {"anchor": {**shape, "time_s": time_s}}


def test_a_program_runs_on_where_nobody_answers(zygote: Zygote) -> None:
    """An anchor that is gone, or an editor that takes no subprocess."""
    zygote.begin(PROGRAM, is_traced=True)
    gone = zygote.fork()
    gone.next("parked")
    gone.tell(op="go", **anchor_at(free_port()))
    assert gone.next("undebugged")["why"]
    assert gone.next("debugger")["waiting"]  # a prompt: no editor is there
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent = zygote.fork()
        silent.next("parked")
        silent.tell(op="go", **anchor_at(server.getsockname()[1], 0.05))
        assert silent.next("unanswered")["time_s"] == 0.05
        (terminal,) = silent.next("terminal")["fds"]
        assert silent.next("debugger")["waiting"]
        os.write(terminal, b"continue\n")
        assert silent.wait_end() == 0
        os.close(terminal)
    said = zygote.read_output()
    assert said.count("went on") == 2
    assert "as before: True" in said
    assert "WARNING" not in said  # pydevd's, of who traces beside it


def test_without_debugpy_a_program_runs_all_the_same(zygote: Zygote) -> None:
    """Where somebody has removed it since it was looked for."""
    (zygote.root / "debugpy.py").write_text("raise ImportError('no debugpy here')\n")
    zygote.begin("print('ran')\n", is_traced=True)
    child = zygote.fork()
    child.tell(op="go", **anchor_at(1))
    assert child.wait_end() == 0
    assert zygote.read_output() == "ran\n"


def test_what_a_program_starts_runs_where_its_adapter_is_gone(zygote: Zygote) -> None:
    """A fork, and another Python: neither has anything to connect to."""
    zygote.begin(ORPHAN, is_traced=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        child = zygote.fork()
        child.next("parked")
        child.tell(op="go", **anchor_at(server.getsockname()[1], 0.05))
        line, _address = server.accept()
        child.next("unanswered")
        line.close()
    assert child.wait_end() == 0
    assert zygote.read_output() == "forked\nstarted\n"


def test_what_a_program_starts_is_debugged_below_an_apostrophe(tmp_path: Path) -> None:
    """The folder of the debugger is in the command that it makes for each."""
    root = tmp_path / "it's"
    root.mkdir()
    spec = importlib.util.find_spec("debugpy")
    assert spec is not None
    assert spec.origin is not None
    (root / "debugpy").symlink_to(Path(spec.origin).parent)
    made = Zygote(root)
    made.begin(MADE, is_traced=True)
    child = made.fork()
    child.tell(op="go", **anchor_at(free_port()))
    assert child.wait_end() == 0
    assert f"\n{root}/debugpy/" in made.read_output()
    made.close()
