"""What a stack keeps in `.sceneshift`, removed while it runs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from stacks import DEADLINE_S
from support import wait_until

if TYPE_CHECKING:
    from stacks import MakeProject

TICK = "echo up; while :; do sleep 0.1; echo tick; done"


def test_a_stack_whose_state_is_removed_stays_within_reach(
    make_project: MakeProject,
) -> None:
    """As by `git clean -fdx`: it is found, is the only one, and logs go on."""
    project = make_project(processes={"tick": TICK})
    stack = project.start()
    stack.wait_for("-- ready")
    folder = project.root / ".sceneshift"
    shutil.rmtree(folder, ignore_errors=True)
    stack.wait_status(tick="ready")
    wait_until(lambda: "tick" in project.inv("dev.logs").stdout, DEADLINE_S)
    assert "runs in this checkout already" in project.refuse("dev", "--detach", code=5)
    for name in ("dev.lock", "dev.sock"):
        (folder / name).unlink()
    stack.wait_status(tick="ready")
    assert stack.stop() == 130
    assert not (folder / "dev.sock").exists()
