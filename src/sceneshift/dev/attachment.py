"""`inv dev.attach`: this terminal for a process at a breakpoint."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from typing import TYPE_CHECKING

from sceneshift.core.client import Client
from sceneshift.core.console import StreamConsole

if TYPE_CHECKING:
    from pathlib import Path

_DETACH = b"\x1d"  # Ctrl-], as telnet's


def attach(root: Path, name: str) -> None:
    """Connect standard input and output to a debugger's prompt.

    Ends when the process goes on, at Ctrl-], or at the end of standard input.

    Raises:
        SceneshiftError: Nothing runs here, or the process stands at no breakpoint.
        UsageError: There is no process of that name.
    """
    client = Client.get(root)
    terminal, place = client.ask_terminal({"op": "attach", "name": name})
    StreamConsole().note(f"`{name}` at {place}; Ctrl-] leaves it there")
    if sys.stdin.isatty():
        before = termios.tcgetattr(0)
        tty.setcbreak(0, termios.TCSADRAIN)  # keeps what was typed ahead
        _no_echo()
        try:
            bridge(terminal, client.fileno())
        finally:
            termios.tcsetattr(0, termios.TCSADRAIN, before)
    else:
        bridge(terminal, client.fileno())
    client.close()
    os.close(terminal)


def _no_echo() -> None:
    """The prompt's own terminal echoes."""
    settings = termios.tcgetattr(0)
    settings[3] &= ~(termios.ECHO | termios.ISIG)
    termios.tcsetattr(0, termios.TCSADRAIN, settings)


def bridge(terminal: int, news: int) -> None:
    """Copy both ways.

    Args:
        terminal: The prompt's terminal.
        news: Readable when the process goes on, or the stack ends.
    """
    sources = [0, terminal, news]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if terminal in ready and not _copy(terminal, 1):
            return
        if news in ready and terminal not in ready:
            return
        if 0 in ready and not _type(terminal, sources):
            return


def _type(terminal: int, sources: list[int]) -> bool:
    data = os.read(0, 4096)
    if not data:
        sources.remove(0)  # what was typed is still worked on
        return True
    before, mark, _after = data.partition(_DETACH)
    if before:
        os.write(terminal, before)
    return not mark


def _copy(source: int, target: int) -> bool:
    try:
        data = os.read(source, 65536)
    except OSError:
        return False  # the process is gone
    if data:
        os.write(target, data)
    return bool(data)
