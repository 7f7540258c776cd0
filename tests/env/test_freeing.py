from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core import marks
from sceneshift.core.errors import (
    BusyError,
    RefusedError,
    UsageError,
)
from sceneshift.dev.guard import child
from sceneshift.env.freeing import _read_command, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVER = """
import signal, socket, sys
if sys.argv[2:]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""
SETTINGS = """
[tool.sceneshift.environments.development]
ports = {{ web = {0}, api = {1} }}
[tool.sceneshift.environments.staging]
ports = {{ web = {0} }}
"""


# Another test, in another session even, may end what bears an id that it uses too.
GONE = f"gone.{secrets.token_hex(8)}"


class Leftover:
    """A server that bears marks."""

    def __init__(self, env: dict[str, str], *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, "0", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | env,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    @property
    def has_ended(self) -> bool:
        """Whether it is gone, which its parent learns at once."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.2)
        return self.process.poll() is not None


@pytest.fixture(name="leave")
def make_leave(tmp_path: Path) -> Iterator[Any]:
    """Return what starts a leftover of the project."""
    started: list[Leftover] = []

    def leave(process: str, *words: str, **env: str) -> Leftover:
        own = {
            "SCENESHIFT_ROOT": str(tmp_path),
            "SCENESHIFT_STACK": GONE,
            "SCENESHIFT_ENV": "development",
            "HONCHO_PROCESS_NAME": f"{process}.1",
        }
        started.append(Leftover(own | env, *words))
        return started[-1]

    yield leave
    for each in started:
        each.process.kill()
        each.process.communicate()


