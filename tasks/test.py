"""`inv test`: the checks and the tests of this repository."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.exceptions import Exit

from sceneshift.core.errors import UsageError
from sceneshift.task import task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.context import Context

ROOT = Path(__file__).resolve().parent.parent

# The one list of checks; `.pre-commit-config.yaml` calls each by its name.
CHECKS = {
    "ruff-check": ("ruff", "check"),
    "ruff-format": ("ruff", "format", "--check"),
    "mypy": ("mypy",),
    "codespell": ("codespell",),
    "editor-files": ("inv", "ide.generate", "--check"),
}

# These share one editor, and are in none of the other runs.
VSCODE = ("tests/vscode", "-n", "0")


@task(
    default=True,
    help={
        "args": "More arguments for pytest, as one string: --args='-k wrapper -x'",
        "cov": "Measure line and branch coverage, subprocesses included",
        "lint": "Run the checks of `inv test.lint` before the tests",
        "vscode": "Run, instead of all tests, those in a real VS Code",
        "screenshots": "With --vscode: make the pictures of docs/images anew",
    },
)
def run(
    _c: Context,
    args: str = "",
    *,
    cov: bool = False,
    lint: bool = True,
    vscode: bool = False,
    screenshots: bool = False,
) -> None:
    """Check the sources, run all tests, and close with the count of them."""
    if screenshots and not vscode:
        raise UsageError(
            "pictures are made by a real VS Code alone",
            hint="./inv test --vscode --screenshots",
        )
    bad_checks = find_bad_checks(tuple(CHECKS)) if lint else []
    chosen = [*(VSCODE if vscode else ()), *(["--screenshots"] if screenshots else [])]
    if cov:
        call("coverage", "erase")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "junit.xml")
        code = run_pytest([*chosen, *shlex.split(args)], report, is_measured=cov)
        counts = count_outcomes(report)
    if cov:
        call("coverage", "combine", "--quiet")
        call("coverage", "report")
    if bad_checks:
        print(f"checks that failed: {', '.join(bad_checks)}")
    # Whoever reads the output by machine finds this alone on the last line.
    print("{passed} passed, {failed} failed, {skipped} skipped".format_map(counts))
    sys.stdout.flush()
    if code or bad_checks:
        raise Exit(code=code or 1)


@task(help={"only": f"One check instead of all: {', '.join(CHECKS)}"})
def lint(_c: Context, only: str = "") -> None:
    """Check the sources with ruff, mypy and codespell."""
    if only and only not in CHECKS:
        raise UsageError(
            f"there is no such check: {only}", hint=f"one of {', '.join(CHECKS)}"
        )
    if bad := find_bad_checks((only,) if only else tuple(CHECKS)):
        print(f"checks that failed: {', '.join(bad)}")
        raise Exit(code=1)


def find_bad_checks(names: Sequence[str]) -> list[str]:
    """Run checks; return the names of those that failed."""
    return [name for name in names if call(*CHECKS[name])]


def run_pytest(arguments: Sequence[str], report: Path, *, is_measured: bool) -> int:
    """Run the tests on all cores; return pytest's exit code."""
    # By either of these the tests may import the top folder, as under plain `python`.
    start = ("coverage", "run", "-m") if is_measured else ("python", "-m")
    spread = ("-n", str(count_cores()), "--dist", "loadgroup")
    return call(*start, "pytest", *spread, f"--junitxml={report}", *arguments)


def call(*command: str) -> int:
    """Run a program of this environment; return its exit code."""
    print(f"$ {shlex.join(command)}", flush=True)
    programs = Path(sys.executable).parent
    path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    argv = [str(programs / command[0]), *command[1:]]
    environment = os.environ | {"PATH": path}
    return subprocess.run(argv, cwd=ROOT, env=environment, check=False).returncode


def count_cores() -> int:
    """Return how many cores this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def count_outcomes(report: Path) -> dict[str, int]:
    """Count a JUnit file's tests; without one, the run itself is what failed."""
    if not report.exists():
        return {"passed": 0, "failed": 1, "skipped": 0}
    tests = ET.parse(report).iter("testcase")  # noqa: S314 - pytest just wrote it
    counts = Counter(outcome_of(test) for test in tests)
    return {name: counts[name] for name in ("passed", "failed", "skipped")}


def outcome_of(test: ET.Element) -> str:
    """Tell how a test ended; one that had to fail, and did, has passed."""
    if test.find("failure") is not None or test.find("error") is not None:
        return "failed"
    skip = test.find("skipped")
    if skip is None or skip.get("type") == "pytest.xfail":
        return "passed"
    return "skipped"


ns = Collection(run, lint)
