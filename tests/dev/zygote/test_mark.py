"""What the kernel shows of a fork's environment."""

from __future__ import annotations

import subprocess
import sys

import pytest

SHOW = """
import os, sys
from sceneshift.dev.zygote import mark

mark.show(sys.argv[1])
if os.fork() == 0:
    with open("/proc/self/environ") as file:
        print(file.read().split("\\0"))
else:
    os.wait()
"""


@pytest.mark.parametrize(
    ("inherited", "mark", "shown"),
    [
        ("123.456.7", "8.web", ["A=1", "SCENESHIFT_PROCESS=8.web", *[""] * 4, "B=2"]),
        ("12345", "8.web", ["A=1", "SCENESHIFT_PROCESS=8.web", "B=2"]),
        ("1234", "8.web", ["A=1", "SCENESHIFT_PROCESS=1234", "B=2"]),
        (None, "8.web", ["A=1", "B=2"]),
    ],
)
def test_a_mark_takes_the_place_of_the_one_before(
    inherited: str | None, mark: str, shown: list[str]
) -> None:
    """Forks show it too; what lies beside it stays, and a longer one has no place."""
    ours = {} if inherited is None else {"SCENESHIFT_PROCESS": inherited}
    said = subprocess.run(
        [sys.executable, "-c", SHOW, mark],
        env={"A": "1", **ours, "B": "2", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout
    assert said.startswith(str(shown)[:-1])
