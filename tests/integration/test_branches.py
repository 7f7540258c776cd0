"""A stack whose database follows the branch of git."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from branching import BranchedShop
from stacks import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Opens the database once, as it starts.
APP = """\
import sqlite3, time
rows = sqlite3.connect("shop.db").execute(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'alembic_version'"
)
print("has", *sorted(name for (name,) in rows), "here", flush=True)
while True:
    time.sleep(60)
"""


# Says what it fills, and takes as long as it is held up.
STEP = """\
import os, sqlite3, time
rows = sqlite3.connect("shop.db").execute("SELECT name FROM sqlite_master")
print("fills", *sorted({"a", "b"} & {name for (name,) in rows}), "now", flush=True)
while os.path.exists("hold"):
    time.sleep(0.05)
"""
SETUP = """
[tool.sceneshift.processes.web]
setup = { run = "python step.py", when = ["step.py"] }
"""


@pytest.fixture
def made(tmp_path: Path, run_warm: None) -> Iterator[tuple[BranchedShop, Project]]:
    """Return a project whose branches `main` and `feature` have other tables."""
    del run_warm
    root = tmp_path / "shop"
    root.mkdir()
    (root / "Procfile.dev").write_text("web: python app.py\n")
    (root / "app.py").write_text(APP)
    project = Project(root, {})
    shop = BranchedShop(root, "a").prepare()
    shop.begin("feature")
    shop.add("r2", "r1", "b")
    shop.follow()
    shop.reset()
    yield shop, project
    project.close()


def test_processes_start_with_what_the_branch_has(
    made: tuple[BranchedShop, Project],
) -> None:
    """At the start, and when another one is checked out while they run."""
    shop, project = made
    shop.check_out("main")
    stack = project.start()
    stack.wait_for("has a here")
    assert "shop.db is what was left on main on 20" in stack.output
    assert "has a b here" not in stack.output
    shop.check_out("feature")
    stack.wait_for("has a b here")
    assert "shop.db is what was left on feature on 20" in stack.output
    shop.begin("other")  # nothing has to start anew for a copy
    stack.wait_for("shop.db is that of other, as it is; a copy is kept for feature")
    shop.check_out("main")
    stack.wait_for("has a here", 2)
    assert stack.output.count("has a b here") == 1
    stack.stop()


def test_a_step_that_has_filled_another_state_runs_again(
    made: tuple[BranchedShop, Project],
) -> None:
    """It was at it while another branch was checked out."""
    shop, project = made
    shop.check_out("main")
    (shop.root / "step.py").write_text(STEP)
    (shop.root / "hold").touch()
    toml = shop.root / "pyproject.toml"
    toml.write_text(toml.read_text() + SETUP)
    stack = project.start()
    stack.wait_for("fills a now")
    shop.check_out("feature")
    stack.wait_for("shop.db is what was left on feature on 20")
    (shop.root / "hold").unlink()
    stack.wait_for("fills a b now")
    stack.wait_for("has a b here")
    stack.stop()
