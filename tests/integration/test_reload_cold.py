"""Programs that only a shell can start: their interpreters are nobody's but theirs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reloading import Stack

JOB = "import time, near\nprint('uses', near.N, flush=True)\ntime.sleep(300)\n"


def test_an_interpreter_of_a_shell_never_runs_older_code(stack: Stack) -> None:
    """Two saves of one size within a second look the same to its `.pyc` files."""
    stack.env.pop("PYTHONDONTWRITEBYTECODE", None)
    procfile = "job: echo up && python job.py\n"
    stack.start({"job.py": JOB, "near.py": "N = 0\n", "Procfile.dev": procfile})
    stack.wait_output("uses 0")
    stack.wait_ready("job")
    near, aside = stack.root / "near.py", stack.root / "aside"
    assert list(stack.root.glob("__pycache__/near.*.pyc"))
    for number in (1, 2):
        aside.write_text(f"N = {number}\n")
        os.utime(aside, ns=(0, near.stat().st_mtime_ns))
        aside.replace(near)
        stack.wait_output(f"uses {number}")
        stack.wait_ready("job")
