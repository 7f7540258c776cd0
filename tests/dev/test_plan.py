from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.paths import StateFolder
from sceneshift.dev.model import Dependency, ProcessSpec, SetupStep, StackSpec
from sceneshift.dev.plan import plan_start
from sceneshift.dev.setup import plan_setup, run_setup
from spawning import PlainSpawner

if TYPE_CHECKING:
    from collections.abc import Mapping

ENV = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
STEP = SetupStep(run="touch done", when=("lock",))


def spec(folder: Path, name: str, command: str, **values: Any) -> ProcessSpec:
    """Return a process."""
    shape: Mapping[str, Any] = {"label": name, "cwd": folder, "env": ENV, **values}
    return ProcessSpec(name=name, command=command, **shape)


@pytest.fixture
def stack(tmp_path: Path) -> StackSpec:
    """A server by fork after a job of the shell that has a step."""
    (tmp_path / "lock").write_text("1")
    after = (Dependency(name="job"),)
    web = spec(tmp_path, "web", "python -m app", port=8000, depends_on=after)
    job = spec(tmp_path, "job", "sleep 5", setup=STEP)
    return StackSpec(root=tmp_path, environment="development", processes=(web, job))


def test_a_plan_says_what_would_start_how_and_after_what(stack: StackSpec) -> None:
    """In the Procfile's order, as plain values."""
    web, job = json.loads(json.dumps(plan_start(stack)))
    assert web == {
        "process": "web",
        "command": "python -m app",
        "after": ["job"],
        "how": "fork",
        "reason": None,
        "setup": None,
        "port": 8000,
        "url": "http://127.0.0.1:8000",
        "debug_port": None,
    }
    assert (job["how"], job["after"], job["setup"]) == ("shell", [], "touch done")
    assert job["reason"]


def test_a_plan_changes_nothing(stack: StackSpec) -> None:
    """Not even the state folder is made."""
    plan_start(stack)
    assert [path.name for path in stack.root.iterdir()] == ["lock"]


def test_a_step_that_has_run_is_not_planned(stack: StackSpec) -> None:
    """Unless its file is another."""
    action = plan_setup(STEP, name="job", cwd=stack.root, state=StateFolder(stack.root))
    assert action is not None
    work = run_setup(action, spawn=PlainSpawner(), env=ENV, output=lambda _chunk: None)
    asyncio.run(work)
    assert plan_start(stack)[1]["setup"] is None
    (stack.root / "lock").write_text("2")
    assert plan_start(stack)[1]["setup"] == "touch done"
