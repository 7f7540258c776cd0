from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent


def run_pytest(
    folder: Path, body: str, *, ci: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run one test on a machine that has no program but those in `folder`."""
    path = folder / "test_one.py"
    path.write_text(f"import pytest\n\n{body}\ndef test_one() -> None:\n    pass\n")
    environment = {"PATH": str(folder), "PYTHONPATH": str(TESTS), "CI": ci}
    argv = [sys.executable, "-m", "pytest", "-p", "conftest", "-c", os.devnull]
    return subprocess.run(
        [*argv, "--strict-markers", "-rs", "--rootdir", str(folder), str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
    )


def put_program(folder: Path, name: str, says: str = "") -> None:
    """Make a program that says one line."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)


def test_a_missing_component_skips_the_test_with_the_reason(tmp_path: Path) -> None:
    """On a developer's machine nobody has to have everything."""
    done = run_pytest(tmp_path, "@pytest.mark.needs('tmux', 'redis')")

    assert done.returncode == 0
    assert "missing on this machine: tmux, redis" in done.stdout
    assert "1 skipped" in done.stdout


@pytest.mark.parametrize("ci", ["true", "1"])
def test_a_missing_component_fails_the_test_in_ci(tmp_path: Path, ci: str) -> None:
    """A skip in CI would be a test that never runs anywhere."""
    done = run_pytest(tmp_path, "@pytest.mark.needs('tmux')", ci=ci)

    assert done.returncode == 1
    assert "missing on this machine: tmux; .ci/run installs it" in done.stdout


def test_a_present_component_lets_the_test_run(tmp_path: Path) -> None:
    """A program on PATH is the component."""
    put_program(tmp_path, "tmux")

    assert "1 passed" in run_pytest(tmp_path, "@pytest.mark.needs('tmux')").stdout


@pytest.mark.parametrize(
    ("version", "outcome"), [("v20.18.9", "1 skipped"), ("v20.19.0", "1 passed")]
)
def test_an_old_node_is_none(tmp_path: Path, version: str, outcome: str) -> None:
    """The front end's tools start with Node 20.19 or newer only."""
    put_program(tmp_path, "node", version)
    put_program(tmp_path, "npm")

    assert outcome in run_pytest(tmp_path, "@pytest.mark.needs('node')").stdout


def test_an_unknown_component_is_an_error(tmp_path: Path) -> None:
    """A misspelled name must not let a test run, nor skip it."""
    done = run_pytest(tmp_path, "@pytest.mark.needs('tmuxx')")

    assert done.returncode == 1
    assert "KeyError: 'tmuxx'" in done.stdout
