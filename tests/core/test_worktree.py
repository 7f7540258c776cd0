"""Worktrees that git has made, and the ports that they have."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.offsets import claim_offset, drop_shifts, load_shifts
from sceneshift.core.project import load_project
from sceneshift.core.worktree import find_worktree
from sceneshift.dev.stack import load_stack
from watching import git

if TYPE_CHECKING:
    from pathlib import Path

PYPROJECT = """\
[tool.sceneshift.environments.development]
ports = { web = 8000 }
[tool.sceneshift.environments.staging]
ports = { web = 8010, worker = "auto" }
"""


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """Return the main checkout of a project."""
    root = tmp_path / "My Shop"
    root.mkdir()
    (root / "Procfile.dev").write_text("web: python -m http.server\nworker: true\n")
    (root / "pyproject.toml").write_text(PYPROJECT)
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    return root


def add(main: Path, name: str) -> Path:
    """Add a worktree beside the main checkout."""
    git(main, "worktree", "add", "-q", f"../{name}")
    return main.parent / name


def ports(root: Path, environment: str = "development") -> list[int]:
    """Return the ports of a project in a folder."""
    project = load_project(root, environ={}, environment=environment)
    return [instance.port for instance in project.instances]


def test_a_worktree_is_told_by_its_files(main: Path) -> None:
    """The main checkout is none, nor is what lies in no repository."""
    root = add(main, "Feature_X")
    below = root / "a" / "b"
    below.mkdir(parents=True)
    assert find_worktree(main) is None
    assert find_worktree(main.parent) is None
    for folder in (root, below):
        found = find_worktree(folder)
        assert found is not None
        assert (found.name, found.top, found.common) == (
            "Feature_X",
            root,
            main / ".git",
        )
        assert found.host == "feature-x.my-shop.localhost"


def test_a_submodule_is_no_worktree(main: Path, tmp_path: Path) -> None:
    """It has a repository of its own."""
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(main))
    assert find_worktree(outer / main.name) is None


@pytest.mark.parametrize("text", ["", "gitdir: nowhere\n", "\udcff"])
def test_what_git_could_not_read_is_no_worktree(tmp_path: Path, text: str) -> None:
    """A file of that name may be anything."""
    (tmp_path / ".git").write_text(text, errors="surrogateescape")
    assert find_worktree(tmp_path) is None


def test_every_worktree_has_ports_of_its_own(main: Path) -> None:
    """In no environment of any does one have a port of another."""
    roots = [main, *(add(main, f"tree-{n}") for n in range(5))]
    seen: set[int] = set()
    for root in roots:
        own = {*ports(root), *ports(root, "staging")}
        assert seen.isdisjoint(own)
        seen |= own
    assert ports(main) == [8000, 5100]


def test_a_worktree_keeps_its_ports(main: Path) -> None:
    """Also when others come and go, and when a line is added."""
    first, second = add(main, "first"), add(main, "second")
    before = ports(first), ports(second)
    git(main, "worktree", "remove", "--force", str(first))
    third = add(main, "third")
    assert ports(third) == before[0]  # whose worktree is gone
    (second / "Procfile.dev").write_text("web: true\nworker: true\nmore: true\n")
    assert ports(second)[:2] == before[1]


def test_another_offset_is_found_where_the_kept_one_is_none(main: Path) -> None:
    """An edit may give a worktree a port that is another's by now."""
    first, second = add(main, "first"), add(main, "second")
    assert ports(second) == [8020, 5120]
    assert ports(first) == [8040, 5140]
    text = (first / "pyproject.toml").read_text().replace("8000", "7980")
    (first / "pyproject.toml").write_text(text)  # with 40 it would have the other's
    assert ports(first) == [8040, 5160]


def test_a_shared_process_runs_in_the_main_checkout_alone(main: Path) -> None:
    """The others know where it is there, and wait for nothing."""
    with (main / "pyproject.toml").open("a") as file:
        file.write("[tool.sceneshift.worktrees]\nshare = ['worker']\n")
        file.write("[tool.sceneshift.processes.web]\ndepends_on = ['worker']\n")
    git(main, "commit", "-q", "-a", "-m", "share")
    first, second = (
        load_stack(root, environ={"PATH": os.environ["PATH"]})
        for root in (main, add(main, "tree"))
    )
    assert [each.name for each in first.processes] == ["web", "worker"]
    (web,) = second.processes
    assert web.env["WORKER_PORT"] == "5100"
    assert web.port == 8020
    assert web.depends_on == ()


def test_only_what_is_there_can_be_shared(main: Path) -> None:
    """The nearest name is said, as everywhere."""
    with (main / "pyproject.toml").open("a") as file:
        file.write("[tool.sceneshift.worktrees]\nshare = ['wrker']\n")
    with pytest.raises(SceneshiftError, match=r"worktrees\.share\.wrker"):
        ports(main)


def test_a_look_keeps_nothing(main: Path) -> None:
    """It says what would be."""
    root = add(main, "tree")
    project = load_project(root, environ={}, is_looking=True)
    assert project.offset == 20
    assert not (main / ".git" / "sceneshift").exists()


def test_a_port_that_the_shell_says_is_meant_as_it_stands(main: Path) -> None:
    """Of whatever checkout; one of a file is shifted as all others."""
    root = add(main, "tree")
    (root / "pyproject.toml").unlink()
    project = load_project(root, environ={"PORT": "7000"})
    assert [each.port for each in project.instances] == [7000, 7100]
    (root / ".env").write_text("PORT=7000\n")
    project = load_project(root, environ={})
    assert [each.port for each in project.instances] == [7010, 7110]


def test_what_is_damaged_is_found_anew(main: Path) -> None:
    """Half a file is none."""
    root = add(main, "tree")
    assert ports(root) == [8020, 5120]
    file = main / ".git" / "sceneshift" / "worktrees.json"
    for text in ("{", json.dumps({str(root): {"offset": "x"}})):
        file.write_text(text)
        assert load_shifts(main / ".git") == {}
        assert ports(root) == [8020, 5120]


def test_worktrees_that_are_gone_can_be_forgotten(main: Path) -> None:
    """And no others."""
    first, second = add(main, "first"), add(main, "second")
    ports(first)
    ports(second)
    drop_shifts(main / ".git", [first])
    assert list(load_shifts(main / ".git")) == [str(second)]


def test_it_is_said_where_no_ports_are_left(main: Path) -> None:
    """The last port is 65535."""
    tree = find_worktree(add(main, "tree"))
    assert tree is not None
    with pytest.raises(SceneshiftError, match="no ports are left"):
        claim_offset(tree, tree.top, [*range(10, 65536, 10)])


def test_it_is_said_where_offsets_cannot_be_kept(main: Path) -> None:
    """With the file, and what to look at."""
    root = add(main, "tree")
    (main / ".git" / "sceneshift").write_text("in the way")
    with pytest.raises(SceneshiftError, match="cannot be kept"):
        load_project(root, environ={})
