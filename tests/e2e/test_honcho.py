"""What honcho's own integration tests run through `honcho start`, through both."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from stacks import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAY = """\
import os, sys
print(os.environ.get("ANIMAL", "lion"))
print("to standard error", file=sys.stderr)
"""
CASES = {
    "a process that writes to both": {
        "Procfile": "foo: python say.py\n",
        "say.py": SAY,
    },
    "a variable of .env": {
        "Procfile": "foo: python say.py\n",
        "say.py": SAY,
        ".env": "ANIMAL=zebra\n",
    },
    "several processes": {
        "Procfile": "one: python say.py && sleep 1\n"
        "two-2: echo two; echo three; sleep 1\nx_3: sleep 1\n",
        "say.py": SAY,
    },
    "ports and names": {
        "Procfile": "a: echo $HONCHO_PROCESS_NAME `printenv PORT`; sleep 1\n"
        "b: echo $HONCHO_PROCESS_NAME `printenv PORT`; sleep 1\n",
        ".env": "PORT=7000\n",
    },
    "comments, quotes and shell": {
        "Procfile": "# comment\n\nq: echo 'a  b' \"$ANIMAL\" && echo c | tr c d\n",
        ".env": 'ANIMAL="sea lion"\n',
    },
}
OWN = re.compile(r"system +\||.*\| -- ")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Return a project without files."""
    made = Project(tmp_path / "project", {})
    yield made
    made.close()


def _honcho(project: Project) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [project.inv_path.with_name("honcho"), "start"],
        cwd=project.root,
        env=project.env,
        capture_output=True,
        text=True,
        check=False,
    )


def _lines(output: str) -> list[str]:
    """Return the processes' lines, in any order, without times."""
    timeless = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in output.splitlines()]
    return sorted(re.sub(r" +\|", " |", x) for x in timeless if not OWN.match(x))


@pytest.mark.parametrize("case", CASES)
def test_a_procfile_gives_the_lines_that_honcho_gives(
    project: Project, case: str
) -> None:
    """The same file, the same words, the same names before them."""
    project.write(CASES[case])
    theirs = _honcho(project)
    stack = project.start()
    assert (stack.wait(), theirs.returncode) == (0, 0)
    assert _lines(stack.output) == _lines(theirs.stdout)
    assert _lines(stack.output)


def test_a_procfile_named_by_env_is_taken(project: Project) -> None:
    """`PROCFILE` in `.env` names it, as honcho has it."""
    project.write(
        {
            "Procfile": "foo: echo not this\n",
            "other": "bar: echo this\n",
            ".env": "PROCFILE=other\n",
        }
    )
    theirs = _honcho(project)
    stack = project.start()
    assert stack.wait() == 0
    assert _lines(stack.output) == _lines(theirs.stdout) == ["bar.1 | this"]


def test_the_code_of_a_failure_is_the_end_s(project: Project) -> None:
    """`honcho` ends with its first process's code, and so does `--strict`."""
    project.write({"Procfile": "foo: python x.py\n", "x.py": "raise SystemExit(42)\n"})
    assert _honcho(project).returncode == 42
    assert project.start("--strict").wait() == 42
