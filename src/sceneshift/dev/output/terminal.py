"""All processes' lines on one terminal, in honcho's format."""

from __future__ import annotations

import re
import time
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from sceneshift.dev.output.outlet import Gate, Outlet

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection, Mapping

SYSTEM = "system"
_RESET = b"\x1b[0m"
# No wrapping while an unfinished line is drawn: it must stay on one row to be redrawn.
_NO_WRAP, _WRAP = b"\x1b[?7l", b"\x1b[?7h"
_REDRAW = b"\r\x1b[K"

# What would move to, or clear, the lines of other processes, switch to another screen,
# or leave a mode behind: the only sequences that a shared terminal does not get.
_UNSHARABLE = re.compile(
    rb"\x1b(?:\[[0-9;]*[ABEFHJLMSTdfrsu]|\[\?[0-9;]*[hl]|[78cDEHM])"
)


class Style(NamedTuple):
    """How lines are shown.

    Attributes:
        is_terminal: Whether the viewer is a terminal, which can redraw its last line.
        colour: Whether prefixes are coloured.
    """

    is_terminal: bool
    colour: bool


class Terminal:
    """Merge the lines of all processes into one descriptor: a sink.

    Args:
        fd: Where to write; it stays open and keeps its flags.
        loop: The event loop.
        labels: What stands before the lines of each process, by its name, in the
            Procfile's order, which gives the colours.
        style: How lines are shown.
        limit_bytes: What is kept for a viewer that does not keep up.
        on_lost: Called once when the viewer has gone.
    """

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        fd: int,
        *,
        loop: asyncio.AbstractEventLoop,
        labels: Mapping[str, str],
        style: Style,
        limit_bytes: int = 4 * 1024 * 1024,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._style = style
        self._labels = {**labels, SYSTEM: SYSTEM}
        self._width = max(map(len, self._labels.values()))
        self._colours = _colours(labels) if style.colour else {}
        self._second = -1
        self._clock = ""
        self._prefixes: dict[str, bytes] = {}
        self._open_name: str | None = None
        self._open_text = b""
        self._outlet = Outlet(
            fd,
            loop=loop,
            limit_bytes=limit_bytes,
            describe_gap=self._describe_gap,
            on_lost=on_lost,
        )

    def add(self, name: str, label: str) -> None:
        """Know one more process; what the others have is left as it is.

        It gets the next colour. A label that is longer than all before stands out.
        """
        if name in self._labels:
            return
        if self._style.colour:
            names = [each for each in self._labels if each != SYSTEM]
            self._colours = _colours([*names, name])
        self._labels[name] = label

    @property
    def gate(self) -> Gate:
        """What readers ask before they read more."""
        return self._outlet.gate

    @property
    def is_lost(self) -> bool:
        """Whether the viewer is gone: a closed terminal, a pipe without a reader."""
        return self._outlet.is_lost

    def take_block(self, name: str, block: bytes, at: float) -> None:
        """Show lines of a process."""
        prefix = self._prefix(name, at)
        ending = b"\n"
        if b"\x1b" in block:
            block, ending = self._tame(block)
        out = prefix + block.replace(b"\n", ending + prefix)
        if self._open_name is not None:
            out = self._end_open_line(name, out, len(prefix))
        self._outlet.put(memoryview(out)[: len(out) - len(prefix)])

    def take_partial(self, name: str, text: bytes, at: float) -> None:
        """Show a line that has not ended: a prompt, a progress bar."""
        text = self._tame(text)[0] if b"\x1b" in text else text
        is_same = self._open_name == name
        if self._style.is_terminal:
            out = _REDRAW if is_same else self._line_break()
            reset = _RESET if b"\x1b" in text else b""
            out += self._prefix(name, at) + _NO_WRAP + text + reset + _WRAP
        elif is_same and not text.startswith(self._open_text):
            # A file cannot be redrawn: a progress bar's next state comes with its end.
            return
        elif is_same:
            out = text[len(self._open_text) :]
        else:
            out = self._line_break() + self._prefix(name, at) + text
        self._open_name, self._open_text = name, text
        self._outlet.put(out)

    def take_note(self, name: str, text: str, at: float) -> None:
        """Show a line of the supervisor about a process."""
        # Bold, for it stands among what the process itself says.
        shape = b"\x1b[1m-- %b\x1b[0m\n" if self._colours else b"-- %b\n"
        lines = b"".join(shape % line.encode() for line in text.splitlines())
        self._put_whole(name, lines, at)

    def system(self, text: str, at: float) -> None:
        """Show a line of the supervisor about the stack."""
        lines = b"".join(x.encode() + b"\n" for x in text.splitlines())
        self._put_whole(SYSTEM, lines, at)

    def close(self, grace_s: float = 1.0) -> None:
        """End the last line; give a slow viewer so many seconds for the rest."""
        out = self._line_break()
        if self._style.is_terminal:
            out += _RESET
        if out:
            self._outlet.put(out)
        self._outlet.close(grace_s)

    def _put_whole(self, name: str, lines: bytes, at: float) -> None:
        """Show lines that never continue what a process began."""
        line_break = self._line_break()
        if line_break:
            self._outlet.put(line_break)
        self.take_block(name, lines, at)

    def _line_break(self) -> bytes:
        """Return what ends the unfinished line, if one stands."""
        if self._open_name is None:
            return b""
        self._open_name = None
        return b"\n"

    def _end_open_line(self, name: str, out: bytes, prefix_length: int) -> bytes:
        """Return lines so that they follow the unfinished one that stands."""
        if self._open_name != name:
            return self._line_break() + out
        shown = self._open_text
        self._open_name = None
        if self._style.is_terminal:
            return _REDRAW + out
        if out.startswith(shown, prefix_length):
            return out[prefix_length + len(shown) :]
        return b"\n" + out

    def _tame(self, block: bytes) -> tuple[bytes, bytes]:
        """Return a block and the ending of its lines, fit for a shared terminal.

        A coloured prefix begins with a reset; without one, each line ends with it.
        """
        if not self._style.is_terminal:
            return block, b"\n"
        ending = b"\n" if self._colours else _RESET + b"\n"
        return _UNSHARABLE.sub(b"", block), ending

    def _prefix(self, name: str, at: float) -> bytes:
        """Return what stands before a line; it is kept for a second."""
        second = int(at)
        if second != self._second:
            self._second = second
            self._clock = time.strftime("%H:%M:%S", time.localtime(second))
            self._prefixes.clear()
        prefix = self._prefixes.get(name)
        if prefix is None:
            prefix = self._prefixes[name] = self._make_prefix(name)
        return prefix

    def _make_prefix(self, name: str) -> bytes:
        """Return honcho's prefix, byte for byte."""
        label = self._labels.get(name, name).ljust(self._width)
        prefix = f"{self._clock} {label} | "
        colour = self._colours.get(name)
        if colour is not None:
            prefix = f"\x1b[0m\x1b[{colour}m{prefix}\x1b[0m"
        return prefix.encode()

    def _describe_gap(self, lines: int) -> bytes:
        text = f"{lines} lines skipped here, the viewer is slow; the log has them"
        return self._prefix(SYSTEM, time.time()) + text.encode() + b"\n"


def _colours(labels: Collection[str]) -> dict[str, str]:
    """Return honcho's colour of each process."""
    from honcho.colour import get_colours  # noqa: PLC0415 - not needed without colour

    return dict(zip(labels, islice(get_colours(), len(labels)), strict=True))
