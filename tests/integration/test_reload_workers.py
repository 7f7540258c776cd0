"""Processes that serve nobody: stopped before their successor runs."""

from __future__ import annotations

import gc
import json
import os
import signal
import time
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.processes import children, find_process, processes

if TYPE_CHECKING:
    from reloading import Stack

WORKER = """\
import atexit, os, subprocess, sys, time
from job import WORK

LOG = open("events", "a")

def say(*words):
    print(*words, WORK, file=LOG, flush=True)

def main():
    say("start")
    atexit.register(say, "end")
    subprocess.Popen(["sleep", "300"])
    try:
        while True:
            time.sleep(0.01)
    except SystemExit:
        raise

if __name__ == "__main__":
    import signal
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main()
"""
CELERY = """\
import os, time
from celery import Celery
from celery.signals import worker_ready, worker_shutdown
from job import WORK

app = Celery("tasks", broker="memory://")
app.conf.worker_hijack_root_logger = False

@app.task
def add():
    with open("events", "a") as log:
        print("task", WORK, file=log, flush=True)
        time.sleep(1)
        print("done", WORK, file=log, flush=True)

@worker_ready.connect
def ready(**_):
    with open("events", "a") as log:
        print("start", WORK, file=log)
    add.delay()

@worker_shutdown.connect
def ended(**_):
    with open("events", "a") as log:
        print("end", WORK, file=log)
"""
JOB = "WORK = {}\n"
DAEMON = """\
import os, signal
from job import WORK

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open("aside", "w") as file:
            file.write(str(os.getpid()))
        os.rename("aside", f"daemon.{WORK}")
        signal.pause()
    os._exit(0)
os.wait()
signal.pause()
"""
PAUSES = """\
import signal, threading, wave

signal.signal(signal.SIGUSR1, lambda *_: print("heard", flush=True))
threading.Thread(target=signal.pause, daemon=True).start()
signal.pause()
print("went on", flush=True)
"""
GARBAGE = """\
import gc, time

usual = eval(open("usual").read())
while True:
    before = gc.get_stats()[0]["collections"]
    while gc.get_stats()[0]["collections"] == before:
        ring = []
        ring.append(ring)
    if gc.get_threshold() == usual:
        break
    time.sleep(0.01)
print("collected as usual", flush=True)
time.sleep(300)
"""
JOB = "WORK = {}\n"


def events(stack: Stack) -> list[str]:
    """Return what workers have said."""
    path = stack.root / "events"
    return path.read_text().splitlines() if path.exists() else []


def has_said(stack: Stack, expected: list[str]) -> bool:
    """Say whether workers have said exactly this."""
    return events(stack) == expected


def test_the_old_worker_ends_before_the_new_one_begins(stack: Stack) -> None:
    """Its exit handlers run, and its own children are gone."""
    files = {"worker.py": WORKER, "job.py": JOB.format(0)}
    stack.start({**files, "Procfile.dev": "worker: python -m worker\n"})
    expected = ["start 0"]
    stack.wait(partial(has_said, stack, expected))
    for number in range(1, 6):
        stack.wait_ready("worker")
        stack.write({"job.py": JOB.format(number)})
        expected += [f"end {number - 1}", f"start {number}"]
        stack.wait(partial(has_said, stack, expected))
    stack.wait_ready("worker")
    assert stack.status("worker")["restarts"] == 5


def test_the_worker_goes_on_while_new_code_is_broken(stack: Stack) -> None:
    """It is stopped only when the new code could be imported."""
    files = {"worker.py": WORKER, "job.py": JOB.format(0)}
    stack.start({**files, "Procfile.dev": "worker: python -m worker\n"})
    stack.wait(partial(has_said, stack, ["start 0"]))
    stack.wait_ready("worker")
    stack.wait_output("ready")
    stack.write({"job.py": "WORK = \n"})
    stack.wait_output(r"-- .*job\.py:1")
    pid = stack.pid("worker")
    stack.write({"job.py": JOB.format(1)})
    stack.wait(partial(has_said, stack, ["start 0", "end 0", "start 1"]))
    assert stack.pid("worker") != pid


