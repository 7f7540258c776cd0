"""What answers on the port of a process that cannot start."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from sceneshift.dev.errorpage import ErrorPage
    from sceneshift.dev.failure import ErrorReport
    from sceneshift.dev.model import StackSpec
    from sceneshift.dev.run.held import HeldSockets

# Errors that come from the code as it is written: without a change of a file the next
# try would end the same way. A database that is not up yet is none of them.
_IMPORT_ERRORS = frozenset(
    {
        "ImportError",
        "IndentationError",
        "ModuleNotFoundError",
        "SyntaxError",
        "TabError",
    }
)
# These too, where they come before the process was ready.
_START_ERRORS = frozenset({"AttributeError", "NameError", "TypeError"})


def is_code_error(headline: str, *, was_ready: bool) -> bool:
    """Say whether an exception's line names an error of the code itself.

    Args:
        headline: The exception in one line.
        was_ready: Whether the process was ready before.
    """
    name = headline.partition(":")[0].rpartition(".")[2].strip()
    if name in _IMPORT_ERRORS or "Could not import module" in headline:
        return True
    return name in _START_ERRORS and not was_ready


class Outages:
    """The pages of all processes that are down.

    Attributes:
        stack: What is run.
        forked: The processes whose sockets are held for them.
    """

    def __init__(
        self, stack: StackSpec, held: HeldSockets, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.stack = stack
        self._held = held
        self._loop = loop
        self._pages: dict[str, list[ErrorPage]] = {}
        self._reports: dict[str, ErrorReport] = {}
        self.forked: set[str] = set()

    def begin(self, process: str, report: ErrorReport) -> None:
        """Answer with the reason, where a process that is forked would listen."""
        if process not in self.forked:
            return
        self._reports[process] = report
        if process not in self._pages:
            self._pages[process] = self._make_pages(process)
        for page in self._pages[process]:
            page.show(report)

    def _make_pages(self, process: str) -> list[ErrorPage]:
        """Listen where the process would; another program's port is left to it."""
        from sceneshift.dev.errorpage import ErrorPage  # noqa: PLC0415 - while all is well

        spec = self.stack.get(process)
        has_port = spec.listens and spec.port is not None
        if has_port and not self._held.to_inherit(process):
            key = f"{int(socket.AF_INET)}/127.0.0.1/{spec.port}"
            with contextlib.suppress(OSError):
                self._held.get(process, key)
        pages = []
        for held in self._held.to_inherit(process):
            with contextlib.suppress(OSError):
                held.sock.listen(128)
                pages.append(ErrorPage(held.sock, loop=self._loop))
        return pages

    def pause(self, process: str) -> None:
        """Answer no more until `resume`: somebody else may."""
        for page in self._pages.get(process, []):
            page.hide()

    def resume(self, process: str) -> None:
        """Answer again, where `end` was not called meanwhile."""
        for page in self._pages.get(process, []):
            page.show(self._reports[process])

    def end(self, process: str) -> None:
        """Leave the port to the process again."""
        self._reports.pop(process, None)
        for page in self._pages.pop(process, []):
            page.hide()

    def close(self) -> None:
        """Answer no more."""
        for pages in self._pages.values():
            for page in pages:
                page.close()
        self._pages.clear()
