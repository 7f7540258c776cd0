from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.check import CheckState, fail, ok, skip, warn
from sceneshift.env.installation import (
    check_node_packages,
    check_python_packages,
    find_frontends,
    list_installation_checks,
    read_pins,
)
from subjects import read_subject

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOBODY = 65534
ROOT = Path(__file__).resolve().parents[2]
LOCKED = {
    "": {"name": "app"},
    "node_modules/a": {"version": "1.0.0"},
    "node_modules/a/node_modules/b": {"version": "2.0.0"},
    "node_modules/fsevents": {"version": "3.0.0", "optional": True},
    "node_modules/space": {"link": True, "resolved": "space"},
    "space": {"version": "1.0.0"},
}


def lock(root: Path, locked: Mapping[str, Any], installed: object = None) -> None:
    """Write a lock file, and what npm says that it has installed."""
    text = json.dumps({"packages": locked})
    (root / "package-lock.json").write_text(text)
    if installed is not None:
        (root / "node_modules").mkdir(exist_ok=True)
        file = root / "node_modules" / ".package-lock.json"
        file.write_text(json.dumps({"packages": installed}))


def pick(*names: str) -> dict[str, Any]:
    """Return some of the locked packages."""
    return {name: LOCKED[name] for name in names}


HERE = pick("node_modules/a", "node_modules/a/node_modules/b")


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        (HERE, ok("2 packages as package-lock.json says")),
        (
            pick("node_modules/a"),
            fail("not as package-lock.json says: b", "npm ci"),
        ),
        (
            {**HERE, "node_modules/a": {"version": "1.0.1"}},
            fail("not as package-lock.json says: a", "npm ci"),
        ),
        ([], skip("npm did not write down what it has installed")),
    ],
)
def test_node_packages_are_those_of_the_lock(
    tmp_path: Path, installed: object, expected: object
) -> None:
    """What other systems need, and workspaces, may be missing."""
    lock(tmp_path, LOCKED, installed)
    assert check_node_packages(read_subject(tmp_path), tmp_path) == expected


def test_without_any_the_command_names_the_folder(tmp_path: Path) -> None:
    """It is typed in the project's folder."""
    folder = tmp_path / "web" / "app"
    folder.mkdir(parents=True)
    lock(folder, LOCKED)
    found = check_node_packages(read_subject(tmp_path), folder)
    assert found == fail("there is no node_modules", "npm --prefix web/app ci")


def test_frontends_are_found_where_people_put_them(tmp_path: Path) -> None:
    """Not among installed packages, nor in hidden folders."""
    places = [".", "demo/web", "a/b/c", "a/b/c/d", "node_modules/x", ".hidden"]
    for place in places:
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        lock(tmp_path / place, {})
    (tmp_path / "loop").symlink_to(tmp_path)
    found = [str(each.relative_to(tmp_path)) for each in find_frontends(tmp_path)]
    assert found == [".", "a/b/c", "demo/web"]


def test_a_folder_that_is_gone_by_then_has_none(tmp_path: Path) -> None:
    """Somebody removes it while it is looked through."""
    assert find_frontends(tmp_path / "gone") == []


def test_a_disk_that_hangs_keeps_no_other_check_waiting(tmp_path: Path) -> None:
    """Nor does a project of more folders than can be looked through."""
    for number in range(2000):
        (tmp_path / str(number)).mkdir()
    late, python = list_installation_checks(read_subject(tmp_path), look_s=0)
    assert (late.name, python.name) == ("node packages", "python packages")
    assert late.look() == warn(
        "not all folders were looked through within 0 s", "see whether a disk hangs: df"
    )


def test_a_folder_that_nobody_may_enter_has_none(tmp_path: Path) -> None:
    """A container keeps its data in one; what is beside it is found."""
    (tmp_path / "ui").mkdir()
    lock(tmp_path / "ui", {})
    (tmp_path / "data").mkdir(mode=0o000)
    tmp_path.chmod(0o755)
    writing = os.open(tmp_path / "found", os.O_WRONLY | os.O_CREAT)
    child = os.fork()
    if not child:
        with contextlib.suppress(OSError):
            os.chdir(tmp_path)  # what is above may be root's alone
            if os.geteuid() == 0:
                os.setuid(_NOBODY)
            os.write(writing, " ".join(map(str, find_frontends(Path()))).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    assert (tmp_path / "found").read_text() == "ui"


def install(root: Path, **versions: str) -> None:
    """Make a `.venv` with some packages."""
    folder = root / ".venv" / "lib" / "python3.11" / "site-packages"
    folder.mkdir(parents=True, exist_ok=True)
    for name, version in versions.items():
        (folder / f"{name}-{version}.dist-info").mkdir()


UV = """
[[package]]
name = "fastapi"
version = "0.165.0"

[[package]]
name = "Typing.Extensions"
version = "4.1"

[[package]]
name = "typing-extensions"
version = "4.2"

[[package]]
name = "win-only"
version = "1"
"""
TEXT = """
fastapi==0.165.0 \\
    --hash=sha256:abc
uvicorn[standard]==0.54 ; python_version < '4'
httpx==0.28 # via x
-e .
"""


@pytest.mark.parametrize(
    ("file", "text", "versions", "found"),
    [
        ("uv.lock", UV, {"fastapi": "0.165.0", "typing_extensions": "4.2"}, None),
        ("poetry.lock", UV, {"fastapi": "0.1"}, "not as poetry.lock says: fastapi 0.1"),
        ("requirements.txt", TEXT, {"fastapi": "0.165.0", "httpx": "0.28"}, None),
        (
            "requirements/dev.lock",
            TEXT,
            {"fastapi": "0.165.0", "uvicorn": "1"},
            "not as requirements/dev.lock says: uvicorn 1, httpx (missing)",
        ),
    ],
)
def test_python_packages_are_those_of_the_lock(
    tmp_path: Path, file: str, text: str, versions: dict[str, str], found: str | None
) -> None:
    """What only other systems or groups need may be missing, others may be there."""
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    install(tmp_path, **versions, other="9")
    verdict = check_python_packages(read_subject(tmp_path))
    if found is None:
        assert verdict == ok(f"{len(versions) + 1} packages as {file} says")
    else:
        assert (verdict.state, verdict.detail) == (CheckState.FAILED, found)
        assert verdict.remedy


def test_without_a_lock_or_an_environment_it_is_said(tmp_path: Path) -> None:
    """Nothing to compare, or nothing installed, or nothing pinned."""
    assert check_python_packages(read_subject(tmp_path)) == skip(
        "there is no lock file of Python packages"
    )
    (tmp_path / "uv.lock").touch()
    assert check_python_packages(read_subject(tmp_path)) == fail(
        "there is no .venv", "uv sync"
    )
    install(tmp_path)
    assert check_python_packages(read_subject(tmp_path)) == skip(
        "uv.lock pins no versions"
    )


def test_this_repositorys_own_locks_are_read() -> None:
    """As they are in the real world."""
    pins = read_pins((ROOT / "requirements/dev.lock").read_text())
    assert {"invoke", "msgspec", "pytest"} <= pins.needed
    assert find_frontends(ROOT) == [ROOT / "demo" / "frontend"]