@pytest.fixture(name="free")
def make_free(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what frees ports: the pids that it says."""

    def free(name: str, **options: Any) -> list[int]:
        asked = {"is_dry": False, "as_json": True, **options}
        free_ports(tmp_path, {}, name, **asked)
        said = json.loads(capsys.readouterr().out)
        assert said["is_applied"] is not asked["is_dry"]
        return [action["pid"] for action in said["actions"]]

    return free


def write(root: Path, web: int, api: int) -> None:
    """Make a project with two processes on these ports."""
    (root / "Procfile").write_text("web: sleep 1\napi: sleep 1\n")
    (root / "pyproject.toml").write_text(SETTINGS.format(web, api))


def test_only_what_is_named_is_ended(leave: Any, free: Any, tmp_path: Path) -> None:
    """Of this project, this process or environment, and no other's."""
    web, api = leave("web"), leave("api", "stubborn")
    strangers = [
        leave("web", SCENESHIFT_ROOT="/other"),
        leave("web", SCENESHIFT_ENV="staging"),
        Leftover({"HONCHO_PROCESS_NAME": "web.1"}),
    ]
    write(tmp_path, web.port, api.port)
    assert free("dev", is_dry=True) == [web.process.pid, api.process.pid]
    assert not web.has_ended
    apart = free("api")
    assert apart == [api.process.pid]
    assert api.has_ended
    assert not web.has_ended
    assert free("development") == [web.process.pid]
    assert web.has_ended
    assert not any(each.has_ended for each in strangers)
    strangers[-1].process.communicate()


def test_a_foreign_holder_is_named_and_left_alone(
    leave: Any, free: Any, tmp_path: Path
) -> None:
    """The command is refused: the port is not free."""
    stranger = Leftover({})
    left = leave("api")
    write(tmp_path, stranger.port, left.port)
    with pytest.raises(RefusedError) as caught:
        free("development")
    message = f"port {stranger.port} of `web` is held by pid {stranger.process.pid} ("
    assert caught.value.message.startswith(message)
    assert caught.value.hint == "end that program yourself"
    assert left.has_ended
    assert not stranger.has_ended
    stranger.process.communicate()


def test_a_leftover_of_another_environment_is_named_with_what_ends_it(
    leave: Any, free: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It holds the port of both, and only one was meant."""
    left = leave("web", SCENESHIFT_ENV="staging")
    write(tmp_path, left.port, 2)
    with pytest.raises(RefusedError) as caught:
        free("development")
    assert caught.value.hint == "end that too: inv env.ports --free web"
    assert not left.has_ended
    capsys.readouterr()
    assert free("web") == [left.process.pid]


def test_what_this_command_was_started_by_is_not_ended(tmp_path: Path) -> None:
    """A shell that was opened from within a stack bears the marks too."""
    write(tmp_path, 1, 2)
    (tmp_path / "tasks.py").write_text("")
    code = (
        "import sys; from pathlib import Path\n"
        "from sceneshift.env.freeing import free_ports\n"
        "free_ports(Path(sys.argv[1]), {}, 'web', is_dry=False, as_json=True)"
    )
    env = {
        **os.environ,
        "SCENESHIFT_ROOT": str(tmp_path),
        "SCENESHIFT_STACK": GONE,
        "SCENESHIFT_ENV": "development",
        "HONCHO_PROCESS_NAME": "web.1",
    }
    script = '"$@"; echo survived'
    argv = ["sh", "-c", script, "sh", sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.endswith('"actions": []\n}\nsurvived\n')
    assert done.stderr == "there is nothing left of an earlier stack\n"


def test_while_a_stack_is_starting_nothing_is_ended(
    leave: Any, free: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has no id yet by which its own would be known."""
    left = leave("web")
    write(tmp_path, left.port, 2)
    (tmp_path / ".sceneshift").mkdir()
    with (tmp_path / ".sceneshift/dev.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match=r"^a stack is just starting"):
            free("web")
        (tmp_path / ".sceneshift/dev.stack").write_text(GONE)
        with pytest.raises(RefusedError):
            free("web")
        assert json.loads(capsys.readouterr().out)["actions"] == []
    assert not left.has_ended
    capsys.readouterr()
    assert free("web") == [left.process.pid]


def test_an_unknown_name_is_refused_with_the_nearest(free: Any, tmp_path: Path) -> None:
    """Bad usage."""
    write(tmp_path, 1, 2)
    with pytest.raises(UsageError) as caught:
        free("wbe")
    assert caught.value.message == (
        "there is no environment and no process `wbe` with a port"
    )
    assert caught.value.hint == "did you mean `web`?"


def test_people_get_a_table(
    leave: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of what would be ended, then of what was."""
    left = leave("web")
    write(tmp_path, left.port, 2)
    for is_dry, word in ((True, "nothing was ended"), (False, "done: ended what")):
        free_ports(tmp_path, {}, "web", is_dry=is_dry, as_json=False)
        said = capsys.readouterr()
        assert said.out.splitlines()[1].split()[:3] == [
            str(left.process.pid),
            "web.1",
            "development",
        ]
        assert said.err.startswith(word)
    assert left.has_ended


# Nobody but root may signal the first process, and here not even root tries.
POWERLESS = """
import os
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.processes import find_process
from sceneshift.env.freeing import End, apply_ends
entry = find_process(1)
if os.geteuid() == 0:
    os.setuid(65534)
end = End(entry=entry, process="web.1", environment="development", command="init")
try:
    apply_ends([end], ask_s=0, kill_s=0)
except SceneshiftError as error:
    print(error.message, error.hint, sep="; ")
"""


def test_what_cannot_be_ended_is_told() -> None:
    """With where to look."""
    said = subprocess.check_output([sys.executable, "-c", POWERLESS], text=True)
    assert said == "these cannot be ended: pid 1; look at them: ps -fp 1\n"


def test_a_process_that_has_ended_has_no_command() -> None:
    """It may do so while it is looked at."""
    with subprocess.Popen(["true"]) as ended:
        pass
    assert _read_command(ended.pid) == ""


def test_the_marks_are_those_of_the_guard() -> None:
    """It has its own words for them, for it must import little."""
    assert child.STACK_VARIABLE == marks.STACK_VARIABLE
