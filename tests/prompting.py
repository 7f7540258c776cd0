"""A person at the prompt of a process that stands at a breakpoint."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Self

from support import wait_until

if TYPE_CHECKING:
    from reloading import Stack


class Prompt:
    """`inv dev.attach` on a terminal of its own."""

    def __init__(self, stack: Stack, name: str) -> None:
        self._terminal, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "invoke", "dev.attach", name],
            cwd=stack.root,
            env=stack.env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        os.set_blocking(self._terminal, False)
        self._seen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._terminal)

    def expect(self, pattern: str) -> None:
        """Wait for what the terminal shows, and forget it."""
        try:
            found = wait_until(lambda: re.search(pattern, self._read()), 30.0)
        except AssertionError as error:
            raise AssertionError(f"no {pattern!r} in {self._seen!r}") from error
        assert found is not None
        self._seen = self._seen[found.end() :]

    def type(self, text: str) -> None:
        """Type as a person would."""
        os.write(self._terminal, text.encode())

    def wait(self) -> int:
        """Return the exit code."""
        return self._process.wait(30.0)

    def _read(self) -> str:
        with contextlib.suppress(BlockingIOError, OSError):
            self._seen += os.read(self._terminal, 65536).decode()
        return self._seen
