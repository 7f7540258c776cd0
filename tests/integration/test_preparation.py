from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from stacks import DEADLINE_S, STAY
from support import free_port, wait_until

if TYPE_CHECKING:
    from stacks import MakeProject
SETUP = """\
[tool.sceneshift.processes.app]
setup = { run = "echo setting up; echo once >> log.txt", when = ["lock.txt"] }
"""


def test_a_setup_step_runs_once_for_each_content(make_project: MakeProject) -> None:
    """Not at the second start, but again when its file has another content."""
    project = make_project(
        {"lock.txt": "1", "log.txt": ""}, processes={"app": STAY}, settings=SETUP
    )
    log = project.root / "log.txt"
    stack = project.start()
    stack.wait_status(app="ready")
    assert stack.lines.index("setting up") < stack.lines.index("up")
    assert stack.stop() == 130
    stack = project.start()
    stack.wait_status(app="ready")
    assert log.read_text() == "once\n"
    project.write({"lock.txt": "2"})
    stack.wait_for("setting up")
    stack.wait_for("| up", 2)
    assert log.read_text() == "once\n" * 2
    assert stack.stop() == 130


def test_a_failed_setup_fails_its_process_alone(make_project: MakeProject) -> None:
    """The others go on, and the step is tried again by a word."""
    settings = '[tool.sceneshift.processes.app]\nsetup = { run = "test -e ok" }\n'
    project = make_project(processes={"app": STAY, "other": STAY}, settings=settings)
    stack = project.start()
    stack.wait_status(app="failed", other="ready")
    assert "test -e ok" in stack.output
    project.write({"ok": ""})
    project.ask("dev.start", "app")
    stack.wait_status(app="ready")
    assert stack.stop() == 130


def test_a_failed_setup_is_tried_again_for_a_file_that_it_names(
    make_project: MakeProject,
) -> None:
    """A save elsewhere is no reason to run it again."""
    setup = 'run = "echo trying; grep -q good lock.txt", when = ["lock.txt"]'
    project = make_project(
        {"lock.txt": "bad", "other.txt": "1"},
        processes={"app": STAY},
        settings=f"[tool.sceneshift.processes.app]\nsetup = {{ {setup} }}\n",
    )
    stack = project.start()
    stack.wait_status(app="failed")
    project.write({"other.txt": "2"})
    project.ask("dev.status")  # answered behind the change
    project.write({"lock.txt": "good"})
    stack.wait_status(app="ready")
    assert stack.output.count("| trying") == 2
    assert [each["process"] for each in project.ask("dev.why")["reloads"]] == ["app"]
    assert stack.stop() == 130


def test_what_is_configured_while_a_setup_runs_counts(
    make_project: MakeProject,
) -> None:
    """The process starts as it is wanted now, not as it was when the step began."""
    table = '[tool.sceneshift.processes.app]\nenv = {{ WORD = "{}" }}\n{}'
    setup = 'setup = { run = "echo waiting; until test -e go; do sleep 0.02; done" }\n'
    command = "echo word $WORD; exec sleep 300"
    project = make_project(
        processes={"app": command}, settings=table.format("old", setup)
    )
    stack = project.start()
    stack.wait_for("| waiting")
    project.write({"pyproject.toml": table.format("new", setup)})
    wait_until(lambda: project.ask("dev.why")["reloads"], DEADLINE_S)
    project.write({"go": ""})
    stack.wait_for("word new")
    assert "word old" not in stack.output
    assert stack.stop() == 130


def test_a_setup_that_the_system_refuses_has_failed(make_project: MakeProject) -> None:
    """It is told, and tried again by a word."""
    project = make_project(
        {"lock.txt": "1", "log.txt": "", ".sceneshift/setup/lock/in": "the way"},
        processes={"app": STAY},
        settings=SETUP,
    )
    stack = project.start()
    stack.wait_status(app="failed")
    assert "the set-up cannot be run: " in stack.output
    shutil.rmtree(project.root / ".sceneshift/setup/lock")
    project.ask("dev.start", "app")
    assert stack.stop() == 130


CONDITIONS = """\
[tool.sceneshift.processes.after-start]
depends_on = { slow = "started" }
[tool.sceneshift.processes.after-ready]
depends_on = { slow = "ready" }
[tool.sceneshift.processes.after-end]
depends_on = { job = "completed" }
[tool.sceneshift.processes.never]
depends_on = { slow = "completed" }
[tool.sceneshift.processes.slow]
health = { log = "open now" }
"""


def test_processes_start_when_what_they_need_is_there(
    make_project: MakeProject,
) -> None:
    """`started`, `ready` and `completed` are three different times."""
    wait = "until test -e {}; do sleep 0.02; done"
    processes = {
        "never": STAY,
        "after-end": STAY,
        "after-ready": STAY,
        "after-start": f"touch started; {STAY}",
        "slow": f"{wait.format('go')}; echo open now; exec sleep 300",
        "job": wait.format("go"),
    }
    stack = make_project(processes=processes, settings=CONDITIONS).start()
    status = stack.wait_status(**{"after-start": "ready", "slow": "starting"})
    waiting = {name for name, each in status.items() if each["state"] == "waiting"}
    assert waiting == {"never", "after-end", "after-ready"}
    stack.project.write({"go": ""})
    status = stack.wait_status(**{"after-ready": "ready", "after-end": "ready"})
    assert (status["job"]["state"], status["never"]["state"]) == (
        "completed",
        "waiting",
    )
    assert stack.stop() == 130


