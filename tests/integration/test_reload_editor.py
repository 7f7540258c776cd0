"""An editor's debugger in processes under `inv dev --debug`."""

from __future__ import annotations

import contextlib
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from debugging import Session
from support import free_port

if TYPE_CHECKING:
    from reloading import Stack

ASGI = """\
from words import WORD
import ticking
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    word = WORD
    text = f"{word}!"
    if scope["path"] == "/stop":
        breakpoint()
        text = "stopped"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": text.encode()})
"""
TICKING = """\
import threading
import time

def tick():
    while True:
        time.sleep(0.01)

threading.Thread(target=tick, daemon=True).start()
"""
WORKER = """\
import time

def work(number):
    print("worked", number, flush=True)

work(0)
time.sleep(300)
"""
PROCFILE = "web: uvicorn asgi:app --port $PORT\nworker: python work.py\n"
RELOADS = 20


def start(stack: Stack, name: str) -> int:
    """Start a server, by fork, and a worker that is not; return one's debug port."""
    port = free_port()
    stack.start(
        {
            "asgi.py": ASGI,
            "words.py": "WORD = 'word'\n",
            "ticking.py": TICKING,
            "work.py": WORKER,
            "Procfile.dev": PROCFILE,
            "pyproject.toml": (
                "[tool.sceneshift.environments.development]\n"
                f"debug_ports = {{ {name} = {port} }}\n"
                "[tool.sceneshift.processes.worker]\nreload = 'cold'\n"
            ),
        },
        "--debug",
        name,
    )
    stack.wait_ready(name)
    return port


def test_a_breakpoint_that_is_set_once_is_hit_after_each_save(stack: Stack) -> None:
    """The editor attaches once; what stands there, or steps, is not reloaded."""
    port = start(stack, "web")
    assert stack.status("web")["debug_port"] == port
    file = stack.root / "asgi.py"
    with ThreadPoolExecutor(1) as pool, Session.attach(port, file, 6) as editor:
        with editor.take_child() as session:
            answer = pool.submit(stack.get)
            thread, line = session.wait_stop()
            assert line == 6
            stack.wait_output(r"waits at a breakpoint: asgi\.py:6; take it: in the ed")
            stack.write({"words.py": "WORD = 'later'\n"})
            refused = stack.inv("dev.attach", "web")
            assert "stands at a breakpoint of an editor" in refused.stderr
            session.ask("next", threadId=thread)
            thread, line = session.wait_stop()
            assert line == 7
            assert stack.status("web")["state"] == "debugging"
            stack.wait(lambda: stack.status("web")["breakpoint"] == "asgi.py:7")
            assert stack.output.count("waits at a breakpoint") == 1
            session.ask("continue", threadId=thread)
            assert answer.result() == "word!"
        for number in range(RELOADS):
            with editor.take_child() as session:
                answer = pool.submit(stack.get)
                thread, line = session.wait_stop()
                session.ask("continue", threadId=thread)
                word = answer.result()
                assert (line, word) == (6, f"{number}!" if number else "later!")
                stack.write({"words.py": f"WORD = '{number + 1}'\n"})
        with editor.take_child() as session:
            session.set_breakpoint()
            stack.wait_page(f"{RELOADS}!")
        os.kill(_find(stack, "anchor.py"), signal.SIGKILL)
        stack.wait_output(f"the debugger at port {port} is gone")
        stack.write({"words.py": "WORD = 'anew'\n"})
        stack.wait_page("anew!")
    assert stack.output.count(f"debugger: 127.0.0.1:{port}") == 2
    with (
        ThreadPoolExecutor(1) as pool,
        Session.attach(port, file, 6) as editor,
        editor.take_child() as session,
    ):
        session.set_breakpoint()
        answer = pool.submit(stack.get, "/stop")
        thread, line = session.wait_stop()
        assert line in {9, 10}  # where the word stands, or behind it
        session.ask("continue", threadId=thread)
        assert answer.result() == "stopped"


def test_a_fresh_interpreter_stops_in_the_first_lines_that_it_runs(
    stack: Stack,
) -> None:
    """The breakpoints are set before; what is gone comes again; nothing is left."""
    port = start(stack, "worker")
    assert stack.status("web")["debug_port"] is None
    file = stack.root / "work.py"
    with ThreadPoolExecutor(1) as pool, Session.attach(port, file, 4) as editor:
        with editor.take_child():
            restart = pool.submit(stack.inv, "dev.restart", "worker")
            with editor.take_child() as session:
                thread, line = session.wait_stop()
                assert line == 4
                session.ask("continue", threadId=thread)
        assert restart.result().returncode == 0
        os.kill(_find(stack, "adapter"), signal.SIGKILL)
    stack.wait_output(f"the debugger at port {port} is gone")
    stack.inv("dev.restart", "worker")
    stack.wait(lambda: stack.output.count(f"debugger: 127.0.0.1:{port}") == 2)
    with Session.attach(port, file, 4):
        os.kill(stack.supervisor, signal.SIGKILL)
        stack.wait(lambda: not stack.leftovers())  # an adapter is a daemon


def _find(stack: Stack, word: str) -> int:
    (found,) = _list(stack, word)
    return found


def _list(stack: Stack, word: str) -> list[int]:
    """Return the stack's processes that have a word in their command line."""
    found = []
    for pid in stack.leftovers():
        with contextlib.suppress(FileNotFoundError):  # it has ended meanwhile
            if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found
