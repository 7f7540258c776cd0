from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]

ONE_OF_EACH = """\
import pytest

def test_pass(): pass
def test_fail(): assert False
@pytest.fixture
def broken(): raise ValueError
def test_error(broken): pass
def test_skip(): pytest.skip("why")
@pytest.mark.xfail
def test_had_to_fail(): assert False
"""


@pytest.fixture
def tasks() -> ModuleType:
    """The module `tasks/test.py`."""
    path = ROOT / "tasks" / "test.py"
    spec = importlib.util.spec_from_file_location("project_test_tasks", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_inv(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run this repository's `inv`."""
    argv = [str(Path(sys.executable).parent / "inv"), *arguments]
    # This process is a worker of xdist, which the one to be started is not.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return subprocess.run(
        argv, cwd=ROOT, capture_output=True, text=True, check=False, env=environment
    )


def test_each_outcome_is_counted(tasks: ModuleType, tmp_path: Path) -> None:
    """An error in a fixture is a failure; a test that had to fail has passed."""
    (tmp_path / "test_each.py").write_text(ONE_OF_EACH)
    report = tmp_path / "junit.xml"
    argv = [sys.executable, "-m", "pytest", "-c", os.devnull, f"--junitxml={report}"]
    subprocess.run([*argv, str(tmp_path)], check=False, capture_output=True)

    assert tasks.count_outcomes(report) == {"passed": 2, "failed": 2, "skipped": 1}


def test_a_run_without_a_report_has_failed(tasks: ModuleType, tmp_path: Path) -> None:
    """When pytest itself breaks, no count of zero failures may be shown."""
    counts = tasks.count_outcomes(tmp_path / "none.xml")

    assert counts == {"passed": 0, "failed": 1, "skipped": 0}


def test_the_count_is_alone_on_the_last_line() -> None:
    """Whoever reads the output by machine finds it there."""
    name = "test_a_present_component_lets_the_test_run"
    done = run_inv("test", "--no-lint", f"--args=tests/wrapper -n 1 -k {name}")

    assert done.stdout.splitlines()[-1] == "1 passed, 0 failed, 0 skipped"
    assert done.returncode == 0


def test_the_exit_code_of_pytest_is_kept() -> None:
    """5 means that no test was selected, which is no success."""
    done = run_inv("test", "--no-lint", "--args=tests/wrapper -n 0 -k no_such_test")

    assert done.stdout.splitlines()[-1] == "0 passed, 0 failed, 0 skipped"
    assert done.returncode == 5


def test_a_check_of_an_unknown_name_is_an_error() -> None:
    """A misspelled check must not look like a good one."""
    done = run_inv("test.lint", "--only=rough")

    assert done.returncode == 2
    assert "error: there is no such check: rough" in done.stderr


def test_the_hooks_are_the_checks(tasks: ModuleType) -> None:
    """What is checked before a commit is what is checked in CI."""
    text = (ROOT / ".pre-commit-config.yaml").read_text()

    assert re.findall(r"- id: (.+)", text) == [*tasks.CHECKS]
    assert re.findall(r"--only=(.+)", text) == [*tasks.CHECKS]