READ = 'echo "$WORD"; exec sleep 300'


HEALTHY = """\
import http.server, os, pathlib

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print("asked", flush=True)
        self.send_response(200 if pathlib.Path("well").exists() else 503)
        self.end_headers()

    def log_message(self, *_):
        pass

address = ("127.0.0.1", int(os.environ["PORT"]))
http.server.HTTPServer(address, Handler).serve_forever()
"""


def test_a_process_that_is_started_again_is_probed_again(
    make_project: MakeProject,
) -> None:
    """To listen is enough for new code that takes over, not for a start."""
    settings = "[tool.sceneshift.processes.app]\nhealth = '/'\n"
    files = {"app.py": HEALTHY, "well": ""}
    project = make_project(
        files,
        processes={"app": "python app.py"},
        settings=settings,
        PORT=str(free_port()),
    )
    stack = project.start()
    stack.wait_status(app="ready")
    project.ask("dev.stop", "app")
    (project.root / "well").unlink()
    asked = stack.output.count("asked")
    start = project.start_command("dev.start", "app")
    stack.wait_for("asked", asked + 2)
    assert start.process.poll() is None
    assert stack.status()["app"]["state"] == "starting"
    project.write({"well": ""})
    assert start.process.wait(DEADLINE_S) == 0
    assert stack.status()["app"]["state"] == "ready"


def test_an_edited_env_file_restarts_what_it_concerns(
    make_project: MakeProject,
) -> None:
    """The new value arrives; a process with a word of its own is left alone."""
    settings = '[tool.sceneshift.processes.other]\nenv = { WORD = "mine" }\n'
    project = make_project(
        {".env": "WORD=old\n"},
        processes={"app": READ, "other": READ},
        settings=settings,
    )
    stack = project.start()
    before = stack.wait_status(app="ready", other="ready")
    project.write({".env": "WORD=new\n"})
    stack.wait_for("app.1   | new")
    after = stack.wait_status(app="ready")
    assert after["app"]["pid"] != before["app"]["pid"]
    assert after["other"]["pid"] == before["other"]["pid"]
    (reload,) = project.ask("dev.why")["reloads"]
    assert (reload["process"], reload["cause"]) == ("app", "environment")
    assert reload["files"] == [".env"]
    assert stack.stop() == 130


def test_an_env_file_that_a_program_reads_itself_is_one_reload(
    make_project: MakeProject,
) -> None:
    """Both its variables and the file that was opened are others: by one save."""
    code = """\
import os, signal
print(os.environ["WORD"], open(".env").read().count("#"), flush=True)
signal.pause()
"""
    project = make_project(
        {".env": "WORD=old\n", "app.py": code}, processes={"app": "python app.py"}
    )
    stack = project.start()
    stack.wait_for("app.1  | old 0")
    stack.wait_status(app="ready")
    project.write({".env": "# a comment\nWORD=old\n"})
    stack.wait_for("app.1  | old 1")
    stack.wait_for("-- reloaded")
    project.write({".env": "# a comment\nWORD=new\n"})
    stack.wait_for("app.1  | new 1")
    stack.wait_for("-- reloaded", 2)
    causes = [each["cause"] for each in project.ask("dev.why")["reloads"]]
    assert causes == ["change", "environment"]
    assert stack.stop() == 130


def test_an_env_file_that_comes_later_counts(make_project: MakeProject) -> None:
    """It was looked for, so it is seen when it is there."""
    project = make_project(processes={"app": READ})
    stack = project.start()
    stack.wait_status(app="ready")
    project.write({".env": "WORD=new\n"})
    stack.wait_for("app.1  | new")
    assert stack.stop() == 130


def test_an_edited_command_restarts_its_process(make_project: MakeProject) -> None:
    """A line of the Procfile is another, the other line is not."""
    project = make_project({"Procfile.dev": f"app: {STAY}\nother: {STAY}\n"})
    stack = project.start()
    before = stack.wait_status(app="ready", other="ready")
    line = "echo other words; exec sleep 300"
    project.write({"Procfile.dev": f"app: {line}\nother: {STAY}\n"})
    stack.wait_for("app.1   | other words")
    after = stack.wait_status(app="ready")
    assert after["other"]["pid"] == before["other"]["pid"]
    assert stack.stop() == 130


def test_a_broken_configuration_is_told_and_changes_nothing(
    make_project: MakeProject,
) -> None:
    """The stack goes on with what it has, and takes it when it is mended."""
    project = make_project({"Procfile.dev": f"app: {STAY}\n"})
    stack = project.start()
    before = stack.wait_status(app="ready")
    project.write({"Procfile.dev": "app\n"})
    stack.wait_for("Procfile.dev:1: no process can be read here: `app`")
    assert stack.status() == before
    project.write({"Procfile.dev": "app: echo mended; exec sleep 300\n"})
    stack.wait_for("app.1  | mended")
    assert stack.stop() == 130
