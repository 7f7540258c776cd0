from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TASKS = '''
import os
import sys
from invoke.collection import Collection
from sceneshift.core.errors import DriftError, SceneshiftError
from sceneshift.task import NamesTask, task

@task
def bare(c):
    raise SceneshiftError("it fell: `x`", hint="lift it")

@task(help={"name": "Whom to greet."}, aliases=("hi",), default=True)
def greet(c, name="world", loud=False):
    """Greet somebody."""
    print(f"hello {name}{'!' * loud}")

@task(greet)
def drift(c):
    raise DriftError("something is pending")

@task
def interrupt(c):
    raise KeyboardInterrupt

@task
def tell(c):
    open("told", "w").write(f"{[sys.stdin.fileno(), *map(reach, (1, 2))]}")

def reach(number):
    os.write(number, b"nobody reads this")
    return number

@task
def keep(c):
    one = Kept()
    one.own = one

class Kept:
    def __del__(self):
        print("kept")

@task(klass=NamesTask, iterable=["names"], help={"names": "Who comes."})
def invite(c, names, twice=False):
    """Invite people."""
    print(f"{names} {twice}")

ns = Collection(bare, greet, drift, interrupt, tell, keep, invite)
'''


def inv(
    root: Path, *args: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `inv` with the tasks above."""
    (root / "tasks.py").write_text(TASKS)
    return subprocess.run(
        [sys.executable, "-m", "invoke", *args],
        cwd=root,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_error_is_two_lines_and_its_exit_code(tmp_path: Path) -> None:
    """No traceback, and nothing on standard output."""
    done = inv(tmp_path, "bare")
    assert done.stderr == "error: it fell: `x`\nhint: lift it\n"
    assert (done.stdout, done.returncode) == ("", 1)


def test_an_error_without_hint_is_one_line(tmp_path: Path) -> None:
    """The class has the exit code; tasks that run before are kept."""
    done = inv(tmp_path, "drift")
    assert done.stderr == "error: something is pending\n"
    assert (done.stdout, done.returncode) == ("hello world\n", 3)


def test_an_interrupt_is_no_error(tmp_path: Path) -> None:
    """The shell's own number for SIGINT."""
    done = inv(tmp_path, "interrupt")
    assert (done.stderr, done.returncode) == ("", 130)


@pytest.mark.cold
def test_what_a_project_s_task_leaves_is_collected_in_the_end(tmp_path: Path) -> None:
    """What is left of our own commands need not be looked at."""
    assert inv(tmp_path, "keep").stdout == "kept\n"


def test_closed_descriptors_are_open_to_nowhere(tmp_path: Path) -> None:
    """What a task opens must not take their numbers, and get what is printed."""
    inv(tmp_path)
    command = f"exec {sys.executable} -m invoke tell <&- >&- 2>&-"
    assert subprocess.call(["/bin/sh", "-c", command], cwd=tmp_path) == 0
    assert (tmp_path / "told").read_text() == "[0, 1, 2]"


@pytest.mark.parametrize(
    ("args", "env"),
    [(("--debug",), {}), ((), {"SCENESHIFT_DEBUG": "1"})],
)
def test_a_traceback_is_there_for_the_asking(
    tmp_path: Path, args: tuple[str, ...], env: dict[str, str]
) -> None:
    """By flag or by variable; message and exit code stay."""
    done = inv(tmp_path, *args, "bare", env=env)
    assert "Traceback" in done.stderr
    assert "in bare" in done.stderr
    assert "error: it fell: `x`\n" in done.stderr
    assert done.returncode == 1


def test_a_zero_asks_for_no_traceback(tmp_path: Path) -> None:
    """SCENESHIFT_DEBUG=0 means what it says."""
    done = inv(tmp_path, "bare", env={"SCENESHIFT_DEBUG": "0"})
    assert "Traceback" not in done.stderr


def test_flags_and_help_are_those_of_the_function(tmp_path: Path) -> None:
    """Invoke sees the signature and the docstring that were written."""
    assert inv(tmp_path, "hi", "--name", "you", "-l").stdout == "hello you!\n"
    shown = inv(tmp_path, "--help", "greet").stdout
    assert "Greet somebody." in shown
    assert "Whom to greet." in shown
    assert "--loud" in shown


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "[] False"),
        (("ann", "bob"), "['ann', 'bob'] False"),
        (("ann", "--twice", "bob"), "['ann', 'bob'] True"),
        (("--twice",), "[] True"),
    ],
)
def test_names_need_no_flag(tmp_path: Path, args: tuple[str, ...], said: str) -> None:
    """Any number of them, with flags before, between and after."""
    assert inv(tmp_path, "invite", *args).stdout == f"{said}\n"


@pytest.mark.parametrize("args", [("--help",), ("ann", "-h")])
def test_help_is_no_name(tmp_path: Path, args: tuple[str, ...]) -> None:
    """A word that begins with a dash is a flag wherever a name may stand."""
    assert "Who comes." in inv(tmp_path, "invite", *args).stdout


def test_an_unknown_flag_is_no_name(tmp_path: Path) -> None:
    """A misspelled flag is an error, not a process that does not exist."""
    done = inv(tmp_path, "invite", "--twise")
    assert "--twise" in done.stderr
    assert done.stdout == ""
    assert done.returncode != 0