@pytest.mark.parametrize("command", ["python worker.py", "python -m worker"])
def test_the_worker_goes_on_while_its_main_cannot_import(
    stack: Stack, command: str
) -> None:
    """What its own file begins with is tried too, before the old one is stopped."""
    files = {"worker.py": WORKER, "job.py": JOB.format(0)}
    stack.start({**files, "Procfile.dev": f"worker: {command}\n"})
    stack.wait(partial(has_said, stack, ["start 0"]))
    stack.wait_output("-- ready")
    stack.write({"worker.py": WORKER.replace("import WORK", "import WORK, PLAY")})
    stack.wait_output(r"-- worker\.py:2: ImportError: cannot import name 'PLAY'")
    stack.write({"worker.py": WORKER.replace("import atexit", "import nowhere")})
    stack.wait_output(r"-- worker\.py:1: ModuleNotFoundError: .*'nowhere'")
    assert events(stack) == ["start 0"]
    stack.write({"job.py": JOB.format(1), "worker.py": WORKER})
    stack.wait(partial(has_said, stack, ["start 0", "end 0", "start 1"]))


def test_an_edit_of_the_workers_own_main_runs_once(stack: Stack) -> None:
    """Never ahead of its predecessor's end, however often it is edited."""
    stack.start(
        {
            "worker.py": WORKER,
            "job.py": JOB.format(0),
            "Procfile.dev": "worker: python worker.py\n",
        }
    )
    expected = ["start 0"]
    stack.wait(partial(has_said, stack, expected))
    for number in range(1, 5):
        stack.wait_ready("worker")
        text = WORKER.replace('say("start")', f'say("start", {number})')
        stack.write({"worker.py": text})
        expected += ["end 0", f"start {number} 0"]
        stack.wait(partial(has_said, stack, expected))


def test_celery_is_stopped_whole_before_the_new_one_starts(stack: Stack) -> None:
    """Its pool of processes too, after the task that one of them works at."""
    stack.start(
        {
            "pyproject.toml": (
                "[tool.sceneshift.processes.worker]\nstop = { time_s = 20 }\n"
            ),
            "queue_app.py": CELERY,
            "job.py": JOB.format(0),
            "Procfile.dev": "worker: celery -A queue_app worker -c 2 -l warning\n",
        }
    )
    expected = ["start 0", "task 0"]
    stack.wait(partial(has_said, stack, expected))
    stack.wait_ready("worker")
    stack.write({"job.py": JOB.format(1)})
    expected += ["done 0", "end 0", "start 1"]
    stack.wait(lambda: events(stack)[:5] == expected)


WEB = """\
import json, os
from http.server import BaseHTTPRequestHandler, HTTPServer
import shared, web_only

CONFIG = open("settings.yaml").read()

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/lazy":
            import lazy
            body = lazy.TEXT
        elif self.path == "/write":
            with open("counter.txt", "a") as file:
                file.write("x")
            body = "written"
        elif self.path == "/page":
            body = open("page.html").read()
        else:
            body = json.dumps([os.getpid(), shared.TEXT, web_only.TEXT, CONFIG])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
QUIET = """\
import time
import shared

while True:
    time.sleep(0.05)
