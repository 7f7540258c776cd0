from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from support import free_port

if TYPE_CHECKING:
    from stacks import MakeProject

SERVE = "python -u -m http.server --bind 127.0.0.1 $PORT"


def test_a_process_of_the_running_stack_is_stood_for(make_project: MakeProject) -> None:
    """What an editor has started it can end, and the stack is as it was."""
    port = str(free_port())
    project = make_project(processes={"web": SERVE}, PORT=port)
    stack = project.start()
    stack.wait_status(web="ready")
    with subprocess.Popen(
        [sys.executable, "-m", "sceneshift.ide.launch", "--ready", "web"],
        cwd=project.root,
        env=project.env,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == f"web is ready: http://127.0.0.1:{port}/\n"
        assert stack.stop() == 130
        assert process.wait(30) == 0
