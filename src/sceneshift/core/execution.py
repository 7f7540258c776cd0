"""Becoming another program, in place of `inv` itself."""

from __future__ import annotations

import errno
import os
import shlex
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from sceneshift.core.errors import UsageError
from sceneshift.core.wording import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def find_command(argv: Sequence[str], remainder: str) -> list[str]:
    """Return the words behind `--`.

    invoke hands them over joined by spaces, and so takes away where each one ends.
    The words that it was called with have that.

    Args:
        argv: The words of the whole command line.
        remainder: What invoke makes of those behind `--`.
    """
    words = [*argv]
    behind = words[words.index("--") + 1 :] if "--" in words else []
    return behind if " ".join(behind) == remainder else shlex.split(remainder)


def become(path: str, words: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """Become a program: its output, exit code and signals are its own.

    Args:
        path: The program's file.
        words: What it is called, and its arguments.
        env: All of its variables.

    Raises:
        UsageError: It cannot be run.
    """
    # The list of commands does without what that imports.
    from sceneshift.core.services.use import hand_over  # noqa: PLC0415

    hand_over()
    sys.stdout.flush()
    sys.stderr.flush()
    # Python ignores it for itself, and a program would inherit that.
    former = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execve(path, [*words], env)  # noqa: S606
    except OSError as error:
        # A script without a first line, as execvp(3) has it.
        if error.errno == errno.ENOEXEC:  # pragma: no cover - then this is no Python
            os.execve("/bin/sh", ["sh", path, *words[1:]], env)  # noqa: S606
        signal.signal(signal.SIGPIPE, former)
        raise UsageError(
            f"{quote(path)} cannot be run: {(error.strerror or '').lower()}",
            hint=f"look at it: ls -l {shlex.quote(path)}",
        ) from error
