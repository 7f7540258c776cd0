"""Why a Python process could not start, read from what it wrote."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LONGEST_TEXT = 65_536
_EXCERPT_LINES = 5
_THIRD_PARTY = {"site-packages", "dist-packages", "node_modules", ".venv", "venv"}

_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
# Some servers put their log level in front: `ERROR:    Traceback (most ...`.
_HEADER = re.compile(r"Traceback \(most recent call last\):\s*$")
_GROUP_HEADER = re.compile(r"Exception Group Traceback \(most recent call last\):\s*$")
_FRAME = re.compile(r'^ {2,4}File "(?P<file>.+)", line (?P<line>\d+)')
_MARGIN = re.compile(r"^( +)[|+] ")
_CONNECTORS = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReport:
    """Why a process could not start.

    Attributes:
        process: Its name.
        headline: The exception in one line: `SyntaxError: invalid syntax`.
        file: The project's innermost file that took part; absolute.
        line: Its line, counted from 1.
        text: The traceback, or the end of the output where there is none.
        since: When it failed, in seconds since 1970.
        root: The project's folder.
    """

    process: str
    headline: str
    file: Path | None = None
    line: int | None = None
    text: str
    since: float
    root: Path

    @property
    def place(self) -> str | None:
        """Where it failed, relative to the project: `demo/api.py:12`."""
        if self.file is None:
            return None
        file = self.file
        if file.is_relative_to(self.root):
            file = file.relative_to(self.root)
        return f"{file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """One line around the place of an error."""

    number: int
    text: str
    is_place: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """One traceback of the text.

    Attributes:
        start: Index of its first line.
        headline: The line that names the exception.
        frames: File and line of each frame, outermost first.
        is_group: Whether it is an exception group's own.
        is_chained: Whether it follows another one's connector.
        depth: How deep in exception groups it is; 0 for one that is in none.
    """

    start: int
    headline: str
    frames: tuple[tuple[str, int], ...]
    is_group: bool
    is_chained: bool
    depth: int


def parse_failure(
    text: str, root: Path, *, process: str = "", since: float = 0.0
) -> ErrorReport:
    """Find the last exception in what a Python process wrote.

    Of a chain the last exception is named, with the project's innermost frame of the
    nearest traceback that has one; of an exception group its first member.

    Args:
        text: What it wrote to standard error, with or without colours.
        root: The project's folder: files below it and not in site-packages are its own.
        process: Its name, for the report.
        since: When it failed, for the report.
    """
    lines = _ANSI.sub("", text).splitlines()
    chain = _last_chain(_read_blocks(lines))
    if not chain:
        return _report_words(lines, root, process=process, since=since)
    main = _pick_main(chain)
    candidates = (main, *(block for block in reversed(chain) if block is not main))
    file, line = _find_place(candidates, root)
    return ErrorReport(
        process=process,
        headline=main.headline,
        file=file,
        line=line,
        text=_cut("\n".join(lines[chain[0].start :])),
        since=since,
        root=root,
    )


def one_line(report: ErrorReport) -> str:
    """Say it in one line: `demo/api.py:12: SyntaxError: invalid syntax`."""
    place = report.place
    return report.headline if place is None else f"{place}: {report.headline}"


def read_excerpt(report: ErrorReport) -> tuple[SourceLine, ...]:
    """Read the source around the place; nothing where it cannot be read."""
    if report.file is None or report.line is None:
        return ()
    try:
        lines = report.file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    first = max(report.line - 1 - _EXCERPT_LINES, 0)
    return tuple(
        SourceLine(number=number, text=line[:500], is_place=number == report.line)
        for number, line in enumerate(
            lines[first : report.line + _EXCERPT_LINES], start=first + 1
        )
    )


def is_own(file: Path, root: Path) -> bool:
    """Whether a file is the project's own code and no library below it."""
    if not file.is_relative_to(root) or file.name.endswith(">"):
        return False  # elsewhere, or no file at all: `<frozen importlib._bootstrap>`
    return _THIRD_PARTY.isdisjoint(file.relative_to(root).parts)


