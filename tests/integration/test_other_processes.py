"""Lines that are added to or taken out of the Procfile while all runs."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.processes import has_variable
from stacks import DEADLINE_S, POLITE, STAY
from support import free_port, wait_until

if TYPE_CHECKING:
    from stacks import MakeProject, Project, Stack

SERVE = "python -m http.server $PORT --bind 127.0.0.1"
TELL = "import os, time\nprint('more is', os.environ.get('MORE_URL'), flush=True)\n"
APP = f"app: {STAY}\n"
MORE = f"more: {STAY}\n"


def _is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), DEADLINE_S).close()
    except ConnectionError:
        return False
    return True


def _is_gone(project: Project, label: str) -> bool:
    """Tell whether nothing of a process runs: itself, its children, its zygote."""
    mark = f"HONCHO_PROCESS_NAME={label}".encode()
    return not any(has_variable(pid, mark) for pid in project.left())


def _start(project: Project, **states: str) -> tuple[Stack, dict[str, int]]:
    """Start a stack; return it with the pids of its processes."""
    stack = project.start()
    status = stack.wait_status(**states)
    return stack, {name: each["pid"] for name, each in status.items()}


def test_an_added_line_starts_and_the_others_go_on(make_project: MakeProject) -> None:
    """With a port that nobody has; the others learn of it when they start anew."""
    base = free_port()
    files = {"Procfile.dev": "app: python app.py\n" + f"last: {STAY}\n"}
    code = TELL + "time.sleep(300)\n"
    project = make_project({**files, "app.py": code}, PORT=str(base))
    stack, pids = _start(project, app="ready", last="ready")
    project.write({"Procfile.dev": f"app: python app.py\n{MORE}last: {STAY}\n"})
    status = stack.wait_status(more="ready")
    assert list(status) == ["app", "more", "last"]
    assert {name: status[name]["pid"] for name in pids} == pids
    ports = {name: each["port"] for name, each in status.items()}
    assert ports == {"app": base, "last": base + 100, "more": base + 200}
    project.write({"app.py": code + "# edited\n"})
    stack.wait_for(f"more is http://127.0.0.1:{base + 200}")
    assert project.ask("dev.why", "app")["reloads"][0]["rung"] == "fork"
    assert stack.status()["last"]["pid"] == pids["last"]
    assert project.inv("dev.restart", "last", "more").returncode == 0
    assert stack.stop() == 130


def test_a_removed_line_is_stopped_and_leaves_the_status(
    make_project: MakeProject,
) -> None:
    """Nothing of it is left, and its log can still be read."""
    files = {"Procfile.dev": f"{APP}old: {POLITE}\nfork: python app.py\n"}
    project = make_project({**files, "app.py": TELL + "time.sleep(300)\n"})
    stack, pids = _start(project, app="ready", old="ready", fork="ready")
    project.write({"Procfile.dev": APP})
    stack.wait_for("-- removed: it is not configured any more", 2)
    status = stack.status()
    assert {name: each["pid"] for name, each in status.items()} == {"app": pids["app"]}
    assert project.read_texts("old") == ["up", "bye"]
    for label in ("old.1", "fork.1"):
        wait_until(partial(_is_gone, project, label))
    said = project.refuse("dev.restart", "old", code=2)
    assert said.startswith("error: there is no process `old`")
    assert stack.stop() == 130


def test_a_line_that_gets_another_name_keeps_its_port(
    make_project: MakeProject,
) -> None:
    """It starts when the former one has left it, and nothing fails on the way."""
    project = make_project({"Procfile.dev": f"app: {SERVE}\n"}, PORT=str(free_port()))
    stack = project.start()
    port = stack.wait_status(app="ready")["app"]["port"]
    project.write({"Procfile.dev": f"web: {SERVE}\n"})
    status = stack.wait_status(web="ready")
    assert status.keys() == {"web"}
    assert status["web"]["port"] == port
    assert status["web"]["restarts"] == 0
    assert _is_open(port)
    assert stack.stop() == 130


def test_a_line_that_comes_back_starts_again(make_project: MakeProject) -> None:
    """After its end, and while it is being stopped."""
    settings = "[tool.sceneshift.processes.more]\nstop = { time_s = 1 }\n"
    slow = "more: trap '' TERM; echo up; sleep 300 & wait; sleep 300\n"
    project = make_project({"Procfile.dev": APP + slow})
    stack, pids = _start(project, app="ready", more="ready")
    project.write({"Procfile.dev": APP, "pyproject.toml": ""})
    stack.wait_status(more="stopping")
    project.write({"Procfile.dev": APP + slow, "pyproject.toml": settings})
    stack.wait_for("up", 3)
    status = stack.wait_status(more="ready")
    assert status["more"]["pid"] != pids["more"]
    project.write({"Procfile.dev": APP, "pyproject.toml": ""})
    stack.wait_for("-- removed")
    project.write({"Procfile.dev": APP + MORE})
    status = stack.wait_status(more="ready")
    assert status["app"]["pid"] == pids["app"]
    assert stack.stop() == 130


def test_an_added_line_has_its_set_up_and_its_order(make_project: MakeProject) -> None:
    """As at the start."""
    project = make_project({"Procfile.dev": APP})
    stack, _pids = _start(project, app="ready")
    settings = (
        "[tool.sceneshift.processes]\njob = { depends_on = ['db'] }\n"
        "db = { setup = { run = 'test -f made' }, health = { log = 'open' } }\n"
    )
    lines = f"{APP}job: {STAY}\ndb: until test -f go; do sleep 0.01; done; echo open; "
    files = {"pyproject.toml": settings, "Procfile.dev": lines + "sleep 300\n"}
    project.write(files)
    stack.wait_status(job="waiting", db="failed")
    project.write({"made": ""})
    project.write({"go": ""})
    assert project.inv("dev.restart", "db").returncode == 0
    stack.wait_status(job="ready", db="ready")
    assert stack.stop() == 130


def test_a_line_is_added_during_the_set_up_of_another(
    make_project: MakeProject,
) -> None:
    """Which then starts with the address of the new one."""
    settings = (
        "[tool.sceneshift.processes.app.setup]\n"
        "run = 'until test -f go; do sleep 0.01; done'\n"
    )
    app = 'app: echo "more is $MORE_URL"; exec sleep 300\n'
    files = {"Procfile.dev": app, "pyproject.toml": settings}
    project = make_project(files, PORT="5600")
    stack = project.start()
    stack.wait_status(app="setup")
    project.write({"Procfile.dev": app + MORE})
    stack.wait_status(app="setup", more="ready")
    project.write({"go": ""})
    stack.wait_for("more is http://127.0.0.1:5700")
    assert stack.stop() == 130


REFUSED = {
    "a circle": (
        f"{APP}{MORE}",
        "app.depends_on = ['more']\nmore.depends_on = ['app']",
        "processes wait for each other: app -> more -> app",
    ),
    "an unknown name": (
        f"{APP}{MORE}",
        "more.depends_on = ['ap']",
        "the Procfile has no process `ap`, the nearest is `app`",
    ),
    "a name that is taken out": (
        MORE,
        "more.depends_on = ['app']",
        "the Procfile has no process `app`",
    ),
    "a program that is not there": (
        f"{APP}more: no-such-program\n",
        "",
        "`more` runs a program that does not exist: `no-such-program`",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_lines_that_cannot_be_are_told_and_change_nothing(
    make_project: MakeProject, case: str
) -> None:
    """In one line; the stack takes them when they are mended."""
    lines, settings, complaint = REFUSED[case]
    project = make_project({"Procfile.dev": APP})
    stack = project.start()
    before = stack.wait_status(app="ready")
    settings = f"[tool.sceneshift.processes]\n{settings}\n"
    project.write({"pyproject.toml": settings, "Procfile.dev": lines})
    stack.wait_for(complaint)
    assert stack.status() == before
    # In this order: between the two, nothing may be right that lacks `app`.
    project.write({"Procfile.dev": APP + MORE, "pyproject.toml": ""})
    assert stack.wait_status(more="ready")["app"]["pid"] == before["app"]["pid"]
    assert stack.stop() == 130


def test_what_was_asked_for_at_the_start_holds_on(make_project: MakeProject) -> None:
    """A line that was left out stays out, one that was named cannot be taken out."""
    project = make_project({"Procfile.dev": APP + MORE})
    stack = project.start("--only", "app")
    before = stack.wait_status(app="ready")
    project.write({"Procfile.dev": MORE})
    stack.wait_for("there is no process `app`")
    line = f"app: echo other; {STAY}\n"
    project.write({"Procfile.dev": f"{line}{MORE}new: {STAY}\n"})
    stack.wait_for("app.1  | other")
    after = stack.wait_status(app="ready")
    assert after.keys() == before.keys()
    assert stack.stop() == 130


def test_a_port_that_is_taken_is_told_and_awaited(make_project: MakeProject) -> None:
    """Nothing of the edit counts until it is free; any save looks again."""
    project = make_project({"Procfile.dev": APP, "note.txt": ""})
    stack, pids = _start(project, app="ready")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        settings = f"[tool.sceneshift.environments.development]\nports.more = {port}\n"
        lines = f"app: echo other; {STAY}\n{MORE}"
        project.write({"pyproject.toml": settings, "Procfile.dev": lines})
        stack.wait_for(f"port {port} of `more` is taken by pid ")
        assert stack.status().keys() == {"app"}
    project.write({"note.txt": "1"})
    stack.wait_status(more="ready")
    stack.wait_for("app.1  | other")
    assert stack.status()["app"]["pid"] != pids["app"]
    assert stack.stop() == 130


def test_what_is_waited_for_can_be_edited(make_project: MakeProject) -> None:
    """What runs goes on; what waits begins when nothing is in its way any more."""
    settings = "[tool.sceneshift.processes]\nmore.depends_on = ['db']\n"
    files = {"Procfile.dev": f"{APP}{MORE}db: exit 3\n", "pyproject.toml": settings}
    project = make_project(files)
    stack, pids = _start(project, app="ready", more="waiting", db="failed")
    project.write({"pyproject.toml": settings + "app.depends_on = ['db']\n"})
    project.write(
        {"pyproject.toml": "[tool.sceneshift.processes]\nmore.depends_on = []"}
    )
    status = stack.wait_status(more="ready")
    assert status["app"]["pid"] == pids["app"]
    assert project.ask("dev.why")["reloads"] == []
    assert stack.stop() == 130


def test_the_page_of_a_removed_process_goes(make_project: MakeProject) -> None:
    """Nobody answers on its port any more."""
    files = {"Procfile.dev": f"{APP}web: python app.py\n", "app.py": "1 +\n"}
    project = make_project(files, PORT=str(free_port()))
    stack = project.start()
    port = stack.wait_status(app="ready", web="failed")["web"]["port"]
    wait_until(lambda: _is_open(port))
    project.write({"Procfile.dev": APP})
    wait_until(lambda: not _is_open(port))
    wait_until(lambda: stack.status().keys() == {"app"})
    assert stack.stop() == 130


def test_who_follows_the_output_sees_what_comes(make_project: MakeProject) -> None:
    """In another terminal, without being called again."""
    project = make_project({"Procfile.dev": APP})
    stack, _pids = _start(project, app="ready")
    follower = project.start_command("dev.logs", "--follow")
    follower.wait_for("app | up")
    project.write({"Procfile.dev": f"{APP}more: echo come; sleep 300\n"})
    follower.wait_for("more | come")
    assert stack.stop() == 130


def test_a_stack_that_is_ended_takes_no_edit(make_project: MakeProject) -> None:
    """What is being stopped is not joined by anything."""
    project = make_project(
        {"Procfile.dev": f"app: {POLITE.replace('exit 0', 'sleep 1')}"}
    )
    stack, _pids = _start(project, app="ready")
    stack.send(2)
    stack.wait_for("bye")
    project.write({"Procfile.dev": APP + MORE})
    assert stack.wait() == 130
    assert "more.1" not in stack.output
