"""What comes before a stack runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def test_an_interrupt_before_the_stack_runs_leaves_no_traceback(
    tmp_path: Path,
) -> None:
    """Ctrl-C ends the command with 130 while it reads its files, too."""
    procfile = tmp_path / "Procfile.dev"
    os.mkfifo(procfile)
    request = json.dumps({"root": str(tmp_path)})
    with (
        subprocess.Popen(
            [sys.executable, "-P", "-m", "sceneshift.dev", request],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
        ) as process,
        procfile.open("w"),
    ):  # returns when it is being read
        process.send_signal(signal.SIGINT)
        _output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, b"")
