from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from stacks import DEADLINE_S, POLITE, STAY, STUBBORN
from support import wait_until

if TYPE_CHECKING:
    from stacks import MakeProject
UP = {"other": STAY}


def test_a_death_does_not_take_others_along(make_project: MakeProject) -> None:
    """The one that died is started again, the other keeps its pid."""
    stack = make_project(processes={"app": STAY, **UP}).start()
    before = stack.wait_status(app="ready", other="ready")
    os.kill(before["app"]["pid"], signal.SIGKILL)
    stack.wait_for("app.1   | up", 2)
    after = stack.wait_status(app="ready")
    assert after["app"]["restarts"] == 1
    assert after["other"] == before["other"]
    stack.wait_for("-- was ended by SIGKILL")
    assert stack.stop() == 130


def test_a_crash_loop_ends_after_five_tries(make_project: MakeProject) -> None:
    """Five starts again, then it waits for a word, and has a fresh budget."""
    line = "echo try; test -e mended || exit 3; exec sleep 300"
    project = make_project(processes={"bad": line, **UP})
    stack = project.start()
    stack.wait_status(bad="failed", other="ready")
    assert stack.lines.count("try") == 6
    stack.wait_for("-- ended with exit code 3", 6)
    stack.wait_for("-- down: waits for a change of a file, or for: inv dev.restart bad")
    project.write({"mended": ""})
    project.ask("dev.restart", "bad")
    stack.wait_status(bad="ready")
    assert stack.stop() == 130


def test_a_completed_process_is_no_failure(make_project: MakeProject) -> None:
    """An end with 0 is an end; the stack ends when all are completed."""
    stack = make_project(processes={"a": "echo done", "b": "sleep 0.5"}).start()
    assert stack.wait() == 0
    assert "done" in stack.lines
    assert "error" not in stack.output


@pytest.mark.parametrize(("end", "code"), [("exit 3", 3), ("kill -9 $$", 137)])
def test_strict_ends_all_with_the_code_of_the_first(
    make_project: MakeProject, end: str, code: int
) -> None:
    """`--strict` is for CI: the first end is the end."""
    project = make_project(processes={"bad": f"sleep 0.3; {end}", "good": POLITE})
    stack = project.start("--strict")
    assert stack.wait() == code
    assert stack.lines.count("bye") == 1


def test_strict_takes_a_success_as_an_end_too(make_project: MakeProject) -> None:
    """Whatever ends first, its code is the code."""
    stack = make_project(processes={"a": "sleep 0.3", "b": STAY}).start("--strict")
    assert stack.wait() == 0


STOP = '[tool.sceneshift.processes.app]\nstop = {{ signal = "{}", time_s = {} }}\n'


def test_a_process_has_its_own_stop_signal(make_project: MakeProject) -> None:
    """`stop.signal` is what it gets instead of SIGTERM."""
    line = "trap 'echo int' INT; trap 'echo term' TERM; echo up; sleep 300 & wait"
    project = make_project(
        processes={"app": line, **UP}, settings=STOP.format("SIGINT", 1)
    )
    stack = project.start()
    stack.wait_for("app.1   | -- ready")
    assert stack.stop(signal.SIGTERM) == 143
    assert "int" in stack.lines
    assert "term" not in stack.lines


def test_what_ignores_its_signal_is_killed_after_its_time(
    make_project: MakeProject,
) -> None:
    """`stop.time_s` is how long it has, and then nothing of it is left."""
    project = make_project(
        processes={"app": STUBBORN, **UP}, settings=STOP.format("TERM", 0.3)
    )
    stack = project.start()
    stack.wait_for("app.1   | -- ready")
    done = project.ask("dev.stop", "app")
    assert [each["state"] for each in done["processes"]] == ["stopped", "ready"]
    assert stack.stop() == 130


def test_the_whole_session_is_waited_for(make_project: MakeProject) -> None:
    """A leader that ends at once leaves a child that takes its time."""
    line = (
        "sh -c 'trap \"sleep 0.3; echo late\" TERM; echo up; sleep 300 & wait' & wait"
    )
    stack = make_project(processes={"app": line, **UP}).start()
    stack.wait_for("app.1   | -- ready")
    assert stack.stop() == 130
    assert "late" in stack.lines


def test_an_end_is_noticed_though_a_daemon_holds_the_output(
    make_project: MakeProject,
) -> None:
    """The leader's end is the process's end, and what it has left is ended."""
    daemon = "setsid sh -c \"trap '' TERM HUP; echo up; sleep 300; sleep 300\" &"
    settings = "[tool.sceneshift.processes.app]\nstop = { reload_time_s = 0.2 }\n"
    line = f"{daemon} until test -e go; do sleep 0.05; done; exit 3"
    project = make_project(processes={"app": line, **UP}, settings=settings)
    stack = project.start("--strict")
    stack.wait_status(app="ready", other="ready")
    project.write({"go": ""})
    assert stack.wait() == 3


def test_a_restart_waits_for_the_old_one(make_project: MakeProject) -> None:
    """The successor starts when its predecessor has said its last word."""
    line = "trap 'sleep 0.3; echo bye; exit' TERM; echo up; sleep 300 & wait"
    project = make_project(processes={"app": line})
    stack = project.start()
    stack.wait_status(app="ready")
    assert project.inv("dev.restart", "app").returncode == 0
    wait_until(lambda: stack.lines.count("up") == 2, DEADLINE_S)
    said = [line for line in stack.lines if line in {"up", "bye"}]
    assert said == ["up", "bye", "up"]
    assert stack.stop() == 130


def test_a_change_revives_what_has_given_up(make_project: MakeProject) -> None:
    """A saved file that is watched for starts it anew."""
    settings = '[tool.sceneshift.processes.app]\nwatch = ["*.txt"]\n'
    line = "test -e go.txt && echo up && exec sleep 300"
    project = make_project(processes={"app": line, **UP}, settings=settings)
    stack = project.start()
    stack.wait_status(app="failed")
    project.write({"go.txt": ""})
    stack.wait_status(app="ready")
    assert project.ask("dev.why")["reloads"][-1]["files"] == ["go.txt"]
    assert stack.stop() == 130


def test_a_web_process_that_never_listens_is_said_to(make_project: MakeProject) -> None:
    """What depends on it starts all the same, after 10 s."""
    project = make_project(
        processes={"web": STAY, "after": STAY},
        settings='[tool.sceneshift.processes.after]\ndepends_on = ["web"]\n',
    )
    stack = project.start()
    stack.wait_status(web="ready", after="ready")
    stack.wait_for("-- taken to be ready: nothing listens on port")
    assert stack.stop() == 130
