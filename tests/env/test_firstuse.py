"""A worktree's databases, made before a command uses them."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.project import load_project
from sceneshift.env.bequest import _list_urls, find_drops
from sceneshift.env.firstuse import make_databases
from watching import git, write

if TYPE_CHECKING:
    from pathlib import Path

TABLE = "[tool.sceneshift.environments.{}.databases]\ndefault = '{}'\n"


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """Return a main checkout with a database, and a worktree `tree` beside it."""
    root = tmp_path / "shop"
    text = TABLE.format("development", "sqlite:///dev.db")
    write(root, {"pyproject.toml": text, ".gitignore": "*.db\n"})
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    git(root, "worktree", "add", "-q", "../tree")
    with closing(sqlite3.connect(root / "dev.db")) as connection, connection:
        connection.execute("CREATE TABLE t (x)")
    return root


def test_what_is_missing_is_made_once(
    main: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And said to people alone; not without a maker, nor in the main checkout."""
    tree = main.parent / "tree"
    for root, maker in ((main, "sceneshift.data.firstuse"), (tree, "")):
        project = load_project(root, environ={}, is_looking=True)
        make_databases(project, {}, maker)
    assert not (tree / "dev.db").exists()
    for _ in range(2):
        make_databases(project, {"PATH": sys.prefix}, "sceneshift.data.firstuse")
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("is a copy of") == len(said.err.splitlines()) == 1
    assert (tree / "dev.db").exists()


def test_what_may_be_touched_leads_to_a_server(main: Path) -> None:
    """Not what is protected, nor what cannot be read; nothing is without a dropper."""
    text = "".join(
        TABLE.format(name, f"postgresql://localhost/{name}")
        for name in ("development", "staging", "broken", "live")
    )
    text += "[tool.sceneshift.environments.live]\nprotected = true\n"
    (main / "pyproject.toml").write_text(text)
    (main / ".env.broken").write_text("=\n")
    (main / ".env.production").write_text("DATABASE_URL=postgresql://localhost/x\n")
    assert [url.rpartition("/")[2] for url in _list_urls(main, [])] == [
        "development",
        "staging",
    ]
    assert find_drops([], main, "nowhere") == ()
    assert find_drops([None], main, "") == ()  # type: ignore[list-item]
