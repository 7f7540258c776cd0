"""`inv dev.logs`: what processes have written, and what they write."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sceneshift.core.client import Client
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import UsageError
from sceneshift.core.paths import StateFolder
from sceneshift.core.wording import local_clock, quote
from sceneshift.dev.output import LogQuery, find_names, parse_since, read_logs
from sceneshift.dev.pattern import compile_pattern

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable
    from pathlib import Path

_LINES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRequest:
    """What is asked for.

    Attributes:
        names: Processes; none means all.
        follow: Whether to go on with what comes.
        since: A span or a time; empty means any.
        grep: A regular expression; empty means any line.
        lines: The last so many; 0 means the usual number.
        as_json: One JSON object a line.
    """

    names: tuple[str, ...] = ()
    follow: bool = False
    since: str = ""
    grep: str = ""
    lines: int = 0
    as_json: bool = False


def show_logs(root: Path, request: LogRequest) -> None:
    """Print lines of the log files, then follow the stack where that is asked for.

    Raises:
        UsageError: A span, an expression or a name is none.
        SceneshiftError: Nothing runs here that could be followed.
    """
    folder = StateFolder(root).path / "logs"
    query = LogQuery(
        names=_resolve(folder, request.names),
        since=parse_since(request.since, time.time()) if request.since else None,
        pattern=_compile(request.grep),
        limit=request.lines or (None if request.since else _LINES),
    )
    client = Client.get(root) if request.follow else None
    if client is not None:
        # Asked before the files are read: a line may come twice, none is missed.
        names = list(request.names)
        client.ask({"op": "follow", "names": names, "grep": request.grep})
    lines = [line.as_json() for line in read_logs(folder, query)]
    _print(lines, as_json=request.as_json)
    if client is not None:
        follow(client, as_json=request.as_json)


def follow(client: Client, *, as_json: bool = False) -> None:
    """Print what comes, until the stack ends."""
    for message in client.follow():
        if message["skipped"]:
            StreamConsole().note(f"({message['skipped']} lines skipped)")
        _print(message["lines"], as_json=as_json)


def _resolve(folder: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of logs by process, by what prefixes its output, or by type.

    What is none of these is returned as it is: the reader says so.
    """
    known = find_names(folder)
    found: dict[str, None] = {}
    for name in names:
        matches = [
            log for log in known if name in (log, f"{log}.1", log.rpartition(".")[0])
        ]
        found.update(dict.fromkeys(matches or [name]))
    return tuple(found)


def _compile(text: str) -> re.Pattern[str] | None:
    if not text:
        return None
    try:
        return compile_pattern(text)
    except ValueError as error:
        raise UsageError(
            f"`--grep` is no regular expression: {quote(text)}: {error}",
            hint="put a backslash before ( [ { + * ? where they are meant as such",
        ) from error


def _print(lines: Iterable[dict[str, Any]], *, as_json: bool) -> None:
    console = StreamConsole()
    for line in lines:
        if as_json:
            console.data(json.dumps(line, ensure_ascii=False))
        else:
            at = local_clock(line["time"])
            mark = "-- " if line["note"] else ""
            console.data(f"{at} {line['process']} | {mark}{line['text']}")
