from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from stacks import DEADLINE_S, STAY
from support import free_port, wait_until

if TYPE_CHECKING:
    from stacks import MakeProject

READ = 'echo "$WORD"; exec sleep 300'
SLEEP_ON = "import sys, time; print(sys.argv[1], flush=True); time.sleep(300)\n"


def test_settings_that_are_edited_hold_at_once(make_project: MakeProject) -> None:
    """What is watched, what set-up names, and which env files there are.

    A file that is named is seen though git ignores it.
    """
    project = make_project({".gitignore": "it.txt\n"}, processes={"app": READ})
    stack = project.start()
    stack.wait_status(app="ready")
    table = "[tool.sceneshift.processes.app]\n"
    project.write({"pyproject.toml": table + "watch = ['it.txt']\n"})
    stack.wait_for("reloaded in")
    project.write({"it.txt": "1"})
    stack.wait_for(": it.txt")
    setup = "setup = { run = 'echo made', when = ['it.txt'] }\n"
    project.write({"pyproject.toml": table + setup})
    stack.wait_for("app.1  | made", 1)
    project.write({"it.txt": "2"})
    stack.wait_for("app.1  | made", 2)
    listed = "env = { WORD = 'listed' }\nenv_files = ['own.env']\n"
    environment = "[tool.sceneshift.environments.development]\n"
    project.write({"pyproject.toml": environment + listed})
    stack.wait_for("app.1  | listed")
    project.write({"own.env": "WORD=own\n"})
    stack.wait_for("app.1  | own")
    assert stack.stop() == 130


SERVE = "python -m http.server $PORT --bind 127.0.0.1"
FORKED, BY_SHELL = f"app: {SERVE}\n", f"app: true; exec {SERVE}\n"


def test_a_command_of_another_kind_takes_over(make_project: MakeProject) -> None:
    """From a fork to a shell and back, on one port, and nothing of the old is left."""
    project = make_project({"Procfile.dev": FORKED}, PORT=str(free_port()))
    stack = project.start()
    assert stack.wait_status(app="ready")["app"]["reload"] == "fork"
    for count, (line, kind) in enumerate([(BY_SHELL, "cold"), (FORKED, "fork")], 1):
        project.write({"Procfile.dev": line})
        stack.wait_for("reloaded in", count)
        status = stack.wait_status(app="ready")["app"]
        assert status["reload"] == kind
        _connect(status["port"])
        (reload,) = project.ask("dev.why", "--count", "1")["reloads"]
        assert (reload["files"], reload["outcome"]) == (["Procfile.dev"], "served")
    assert stack.stop() == 130


def test_a_kind_that_is_edited_twice_in_a_row_ends_as_the_last(
    make_project: MakeProject,
) -> None:
    """What stands in between may never run, and nothing of it is left."""
    project = make_project({"Procfile.dev": f"app: {STAY}\n", "app.py": SLEEP_ON})
    stack = project.start()
    stack.wait_status(app="ready")
    project.write({"Procfile.dev": "app: python app.py one\n"})
    stack.wait_for("app.1  | one")
    project.write({"Procfile.dev": f"app: echo between; {STAY}\n"})
    stack.wait_for("reloaded in", 1)
    project.write({"Procfile.dev": "app: python app.py two\n"})
    stack.wait_for("app.1  | two")
    assert stack.wait_status(app="ready")["app"]["reload"] == "fork"
    assert stack.stop() == 130


def test_a_script_that_is_not_there_yet_is_awaited(make_project: MakeProject) -> None:
    """It is said once; the old command goes on until the script is written."""
    project = make_project({"Procfile.dev": f"app: {STAY}\n", "other.py": ""})
    stack = project.start()
    before = stack.wait_status(app="ready")
    project.write({"Procfile.dev": "app: python app.py one\n"})
    stack.wait_for("Procfile.dev:1: `app` runs a script that does not exist: `app.py`")
    project.write({"other.py": "1"})
    assert stack.status() == before
    project.write({"app.py": SLEEP_ON})
    stack.wait_for("app.1  | one")
    assert stack.output.count("does not exist") == 1
    assert stack.wait_status(app="ready")["app"]["reload"] == "fork"
    (reload,) = project.ask("dev.why")["reloads"]
    assert (reload["files"], reload["cause"]) == (["Procfile.dev"], "environment")
    assert stack.stop() == 130


def test_a_port_that_is_edited_is_left(make_project: MakeProject) -> None:
    """Nobody waits at the old one for an answer that never comes."""
    old, new = free_port(), free_port()
    table = "[tool.sceneshift.environments.development]\nports = {{ app = {} }}\n"
    project = make_project(processes={"app": SERVE}, settings=table.format(old))
    stack = project.start()
    stack.wait_status(app="ready")
    _connect(old)
    project.write({"pyproject.toml": table.format(new)})
    stack.wait_for("reloaded in")
    _connect(new)
    wait_until(lambda: not _is_open(old))
    assert stack.stop() == 130


def _connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), DEADLINE_S).close()


def _is_open(port: int) -> bool:
    try:
        _connect(port)
    except ConnectionRefusedError:
        return False
    return True