def split_frames(text: str, root: Path) -> Iterator[tuple[str, bool | None]]:
    """Cut a traceback into pieces, each with whether its frame is the project's own.

    Yields:
        Whole lines, and True for a frame of the project, False for one of a library,
        None for what is no frame.
    """
    kind: bool | None = None
    piece: list[str] = []
    for line in text.splitlines(keepends=True):
        bare = _MARGIN.sub("", line)
        frame = _FRAME.match(bare)
        if frame is None and bare.startswith("    "):
            piece.append(line)
            continue
        if piece:
            yield "".join(piece), kind
        piece = [line]
        kind = None if frame is None else is_own(_resolve(frame["file"], root), root)
    if piece:
        yield "".join(piece), kind


def _report_words(
    lines: Sequence[str], root: Path, *, process: str, since: float
) -> ErrorReport:
    """Report a process that wrote no traceback by its last words."""
    words = [line.strip() for line in lines if line.strip()]
    return ErrorReport(
        process=process,
        headline=words[-1][:500] if words else "it ended without a word",
        text=_cut("\n".join(lines)),
        since=since,
        root=root,
    )


def _cut(text: str) -> str:
    """Keep the end of a very long text, where the exception is."""
    if len(text) <= _LONGEST_TEXT:
        return text
    return "...\n" + text[-_LONGEST_TEXT:].partition("\n")[2]


def _read_blocks(lines: Sequence[str]) -> list[_Block]:
    """Find every traceback, in order."""
    blocks: list[_Block] = []
    index = 0
    while index < len(lines):
        # A syntax error of the main script has frames and no header.
        if _HEADER.search(lines[index]) or _FRAME.match(lines[index]):
            index = _read_block(lines, index, blocks)
        else:
            index += 1
    return blocks


def _read_block(lines: Sequence[str], start: int, blocks: list[_Block]) -> int:
    """Add the traceback that starts at `start`; return the index after its headline."""
    margin = _MARGIN.match(lines[start])
    frames: list[tuple[str, int]] = []
    index = start if _FRAME.match(lines[start]) else start + 1
    while index < len(lines):
        line = _MARGIN.sub("", lines[index], count=1) if margin else lines[index]
        frame = _FRAME.match(line)
        if frame is not None:
            frames.append((frame["file"], int(frame["line"])))
        elif line.strip() and not line.startswith("  "):
            break
        index += 1
    else:
        return index
    block = _Block(
        start=start,
        headline=line.strip()[:500],
        frames=tuple(frames),
        is_group=_GROUP_HEADER.search(lines[start]) is not None,
        is_chained=_is_chained(lines, start),
        # A group's own margin is two wide, its members' two more.
        depth=max(len(margin[1]) - 2, 0) if margin else 0,
    )
    blocks.append(block)
    return index + 1


def _is_chained(lines: Sequence[str], start: int) -> bool:
    """Whether the last line with text before `start` joins two exceptions."""
    words = (line.strip(" |") for line in reversed(lines[:start]))
    return next((word for word in words if word), "") in _CONNECTORS


def _last_chain(blocks: Sequence[_Block]) -> Sequence[_Block]:
    """Return the last exception's tracebacks: its causes', its own, its members'."""
    for index in range(len(blocks) - 1, -1, -1):
        if not blocks[index].is_chained and not blocks[index].depth:
            return blocks[index:]
    return blocks


def _pick_main(blocks: Sequence[_Block]) -> _Block:
    """Return the end of the chain that `blocks` begins with.

    A group says only how many there are, so its first member stands for it.
    """
    main, depth = 0, blocks[0].depth
    for index, block in enumerate(blocks[1:], start=1):
        if block.depth < depth or (block.depth == depth and not block.is_chained):
            break
        if block.depth == depth:
            main = index
    members = blocks[main + 1 :]
    if blocks[main].is_group and members and members[0].depth > depth:
        return _pick_main(members)
    return blocks[main]


def _find_place(
    blocks: Sequence[_Block], root: Path
) -> tuple[Path, int] | tuple[None, None]:
    """Return the project's innermost frame of the first block that has one."""
    for block in blocks:
        for name, line in reversed(block.frames):
            file = _resolve(name, root)
            if is_own(file, root):
                return file, line
    return None, None


def _resolve(name: str, root: Path) -> Path:
    """Return a frame's file as a path below `root` where it leads there."""
    path = Path(os.path.normpath(root / name))
    if path.is_relative_to(root):
        return path
    # A folder may be known by two names: /tmp and /private/tmp on macOS.
    real, real_root = Path(os.path.realpath(path)), Path(os.path.realpath(root))
    if real.is_relative_to(real_root):
        return root / real.relative_to(real_root)
    return path
