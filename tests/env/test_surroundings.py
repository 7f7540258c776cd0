from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.check import CheckState, ok, skip, warn
from sceneshift.env import surroundings

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = "the project is on another machine's disk"


def make_tree(root: Path) -> None:
    """Make four folders that are watched, and some that are not."""
    for name in ("a/b", "c", "node_modules/x/y", ".hidden/z", "ignored/deep"):
        (root / name).mkdir(parents=True)
        (root / name / "file").touch()


def test_folders_that_git_ignores_do_not_count(tmp_path: Path) -> None:
    """It is asked; where there is none, what is usually ignored does not."""
    make_tree(tmp_path)
    assert surroundings.count_folders(tmp_path) == 6  # with ignored/deep
    (tmp_path / ".gitignore").write_text("ignored\nnode_modules\n")
    subprocess.run(["git", "-C", tmp_path, "init", "-q"], check=True)
    assert surroundings.count_folders(tmp_path) == 6  # with .hidden/z


@pytest.mark.parametrize(
    ("most", "state"),
    [
        ("100", CheckState.OK),
        ("12", CheckState.WARNING),
        ("6", CheckState.FAILED),
        ("x", CheckState.SKIPPED),
    ],
)
def test_the_limit_is_for_all_programs(
    tmp_path: Path, most: str, state: CheckState
) -> None:
    """Half of it is a warning."""
    make_tree(tmp_path)
    limits = tmp_path / ".limits"
    limits.mkdir()
    (limits / "max_user_watches").write_text(most)
    verdict = surroundings.check_watches(tmp_path, limits)
    assert verdict.state is state
    if state is CheckState.FAILED:
        assert verdict.detail == ("6 folders to watch, 6 are allowed for all programs")
        assert verdict.remedy == "sudo sysctl fs.inotify.max_user_watches=524288"


def test_case_is_tried_with_a_file_of_the_project(tmp_path: Path) -> None:
    """Two links to one file are what a system that ignores case shows."""
    assert surroundings.check_case(tmp_path).state is CheckState.SKIPPED
    (tmp_path / "tasks.py").touch()
    assert surroundings.check_case(tmp_path) == ok("case counts")
    (tmp_path / "TASKS.PY").touch()
    assert surroundings.check_case(tmp_path) == ok("case counts")
    (tmp_path / "TASKS.PY").unlink()
    (tmp_path / "TASKS.PY").hardlink_to(tmp_path / "tasks.py")
    assert surroundings.check_case(tmp_path).state is CheckState.WARNING


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("ext4", "ext4"),
        ("nfs4", f"{OTHERS} (nfs4): it is slow"),
        (
            "virtiofs",
            f"{OTHERS} (virtiofs): its changes are found by polling",
        ),
    ],
)
def test_a_disk_of_another_machine_is_told(
    tmp_path: Path, kind: str, detail: str
) -> None:
    """By the system's list of mounts."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"x / {kind} rw 0 0\n")
    assert surroundings.check_file_system(tmp_path, mounts).detail == detail


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ok("no proxy for http is set")),
        ({"https_proxy": "http://p:1"}, ok("no proxy for http is set")),
        (
            {"http_proxy": "http://p:1", "no_proxy": "localhost, 127.0.0.1,.corp"},
            ok("http_proxy leaves this machine alone"),
        ),
        (
            {"ALL_PROXY": "http://p:1", "NO_PROXY": "*"},
            ok("ALL_PROXY leaves this machine alone"),
        ),
        (
            {"HTTP_PROXY": "http://p:1", "NO_PROXY": ".corp,localhost"},
            warn(
                "HTTP_PROXY catches requests to 127.0.0.1",
                "export no_proxy=.corp,localhost,127.0.0.1 "
                "NO_PROXY=.corp,localhost,127.0.0.1",
            ),
        ),
        (
            {"http_proxy": "http://p:1"},
            warn(
                "http_proxy catches requests to localhost and 127.0.0.1",
                "export no_proxy=localhost,127.0.0.1 NO_PROXY=localhost,127.0.0.1",
            ),
        ),
    ],
)
def test_a_proxy_is_to_leave_this_machine_alone(
    environ: dict[str, str], expected: object
) -> None:
    """Else every request to a process goes out, and is refused."""
    assert surroundings.check_proxy(environ) == expected


def test_a_system_that_does_not_tell_is_skipped(tmp_path: Path) -> None:
    """There is nothing to compare with."""
    expected = skip("the system does not tell its limit")
    assert surroundings.check_watches(tmp_path, tmp_path / "none") == expected
