from __future__ import annotations

import asyncio
import io
import os
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from honcho.colour import get_colours
from honcho.printer import Message, Printer

from sceneshift.dev.output.terminal import Style, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Show = Callable[[Style, Callable[[Terminal], object]], bytes]

AT = 1_700_000_000.5
LABELS = {"backend": "backend.1", "web.2": "web.2"}
PLAIN = Style(is_terminal=False, colour=False)
SCREEN = Style(is_terminal=True, colour=False)
COLOURED = Style(is_terminal=True, colour=True)


class Screen(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture
def show(tmp_path: Path, loop: asyncio.AbstractEventLoop) -> Iterator[Show]:
    """Return what a terminal of a style wrote, without the time of the lines."""
    path = tmp_path / "output"
    fd = os.open(path, os.O_RDWR | os.O_CREAT)

    def run(style: Style, act: Callable[[Terminal], object]) -> bytes:
        terminal = Terminal(fd, loop=loop, labels=LABELS, style=style)
        act(terminal)
        terminal.close()
        clock = f"{datetime.fromtimestamp(AT):%H:%M:%S} ".encode()  # noqa: DTZ006
        return path.read_bytes().replace(clock, b"")

    yield run
    os.close(fd)


@pytest.mark.parametrize("style", [PLAIN, COLOURED])
def test_lines_are_honchos_byte_for_byte(
    tmp_path: Path, loop: asyncio.AbstractEventLoop, style: Style
) -> None:
    """The same lines through honcho's own printer give the same bytes."""
    theirs = Screen() if style.colour else io.StringIO()
    width = max(len("system"), *map(len, LABELS.values()))
    printer = Printer(theirs, width=width, colour=style.colour)
    fd = os.open(tmp_path / "ours", os.O_RDWR | os.O_CREAT)
    ours = Terminal(fd, loop=loop, labels=LABELS, style=style)
    lines = ["hello", "", "gr\u00fcn \x1b[31mred\x1b[0m", "  indented"]
    colours = dict(zip(LABELS, get_colours(), strict=False))
    for step in range(3):
        moment = datetime.fromtimestamp(AT + step)  # noqa: DTZ006
        for name, label in LABELS.items():
            for line in lines:
                data = (line + "\n").encode()
                message = Message("line", data, moment, label, colours[name])
                printer.write(message)
            block = "".join(line + "\n" for line in lines).encode()
            ours.take_block(name, block, AT + step)
        system = Message("line", "web.1 stopped\n", moment, "system", None)
        printer.write(system)
        ours.system("web.1 stopped", AT + step)
    ours.close()
    os.close(fd)
    expected = theirs.getvalue().encode() + (b"\x1b[0m" if style.is_terminal else b"")
    assert (tmp_path / "ours").read_bytes() == expected


def test_a_process_that_is_added_changes_nothing_of_the_others(show: Show) -> None:
    """Neither colours nor columns; its own is the next, whatever its label's length."""

    def act(terminal: Terminal) -> None:
        for name in ("backend", "new", "web.2", "new"):
            terminal.add(name, f"{name}-with-a-long-label")
            terminal.take_block(name, b"x\n", AT)

    lines = show(COLOURED, act).removesuffix(b"\x1b[0m").splitlines()
    colours = get_colours()
    first, second, third = (next(colours) for _ in range(3))
    new = f"\x1b[0m\x1b[{third}mnew-with-a-long-label | \x1b[0mx".encode()
    assert lines == [
        f"\x1b[0m\x1b[{first}mbackend.1 | \x1b[0mx".encode(),
        new,
        f"\x1b[0m\x1b[{second}mweb.2     | \x1b[0mx".encode(),
        new,
    ]


def test_without_colours_a_process_is_added_as_well(show: Show) -> None:
    """Its label alone tells it from others."""

    def act(terminal: Terminal) -> None:
        terminal.add("new", "new.1")
        terminal.take_block("new", b"x\n", AT)

    assert show(PLAIN, act) == b"new.1     | x\n"


def test_a_terminal_tells_its_gate_and_whether_it_is_lost(
    loop: asyncio.AbstractEventLoop,
) -> None:
    """Who reads processes asks the gate; who supervises, for the viewer."""
    reading, writing = os.pipe()
    terminal = Terminal(writing, loop=loop, labels=LABELS, style=PLAIN)
    assert not terminal.gate.is_shut
    os.close(reading)
    terminal.take_block("backend", b"x\n", AT)
    terminal.close()
    os.close(writing)
    assert terminal.is_lost


def test_a_viewer_that_does_not_read_is_told_of_the_gap(
    loop: asyncio.AbstractEventLoop,
) -> None:
    """The line that stands for the skipped ones has their number and a prefix."""
    reading, writing = os.pipe()
    terminal = Terminal(
        writing, loop=loop, labels=LABELS, style=PLAIN, limit_bytes=100_000
    )
    block = b"x" * 999 + b"\n"
    shown = b""
    while b" lines skipped here" not in shown:
        terminal.take_block("backend", block * 100, AT)
        loop.run_until_complete(asyncio.sleep(0))
        if not terminal.gate.is_shut:
            shown = shown[-2_000:] + os.read(reading, 5_000)
    assert b"system    | " in shown
    os.close(reading)
    os.close(writing)
    terminal.close(0)


def test_a_note_is_marked(show: Show) -> None:
    """What the supervisor says about a process cannot be taken for its words."""
    shown = show(PLAIN, lambda t: t.take_note("backend", "restarted", AT))
    assert shown == b"backend.1 | -- restarted\n"
    coloured = show(COLOURED, lambda t: t.take_note("backend", "restarted", AT))
    assert b"\x1b[1m-- restarted\x1b[0m\n" in coloured


def test_an_unknown_name_labels_itself(show: Show) -> None:
    """A process that came later has a prefix too."""
    assert show(COLOURED, lambda t: t.take_block("new", b"x\n", AT)).startswith(
        b"new       | x\n"
    )


def test_an_unfinished_line_continues_in_a_file(show: Show) -> None:
    """A file gets a partial line once, then what follows it."""

    def act(terminal: Terminal) -> None:
        terminal.take_partial("backend", b"name", AT)
        terminal.take_partial("backend", b"name?", AT)
        terminal.take_block("backend", b"name? Jo\nnext\n", AT)

    assert show(PLAIN, act) == b"backend.1 | name? Jo\nbackend.1 | next\n"


def test_a_progress_bar_ends_in_its_last_state_in_a_file(show: Show) -> None:
    """States that a file cannot redraw are left out, the last one is not."""

    def act(terminal: Terminal) -> None:
        for state in (b"1%", b"50%", b"99%"):
            terminal.take_partial("backend", state, AT)
        terminal.take_block("backend", b"100%\n", AT)

    assert show(PLAIN, act) == b"backend.1 | 1%\nbackend.1 | 100%\n"


def test_a_progress_bar_is_redrawn_on_a_terminal(show: Show) -> None:
    """Each state replaces the one before, on one row, prefix and all."""

    def act(terminal: Terminal) -> None:
        terminal.take_partial("backend", b"1%", AT)
        terminal.take_partial("backend", b"\x1b[32m2%", AT)
        terminal.take_block("backend", b"done\n", AT)

    assert show(SCREEN, act) == (
        b"backend.1 | \x1b[?7l1%\x1b[?7h"
        b"\r\x1b[Kbackend.1 | \x1b[?7l\x1b[32m2%\x1b[0m\x1b[?7h"
        b"\r\x1b[Kbackend.1 | done\n\x1b[0m"
    )


@pytest.mark.parametrize("style", [PLAIN, SCREEN])
def test_lines_of_two_processes_never_share_a_row(show: Show, style: Style) -> None:
    """Another's line, partial line or note ends the unfinished one first."""

    def act(terminal: Terminal) -> None:
        terminal.take_partial("backend", b"a", AT)
        terminal.take_block("web.2", b"b\n", AT)
        terminal.take_partial("backend", b"c", AT)
        terminal.take_partial("web.2", b"d", AT)
        terminal.take_note("web.2", "e", AT)
        terminal.take_partial("web.2", b"f", AT)

    shown = show(style, act)
    for sequence in (b"\x1b[?7l", b"\x1b[?7h", b"\x1b[0m"):
        shown = shown.replace(sequence, b"")
    names = [b"backend.1 | a", b"web.2     | b", b"backend.1 | c", b"web.2     | d"]
    names += [b"web.2     | -- e", b"web.2     | f", b""]
    assert shown.split(b"\n") == names


def test_colours_pass_and_clearing_the_screen_does_not(show: Show) -> None:
    """A process cannot wipe what others wrote; in a file all is kept."""
    block = b"\x1b[2J\x1b[H\x1b[?1049h\x1bc\x1b[1A\x1b[1;31mred\x1b[K\n"

    def act(terminal: Terminal) -> None:
        terminal.take_block("backend", block, AT)

    assert show(SCREEN, act) == b"backend.1 | \x1b[1;31mred\x1b[K\x1b[0m\n\x1b[0m"


def test_a_file_gets_every_sequence(show: Show) -> None:
    """Nothing is taken from what is not shown on a shared screen."""
    block = b"\x1b[2J\x1b[31mred\n"
    shown = show(PLAIN, lambda t: t.take_block("backend", block, AT))
    assert shown == b"backend.1 | " + block
