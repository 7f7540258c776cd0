from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stacks import POLITE, STAY

if TYPE_CHECKING:
    from stacks import MakeProject, Project

FULL = Path("/dev/full")


@pytest.fixture
def logged(make_project: MakeProject) -> Project:
    """Return a project whose stack has run and ended."""
    processes = {"a": "echo one; echo two", "b": "echo three; echo four >&2"}
    project = make_project(processes=processes)
    assert project.start().wait() == 0
    return project


def test_logs_outlive_the_stack(logged: Project) -> None:
    """All, some, filtered and counted."""
    assert sorted(logged.read_texts()) == ["four", "one", "three", "two"]
    assert logged.read_texts("a") == logged.read_texts("a.1") == ["one", "two"]
    assert logged.read_texts("b", "a", "--grep", "^t") in (
        ["two", "three"],
        ["three", "two"],
    )
    assert logged.read_texts("--since", "2099-01-01") == []
    assert len(logged.read_texts("--since", "1h")) == 4
    assert len(logged.read_texts("--lines", "9" * 5000)) == 4
    line = json.loads(logged.inv("dev.logs", "a", "--json").stdout.splitlines()[0])
    assert line.keys() == {"process", "time", "text", "note"}


def test_logs_for_people_have_time_and_name(logged: Project) -> None:
    """`HH:MM:SS name | text`."""
    at, name, mark, text = logged.inv("dev.logs", "a").stdout.splitlines()[0].split()
    assert len(at) == len("12:34:56")
    assert (name, mark, text) == ("a", "|", "one")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--grep", "("], "`--grep` is no regular expression: `(`: missing )"),
        (["--grep", "x{9999999999}"], "`--grep` is no regular expression: `x{9"),
        (["--grep", "(" * 5000], "`--grep` is no regular expression: `(((("),
        (["--since", "soon"], "`--since` is neither a span nor a time: soon"),
        (["--lines", "-1"], "`--lines` is to be a number from 1 on, found: -1"),
        (["--lines", "few"], "`--lines` is to be a number from 1 on, found: few"),
        (["bb"], "there is no log of a process `bb`"),
    ],
)
def test_logs_refuse_what_they_cannot_mean(
    logged: Project, words: list[str], complaint: str
) -> None:
    """Exit code 2 and one line."""
    said = logged.refuse("dev.logs", *words, code=2)
    assert said.startswith(f"error: {complaint}")
    assert "\nhint: " in said


def test_output_that_nobody_reads_is_no_traceback(logged: Project) -> None:
    """As in `inv dev.logs | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [logged.inv_path, "dev.logs"],
        cwd=logged.root,
        env=logged.env,
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("words", [["dev.logs"], ["dev", "--dry-run", "--json"]])
def test_output_that_cannot_be_written_is_an_error(
    logged: Project, words: list[str]
) -> None:
    """A disk is full: one sentence and a hint, also at the interpreter's end."""
    with FULL.open("wb") as full:
        done = subprocess.run(
            [logged.inv_path, *words],
            cwd=logged.root,
            env=logged.env,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr == (
        "error: output cannot be written: no space left on device\n"
        "hint: is there room where it goes? df -h\n"
    )


def test_logs_follow_until_the_stack_ends(make_project: MakeProject) -> None:
    """`-f` shows what was and what comes, filtered by name and pattern."""
    project = make_project(processes={"app": STAY, "worker": POLITE})
    stack = project.start()
    stack.wait_status(app="ready", worker="ready")
    log = project.start_command("dev.logs", "worker", "-f", "--grep", "^[ub]")
    log.wait_for("worker | up")
    project.inv("dev.restart")
    log.wait_for("worker | bye")
    log.wait_for("worker | up", 2)
    assert stack.stop() == 130
    assert log.wait() == 0
    assert {line.split(" | ")[0][9:] for line in log.output.splitlines()} == {"worker"}
