from __future__ import annotations

import os
import resource
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stacks import DEADLINE_S, POLITE, STAY, STUBBORN
from support import wait_until

if TYPE_CHECKING:
    from stacks import MakeProject, Project

CHAIN = """\
[tool.sceneshift.processes.middle]
depends_on = { first = "started" }
[tool.sceneshift.processes.last]
depends_on = { middle = "started" }
"""


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """Return a project with a process that is polite and one that is not."""
    settings = "[tool.sceneshift.processes.bad]\nstop = { time_s = 0.2 }\n"
    processes = {"good": POLITE, "bad": STUBBORN}
    return make_project(processes=processes, settings=settings)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_signal_ends_everything(
    make_project: MakeProject, number: int, code: int
) -> None:
    """Each has the time to say its last word, and the code says which signal."""
    stack = make_project(processes={"a": POLITE, "b": POLITE}).start()
    stack.wait_for("-- ready", 2)
    assert stack.stop(number) == code
    assert stack.lines.count("bye") == 2


@pytest.mark.parametrize("lines", [0, 1, 5])
def test_a_signal_during_the_start_ends_everything(
    make_project: MakeProject, lines: int
) -> None:
    """Whatever of thirty processes has been started by then."""
    names = [f"p{number}" for number in range(30)]
    project = make_project(processes=dict.fromkeys(names, STAY))
    stack = project.start()
    stack.wait_for("| up", lines)
    assert stack.stop(signal.SIGTERM) in ({143} if lines else {143, -signal.SIGTERM})
    assert not (project.root / ".sceneshift/dev.sock").exists()


def test_what_depends_ends_first(make_project: MakeProject) -> None:
    """Everything is stopped in reverse order, one after the other's end."""
    line = "trap 'sleep 0.1; echo bye; exit' TERM; echo up; sleep 300 & wait"
    processes = dict.fromkeys(("first", "middle", "last"), line)
    stack = make_project(processes=processes, settings=CHAIN).start()
    stack.wait_for("-- ready", 3)
    assert stack.stop() == 130
    ends = [line for line in stack.output.splitlines() if line.endswith("| bye")]
    assert [line.split()[1] for line in ends] == ["last.1", "middle.1", "first.1"]


def test_ctrl_c_ends_everything(make_project: MakeProject) -> None:
    """The terminal's SIGINT reaches the stack, which tells its processes itself."""
    stack = make_project(processes={"a": POLITE, "b": POLITE}).start_in_terminal()
    stack.wait_for("-- ready", 2)
    stack.type(b"\x03")
    assert stack.wait() == 130
    assert stack.output.count("bye\r\n") == 2
    assert "stopping; once more to stop at once" in stack.output


def test_a_second_ctrl_c_ends_at_once(make_project: MakeProject) -> None:
    """A process that would have an hour is killed."""
    settings = "[tool.sceneshift.processes.bad]\nstop = { time_s = 3600 }\n"
    project = make_project(processes={"bad": STUBBORN}, settings=settings)
    stack = project.start_in_terminal()
    stack.wait_for("-- ready")
    stack.type(b"\x03")
    stack.wait_for("stopping; once more to stop at once")
    stack.type(b"\x03")
    assert stack.wait() == 130


def test_a_closed_terminal_ends_everything(make_project: MakeProject) -> None:
    """SIGHUP, as when the window is closed."""
    project = make_project(processes={"a": POLITE})
    stack = project.start_in_terminal()
    stack.wait_for("-- ready")
    stack.hang_up()
    assert stack.process.wait(DEADLINE_S) == 129
    project.assert_nothing_left()
    assert "bye" in project.inv("dev.logs").stdout


def test_a_reader_that_goes_ends_everything(make_project: MakeProject) -> None:
    """`inv dev | head` leaves nothing behind."""
    line = "echo up; while sleep 0.05; do echo on; done"
    project = make_project(processes={"a": line})
    reading, writing = os.pipe()
    stack = project.start(stdout=writing)
    os.close(writing)
    assert os.read(reading, 1)
    os.close(reading)
    assert stack.wait() == 141


@pytest.mark.parametrize("who", ["supervisor", "guard"])
def test_nothing_outlives_a_kill(project: Project, who: str) -> None:
    """Whoever is killed, everything goes, and the next `inv dev` starts cleanly."""
    stack = project.start()
    stack.wait_for("-- ready", 2)
    os.kill(stack.process.pid if who == "supervisor" else stack.guard(), signal.SIGKILL)
    stack.wait()
    project.refuse("dev.status", code=1)
    again = project.start()
    again.wait_status(good="ready", bad="ready")
    assert project.inv("dev.stop", "bad").returncode == 0
    assert again.stop() == 130


def test_a_deep_folder_has_a_socket_too(make_project: MakeProject) -> None:
    """A socket's path has an end at some 100 bytes; a project's has none."""
    project = make_project(processes={"a": STAY}, folder="/".join(["deep" * 10] * 5))
    stack = project.start()
    stack.wait_status(a="ready")
    assert project.inv("dev.stop").returncode == 0
    assert stack.wait() == 0


def test_of_two_at_once_one_runs(make_project: MakeProject) -> None:
    """The other follows it or says that it is busy; there is one `a`."""
    project = make_project(processes={"a": STAY})
    stacks = [project.start(), project.start()]
    wait_until(lambda: stacks[0].status().get("a", {}).get("pid"), DEADLINE_S)
    # Who comes after the end of the first would be one itself.
    wait_until(lambda: all(stack.output for stack in stacks), DEADLINE_S)
    assert project.inv("dev.stop").returncode == 0
    codes = sorted(stack.wait() for stack in stacks)
    assert codes in ([0, 0], [0, 5])
    starts = project.inv("dev.logs", "a", "--grep", "^up$").stdout.splitlines()
    assert len(starts) == 1


def test_a_socket_that_lies_about_is_no_stack(make_project: MakeProject) -> None:
    """What a killed run left is neither believed nor in the way."""
    project = make_project({".sceneshift/dev.sock": ""}, processes={"a": "echo done"})
    project.refuse("dev.status", code=1)
    assert project.start().wait() == 0
    assert not (project.root / ".sceneshift/dev.sock").exists()


def test_ctrl_c_before_the_start_is_no_traceback(make_project: MakeProject) -> None:
    """It ends while it reads its files, and silently."""
    project = make_project()
    os.mkfifo(project.root / "Procfile.dev")
    stack = project.start()
    writer = wait_until(
        lambda: _open_writing(project.root / "Procfile.dev"), DEADLINE_S
    )
    # Between that and the read, Python would hear of a signal when it has read.
    wchan = Path(f"/proc/{stack.process.pid}/wchan")
    wait_until(lambda: "pipe_read" in wchan.read_text(), DEADLINE_S)
    assert stack.stop() == 130
    assert stack.output == ""
    os.close(writer)


def _open_writing(fifo: Path) -> int:
    """Return a descriptor once somebody reads."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return 0


def test_what_goes_wrong_in_the_supervisor_itself_ends_everything(
    make_project: MakeProject,
) -> None:
    """A stack that has lost an event would wait for it for ever."""
    stack = make_project(processes={"app": STAY}).start()
    pid = stack.wait_status(app="ready")["app"]["pid"]
    resource.prlimit(stack.process.pid, resource.RLIMIT_NOFILE, (3, 3))
    os.kill(pid, signal.SIGKILL)
    assert stack.wait() == 1
    assert "an internal error, all ends: [Errno 24] Too many open files" in stack.output
