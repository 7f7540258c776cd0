"""An editor's debugger in what a process starts itself."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, Self

from debugging import DEADLINE_S, Session
from support import free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from debugging import Body
    from reloading import Stack

WORK = """\
import multiprocessing
import os
import time

from words import WORD

def work(way):
    print(way, WORD, flush=True)

if __name__ == "__main__" and WORD != "never":
    for way in ("fork", "spawn"):
        context = multiprocessing.get_context(way)
        process = context.Process(target=work, args=(way,))
        process.start()
        process.join()
        if WORD == "one":
            time.sleep(300)  # until the reload
    pid = os.fork()
    if not pid:
        work("os.fork")
        os._exit(0)
    os.waitpid(pid, 0)
if __name__ == "__main__":
    print("done", WORD, flush=True)
    time.sleep(300)
"""
LINE = 8  # in what is run by all of them


class Editor:
    """Attaches to whatever is told of, as editors do.

    A process is told of in the session of that which has started it.
    """

    def __init__(self, port: int, file: Path, expression: str) -> None:
        self._expression = expression
        self._stops: queue.Queue[tuple[str, Session, int]] = queue.Queue()
        self._session = Session.attach(port, file, LINE)
        self._begin(self._follow, self._session)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._session.__exit__()

    def take(self, seen: str) -> Callable[[], object]:
        """Return what has the next stop go on, at which that is seen."""
        found, session, thread = self._stops.get(timeout=DEADLINE_S)
        assert found == seen
        return lambda: session.ask("continue", threadId=thread)

    def _begin(self, work: Callable[..., None], *args: object) -> None:
        def run() -> None:
            with contextlib.suppress(queue.Empty, OSError, AssertionError):
                work(*args)  # until its end, or that of the process

        threading.Thread(target=run, daemon=True).start()

    def _take(self, session: Session, told: Body) -> None:
        with session.take(told) as child:
            self._follow(child)

    def _follow(self, session: Session) -> None:
        while True:
            event, told = session.wait_any("debugpyAttach", "stopped")
            if event == "stopped":
                self._see(session, int(told["threadId"]))
            else:
                self._begin(self._take, session, told)

    def _see(self, session: Session, thread: int) -> None:
        (frame, *_) = session.ask("stackTrace", threadId=thread)["stackFrames"]
        seen = session.ask("evaluate", expression=self._expression, frameId=frame["id"])
        self._stops.put((f"{seen['result']}:{frame['line']}", session, thread))


def test_children_stop_however_they_are_made(stack: Stack) -> None:
    """Forks and fresh interpreters, after a save; none comes while one stands.

    Of several instances the first is debugged, and the others go on.
    """
    port = free_port()
    stack.start(
        {
            "work.py": WORK,
            "words.py": "WORD = 'never'\n",
            "Procfile.dev": "worker: python work.py\n",
            "pyproject.toml": (
                "[tool.sceneshift.environments.development]\n"
                f"debug_ports = {{ worker = {port} }}\n"
            ),
        },
        "--debug",
        "--concurrency",
        "worker=2",
    )
    for number in (1, 2):
        stack.wait_output(rf"worker\.{number} \| done never")
    with Editor(port, stack.root / "work.py", "way + ' ' + WORD") as editor:
        stack.write({"words.py": "WORD = 'one'\n"})
        go_on = editor.take(f"'fork one':{LINE}")
        is_told(stack)
        stack.write({"words.py": "WORD = 'two'\n"})
        stack.wait_output(r"worker\.2 \| done two")  # is debugged by nobody
        go_on()
        editor.take(f"'fork two':{LINE}")()
        for way in ("spawn", "os.fork"):
            go_on = editor.take(f"'{way} two':{LINE}")
            is_told(stack)
            go_on()
        stack.wait_output(r"worker\.1 \| done two")


def is_told(stack: Stack) -> None:
    """See that the stack knows where its process stands."""
    stack.wait(lambda: stack.status("worker.1")["breakpoint"] == f"work.py:{LINE}")