"""
ROUTED = {
    "web.py": WEB,
    "quiet.py": QUIET,
    "shared.py": "TEXT = 'a'\n",
    "web_only.py": "TEXT = 'a'\n",
    "lazy.py": "TEXT = 'a'\n",
    "settings.yaml": "a",
    "page.html": "a",
    "notes.txt": "a",
    "counter.txt": "",
    "Procfile.dev": "web: python web.py\nworker: python quiet.py\n",
}


def restarts(stack: Stack) -> tuple[int, int]:
    """Return how often web and worker were restarted."""
    rows = {row["name"]: row for row in stack.ask("dev.status")["processes"]}
    return rows["web"]["restarts"], rows["worker"]["restarts"]


def test_a_save_restarts_exactly_the_processes_that_use_the_file(stack: Stack) -> None:
    """Imported at the start or later, read as a template or as settings."""
    stack.start(ROUTED)
    stack.wait_page('"a"')
    stack.wait_ready("worker")
    stack.write({"shared.py": "TEXT = 'b'\n"})
    stack.wait(lambda: restarts(stack) == (1, 1))
    stack.write({"web_only.py": "TEXT = 'b'\n"})
    stack.wait(lambda: restarts(stack) == (2, 1))
    stack.write({"settings.yaml": "b"})
    stack.wait(lambda: restarts(stack) == (3, 1))
    assert json.loads(stack.get())[1:] == ["b", "b", "b"]


def test_what_is_used_later_is_learned_and_what_is_written_is_not(
    stack: Stack,
) -> None:
    """A module imported by a function, a page read by one, a file it appends to."""
    stack.start(ROUTED)
    stack.wait_page('"a"')
    stack.write({"lazy.py": "TEXT = 'b'\n", "notes.txt": "b", "page.html": "b"})
    assert (stack.get("/lazy"), stack.get("/page")) == ("b", "b")
    assert stack.get("/write") == "written"
    stack.write({"lazy.py": "TEXT = 'c'\n"})
    stack.wait(lambda: restarts(stack) == (1, 0))
    assert (stack.get("/lazy"), stack.get("/page")) == ("c", "b")
    stack.write({"page.html": "c"})
    stack.wait(lambda: restarts(stack) == (2, 0))
    causes = [entry["files"] for entry in stack.ask("dev.why")["reloads"]]
    assert sorted(causes) == [["lazy.py"], ["page.html"]]


def test_a_save_right_after_a_file_was_read_is_not_lost(stack: Stack) -> None:
    """What the process has read counts, however late that is heard of."""
    stack.start(ROUTED)
    stack.wait_page('"a"')
    stack.wait_ready("web")
    os.kill(stack.supervisor, signal.SIGSTOP)
    try:
        assert stack.get("/page") == "a"
        stack.write({"page.html": "b"})
    finally:
        os.kill(stack.supervisor, signal.SIGCONT)
    stack.wait(lambda: restarts(stack) == (1, 0))
    assert stack.get("/page") == "b"


@pytest.mark.parametrize("kind", ["auto", "cold"])
def test_garbage_is_collected_in_a_worker(stack: Stack, kind: str) -> None:
    """Though nothing tells it that its start is over."""
    usual = f"{gc.get_threshold()}"
    table = f'[tool.sceneshift.processes.worker]\nreload = "{kind}"\n'
    files = {"usual": usual, "garbage.py": GARBAGE, "pyproject.toml": table}
    stack.start({**files, "Procfile.dev": "worker: python garbage.py\n"})
    stack.wait_output("collected as usual")


def test_a_program_that_waits_for_a_signal_hears_none_of_ours(stack: Stack) -> None:
    """It says what it has imported (`wave`), and waits on; one of its own it hears."""
    stack.start({"pauses.py": PAUSES, "Procfile.dev": "worker: python pauses.py\n"})
    stack.wait_output("-- ready")
    stack.wait((stack.root / ".sceneshift/zygote/worker.json").exists)
    stack.edit("pauses.py", "went on", "went far")
    stack.wait_output("-- reloaded")
    assert "went" not in stack.output
    os.kill(stack.pid("worker"), signal.SIGUSR1)
    stack.wait_output("heard$")
    stack.wait_output("went far$")
    stack.wait_output("-- completed")


AGAIN = """\
import os, subprocess, sys

if os.environ.get("AGAIN"):
    with open("events", "a") as log:
        print(*sys.argv, sys.flags.dont_write_bytecode, file=log)
else:
    subprocess.run(sys.orig_argv, env={**os.environ, "AGAIN": "1"}, check=True)
"""


@pytest.mark.parametrize("name", ["again.py", "-m again"])
def test_a_program_can_start_itself_again(stack: Stack, name: str) -> None:
    """With the words by which Python would have started it, as reloaders do."""
    stack.start(
        {"again.py": AGAIN, "Procfile.dev": f"job: python -B {name} one --two\n"}
    )
    place = str(stack.root / "again.py") if "-m" in name else name
    stack.wait(partial(has_said, stack, [f"{place} one --two 1"]))


def test_a_process_is_as_old_as_its_service(stack: Stack) -> None:
    """Not as old as the child that had been waiting to take it over."""
    stack.start(ROUTED)
    stack.wait_page('"a"')
    zygote = processes()[stack.pid("web")].ppid
    stack.wait(lambda: len(list(children(zygote))) == 3)  # an early and a late one
    waiting = {child.pid for child in children(zygote)} - {stack.pid("web")}
    asked = time.time()
    assert stack.inv("dev.restart", "web").returncode == 0
    assert stack.pid("web") in waiting
    began = datetime.fromisoformat(stack.status("web")["started_at"])
    assert began.timestamp() >= asked - 0.001  # it is told to the millisecond


def test_a_daemon_ends_with_the_process_that_made_it(stack: Stack) -> None:
    """Though it has left the session, and executes no program of its own."""
    files = {"worker.py": DAEMON, "job.py": JOB.format(0)}
    stack.start({**files, "Procfile.dev": "worker: python -m worker\n"})
    old, new = (stack.root / f"daemon.{number}" for number in range(2))
    stack.wait(old.exists)
    stack.wait_ready("worker")
    stack.write({"job.py": JOB.format(1)})
    stack.wait(new.exists)
    former = find_process(int(old.read_text()))
    assert former is None or not former.is_running
    daemon = find_process(int(new.read_text()))
    assert daemon is not None
    assert daemon.is_running
