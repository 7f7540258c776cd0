"""Worktrees, and what removed ones have left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.offsets import load_shifts
from sceneshift.core.project import load_project
from sceneshift.env.trees import prune_worktrees, show_worktrees
from support import wait_until
from watching import git

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAIT = "import sys; print('up', flush=True); sys.stdin.read()"


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """Return a project with two worktrees, of which one has been used."""
    root = tmp_path / "shop"
    root.mkdir()
    (root / "Procfile").write_text("web: python -m http.server $PORT\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    for name in ("used", "fresh"):
        git(root, "worktree", "add", "-q", f"../{name}")
    load_project(tmp_path / "used", environ={})
    return root


@pytest.fixture
def left(main: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run what a stack in the used worktree would have left."""
    marks = {"SCENESHIFT_ROOT": str(main.parent / "used"), "SCENESHIFT_STACK": "x.1"}
    env = {**os.environ, **marks, "HONCHO_PROCESS_NAME": "web.1"}
    words = [sys.executable, "-c", WAIT]
    with subprocess.Popen(
        words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        yield process
        process.kill()


@pytest.fixture(name="ask")
def make_ask(main: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what tells the worktrees as data, by name."""

    def ask() -> dict[str, dict[str, Any]]:
        show_worktrees(main, as_json=True)
        trees = json.loads(capsys.readouterr().out)["worktrees"]
        return {tree["name"]: tree for tree in trees}

    return ask


def test_each_worktree_has_its_place(ask: Any, main: Path) -> None:
    """The main checkout has the ports that are configured."""
    trees = ask()
    assert {name: tree["port_offset"] for name, tree in trees.items()} == {
        "main": 0,
        "used": 10,
        "fresh": None,
    }
    assert {tree["state"] for tree in trees.values()} == {"idle"}
    assert trees["used"]["checkout"] == str(main.parent / "used")


def test_the_databases_of_each_are_told(ask: Any, main: Path) -> None:
    """Without passwords; one that all use is told as such, a broken project none."""
    text = "[tool.sceneshift.environments.development.databases]\n"
    text += "default = 'postgresql://me:secret@localhost/shop'\n"
    text += "files = 'sqlite:///var/a.db'\nother = 'mysql://me:secret@localhost/b'\n"
    text += "whole = 'mysql://me:secret@localhost'\n"
    for root in (main, main.parent / "used"):
        (root / "pyproject.toml").write_text(text)
    (main.parent / "fresh" / "pyproject.toml").write_text("[")
    trees = ask()
    told = {
        name: [(each["place"], each["is_own"]) for each in tree["databases"]]
        for name, tree in trees.items()
    }
    assert told == {
        "main": [
            ("shop", True),
            ("var/a.db", True),
            ("b", True),
            ("mysql://me:***@localhost", True),
        ],
        "used": [
            ("shop__wt_used", True),
            ("var/a.db", True),
            ("b", False),
            ("mysql://me:***@localhost", False),
        ],
        "fresh": [],
    }
    show_worktrees(main, as_json=False)


def test_the_memory_of_what_runs_is_told(
    ask: Any, left: subprocess.Popen[bytes]
) -> None:
    """Of those processes alone."""
    assert left.poll() is None
    trees = ask()
    assert trees["used"]["memory_bytes"] > 1_000_000
    assert trees["main"]["memory_bytes"] == 0


def test_what_a_removed_worktree_has_left_is_freed(
    ask: Any,
    main: Path,
    left: subprocess.Popen[bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its processes and its ports, and nothing else; not before it is asked for."""
    git(main, "worktree", "remove", "--force", "../used")
    assert ask()["used"]["state"] == "removed"
    prune_worktrees(main, is_dry=True, as_json=True)
    planned = json.loads(capsys.readouterr().out)
    assert [each["action"] for each in planned["actions"]] == ["end", "forget"]
    assert left.poll() is None
    assert load_shifts(main / ".git")
    prune_worktrees(main, is_dry=False, as_json=False)
    assert f"end pid {left.pid}: web.1" in capsys.readouterr().out
    wait_until(lambda: left.poll() is not None)
    assert load_shifts(main / ".git") == {}
    assert "used" not in ask()


def test_there_may_be_nothing_to_free(
    main: Path, left: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    """What a worktree that is there has left is not touched."""
    prune_worktrees(main, is_dry=False, as_json=False)
    assert "no worktree was removed" in capsys.readouterr().err
    assert left.poll() is None


def test_a_table_says_it_to_people(
    main: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a line each, from a worktree as well."""
    show_worktrees(main.parent / "used", as_json=False)
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == ["worktree", "main", "fresh", "used"]
    assert "+10" in rows[3]


def test_the_git_folder_may_be_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a submodule, whose worktrees share a folder in that of the other one."""
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    for root in (inner, outer):
        root.mkdir()
        git(root, "init", "-q")
    (inner / "Procfile").write_text("web: true\n")
    git(inner, "add", ".")
    git(inner, "commit", "-q", "-m", "first")
    words = ("-c", "protocol.file.allow=always", "submodule", "add", "-q")
    git(outer, *words, str(inner), "sub")
    git(inner, "init", "-q", "--separate-git-dir", str(tmp_path / "apart"))
    for root, common in (
        (inner, tmp_path / "apart"),
        (outer / "sub", outer / ".git" / "modules" / "sub"),
    ):
        tree = tmp_path / f"{root.name}-tree"
        git(root, "worktree", "add", "-q", str(tree))
        load_project(tree, environ={})
        assert load_shifts(common)
        git(root, "worktree", "remove", "--force", str(tree))
        prune_worktrees(root, is_dry=False, as_json=False)
        assert load_shifts(common) == {}
        assert f"free ports +10: {tree}" in capsys.readouterr().out


def test_a_folder_without_git_has_no_worktrees(tmp_path: Path) -> None:
    """That is said, with how they are made."""
    with pytest.raises(SceneshiftError, match="no git repository"):
        show_worktrees(tmp_path / "nowhere", as_json=False)
