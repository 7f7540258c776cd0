"""Reading log files back, of a stack that runs or one that has ended."""

from __future__ import annotations

import heapq
import re
from datetime import datetime
from itertools import chain, islice, takewhile
from typing import TYPE_CHECKING, NamedTuple

from sceneshift.core.errors import UsageError
from sceneshift.core.wording import quote, suggest
from sceneshift.dev.output.lines import LogLine
from sceneshift.dev.output.rotation import NOTE_MARK, STAMP_LENGTH, TEXT_MARK, rotated
from sceneshift.dev.output.text import final_state, show_controls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_BLOCK_BYTES = 256 * 1024
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z[ *]")
_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")
_UNIT_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class LogQuery(NamedTuple):
    """Which lines are asked for.

    Attributes:
        names: The processes; empty means all that have a log.
        since: Only lines at or after this time, in seconds since 1970.
        pattern: Only lines in which it is found.
        limit: Only the last so many.
    """

    names: tuple[str, ...] = ()
    since: float | None = None
    pattern: re.Pattern[str] | None = None
    limit: int | None = None


def read_logs(folder: Path, query: LogQuery) -> list[LogLine]:
    """Return lines of all processes that are asked for, in the order of time.

    The files are read from their ends, so that the last lines of large ones are found
    at once.

    Args:
        folder: Where the `<name>.log` files are.
        query: Which lines.

    Raises:
        UsageError: There is no log of a process that is asked for.
    """
    names = query.names or tuple(find_names(folder))
    newest_first: Iterable[LogLine] = heapq.merge(
        *(_lines_backwards(folder, name) for name in names),
        key=lambda line: line.at,
        reverse=True,
    )
    since, pattern = query.since, query.pattern
    if since is not None:
        newest_first = takewhile(lambda line: line.at >= since, newest_first)
    if pattern is not None:
        newest_first = filter(lambda line: pattern.search(line.text), newest_first)
    return list(islice(newest_first, query.limit))[::-1]


def find_names(folder: Path) -> list[str]:
    """Return the names of the processes that have a log."""
    return sorted(path.name.removesuffix(".log") for path in folder.glob("*.log"))


def parse_since(text: str, now: float) -> float:
    """Return the time that `10m`, `90`, `2h`, `1d` or an ISO time means.

    Args:
        text: A number of seconds, or with a unit, before now; or a time, which is
            local unless it says otherwise.
        now: Seconds since 1970.

    Raises:
        UsageError: It is neither.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return now - float(ago[1]) * _UNIT_S[ago[2]]
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except ValueError as error:
        raise UsageError(
            f"`--since` is neither a span nor a time: {text}",
            hint="use `--since 10m`, `--since 2h` or `--since 2026-11-21T09:30`",
        ) from error


def _lines_backwards(folder: Path, name: str) -> Iterator[LogLine]:
    """Yield a process's lines, newest first."""
    path = folder / f"{name}.log"
    if not path.exists():
        raise UsageError(
            f"there is no log of a process {quote(name)}",
            hint=suggest(name, find_names(folder)),
        )
    files = (rotated(path, number) for number in range(100))
    present = takewhile(lambda file: file.exists(), files)
    raw_lines = chain.from_iterable(map(_raw_lines_backwards, present))
    return _with_times(name, raw_lines)


def _with_times(name: str, newest_first: Iterable[bytes]) -> Iterator[LogLine]:
    """Yield lines as values; those of a flood have the time of the first of them."""
    untimed: list[bytes] = []
    rest: list[bytes] = []
    for raw in newest_first:
        whole = b"".join((raw, *reversed(rest)))
        if _STAMP.match(whole):
            stamp = whole[:STAMP_LENGTH]
            yield from (_parse(name, stamp + text) for text in untimed)
            yield _parse(name, whole)
            untimed.clear()
        elif whole.startswith(TEXT_MARK):
            untimed.append(whole[1:])
        else:
            # The rest of a line so long that a rotation parted it.
            rest.append(raw)
            continue
        rest.clear()


def _raw_lines_backwards(path: Path) -> Iterator[bytes]:
    """Yield a file's lines from its last to its first, without newlines."""
    with path.open("rb") as file:
        position = file.seek(0, 2)
        rest: list[bytes] = []
        is_last = True
        while position > 0:
            size = min(_BLOCK_BYTES, position)
            position -= size
            file.seek(position)
            lines = file.read(size).split(b"\n")
            if is_last and not lines[-1]:
                lines.pop()
            is_last = False
            if len(lines) > 1:
                yield b"".join((lines.pop(), *reversed(rest)))
                rest.clear()
                yield from reversed(lines[1:])
            rest += lines[:1]
        if rest:
            yield b"".join(reversed(rest))


def _parse(name: str, raw: bytes) -> LogLine:
    """Return a stamped line as a value."""
    moment = datetime.fromisoformat(raw[: STAMP_LENGTH - 1].decode())
    text = final_state(raw[STAMP_LENGTH:]).decode("utf-8", "replace")
    if not text.isprintable():
        text = show_controls(text.encode()).decode()
    return LogLine(
        name=name,
        at=moment.timestamp(),
        text=text,
        is_note=raw[STAMP_LENGTH - 1 : STAMP_LENGTH] == NOTE_MARK,
    )
