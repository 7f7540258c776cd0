"""Starting the guard's own interpreter, which takes longer than to ask for it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

import sceneshift

if TYPE_CHECKING:
    from collections.abc import Sequence

PYTHON = (sys.executable, "-I", "-S")  # nothing of the user's, and no site-packages
_PROGRAM = (
    "import sys; sys.path.append(sys.argv.pop(1));"
    "from sceneshift.dev.guard.main import main; main()"
)


class GuardProcess(Struct, frozen=True, kw_only=True):
    """A guard that is coming up; it ends by itself when we do.

    Attributes:
        process: Its process.
        link: Our end of the line to it.
        stack_id: Names the run that it guards.
    """

    process: subprocess.Popen[bytes]
    link: socket.socket
    stack_id: str


def start_guard(stack_id: str, python: Sequence[str] = PYTHON) -> GuardProcess:
    """Start the guard, and do not wait until it answers: `Spawner.start` does.

    Its errors go to the terminal until it serves: then it withdraws from there.

    Args:
        stack_id: Names this run; every process carries it as SCENESHIFT_STACK.
        python: The guard's interpreter with its options.
    """
    root = Path(sceneshift.__file__).parent.parent
    ours, theirs = socket.socketpair()
    with theirs:
        link = theirs.fileno()
        process = subprocess.Popen(
            [*python, "-c", _PROGRAM, root, str(link), str(os.getpid()), stack_id],
            stdin=subprocess.DEVNULL,
            pass_fds=(link,),
            start_new_session=True,
        )
    return GuardProcess(process=process, link=ours, stack_id=stack_id)
