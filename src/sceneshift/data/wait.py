"""`inv data.wait`: until every database answers, or it is clear that none will."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import describe_seconds, quote
from sceneshift.data.sqlite.files import reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sceneshift.data.target import Request, Target

_FIRST_S, _LONGEST_S = 0.1, 1.0  # between two attempts, twice as long each time
_CONNECT_S = 5.0
_TOLD_AFTER_S, _AGAIN_S = 1.0, 10.0
# What no waiting mends. PostgreSQL's library tells no code of what it was refused
# with, only words; in other ones than English it is waited for, as for all else.
_MISSING = re.compile(r'database ".*" does not exist|\(1049, ')
_REFUSED = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry"
    r'|role ".*" does not exist|is not permitted to log in'
    r"|permission denied for database|server does not support SSL"
    r"|\((?:1044|1045|1698), "  # MySQL's numbers
)


class _Wait:
    """What has become of one database so far."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.took_s: float | None = None
        self.problem: str | None = None

    def ask(self, limit_s: float, began: float) -> None:
        """Ask it once.

        Raises:
            SceneshiftError: It refuses what waiting does not mend.
        """
        try:
            self.problem = _try(self.target, limit_s)
        except SceneshiftError as error:
            self.problem = error.message
            raise
        if self.problem is None:
            self.took_s = time.monotonic() - began

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "name": self.target.database.name,
            "place": self.target.title,
            "is_answering": self.took_s is not None,
            "after_s": None if self.took_s is None else round(self.took_s, 3),
            "problem": self.problem,
        }


def wait(request: Request, *, within_s: float) -> None:
    """Return when the databases answer a query.

    Args:
        request: What was asked for.
        within_s: Seconds that they may take, all together.

    Raises:
        UsageError: There is no such environment or database.
        SceneshiftError: The time is over, or one refuses what waiting does not mend.
    """
    targets = request.load()
    waits = [_Wait(each) for each in targets]
    try:
        _wait_for_all(waits, within_s)
    finally:
        if request.as_json:
            name = targets[0].environment
            rows = [each.as_json() for each in waits]
            StreamConsole().json({"environment": name, "databases": rows})
    if not request.as_json:
        for each in waits:
            took = describe_seconds(each.took_s or 0)
            StreamConsole().success(f"{each.target.title} answers after {took}")


def _wait_for_all(waits: Sequence[_Wait], within_s: float) -> None:
    began = time.monotonic()
    progress, pause_s = _Progress(), _FIRST_S
    while True:
        for each in _list_silent(waits):
            left_s = within_s - (time.monotonic() - began)
            each.ask(max(1.0, min(left_s, _CONNECT_S)), began)
        silent = _list_silent(waits)
        if not silent:
            return
        waited_s = time.monotonic() - began
        if waited_s >= within_s:
            raise _give_up(silent, within_s)
        progress.tell(silent, waited_s)
        time.sleep(min(pause_s, within_s - waited_s))
        pause_s = min(2 * pause_s, _LONGEST_S)


def _list_silent(waits: Sequence[_Wait]) -> list[_Wait]:
    return [each for each in waits if each.took_s is None]


class _Progress:
    """Says what is waited for, when that is news or was not said for long."""

    def __init__(self) -> None:
        self._told = ""
        self._told_s = 0.0

    def tell(self, silent: Sequence[_Wait], waited_s: float) -> None:
        """Say it, where it is to be said."""
        if waited_s < _TOLD_AFTER_S:
            return
        said = "; ".join(f"{each.target.title}: {each.problem}" for each in silent)
        if said != self._told or waited_s - self._told_s >= _AGAIN_S:
            self._told, self._told_s = said, waited_s
            StreamConsole().note(f"{waited_s:.0f} s: waits for {said}")


def _give_up(silent: Sequence[_Wait], within_s: float) -> SceneshiftError:
    said = "; ".join(f"{quote(each.target.title)}: {each.problem}" for each in silent)
    return SceneshiftError(
        f"no answer within {within_s:g} s: {said}",
        hint="is its server up, and the URL right? inv data.status",
    )


# -- asking


def _try(target: Target, limit_s: float) -> str | None:
    """Ask a database; return why it does not answer, None where it does.

    Raises:
        SceneshiftError: It is refused what waiting does not mend.
    """
    if not target.database.is_lasting:
        return None
    if target.file is not None:
        return _try_file(target, target.file)
    return _try_server(target, limit_s)


def _try_file(target: Target, path: Path) -> str | None:
    try:
        with reading(path) as connection:
            if connection is not None:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
                return None
    except SceneshiftError as error:
        cause = error.__cause__
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise SceneshiftError(error.message, hint=error.hint) from error
        return error.message
    folder = path.resolve().parent
    if not folder.is_dir():  # perhaps one that is mounted
        return f"there is no folder {folder}"
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SceneshiftError(
            f"{quote(target.title)} cannot be made: {folder} is not writable",
            hint=f"ls -ld {folder}",
        )
    return None


def _try_server(target: Target, limit_s: float) -> str | None:
    from sqlalchemy import text  # noqa: PLC0415 - 300 ms

    from sceneshift.data.engine import open_connection, open_engine  # noqa: PLC0415

    engine = open_engine(target.database.url, target.root, connect_s=limit_s)
    try:
        with open_connection(engine) as connection:
            connection.execute(text("SELECT 1"))
    except SceneshiftError as error:
        raw = str(error.__cause__)  # all lines: one for each address of a host
        if _MISSING.search(raw):
            raise SceneshiftError(
                error.message, hint="make it: inv data.create"
            ) from error
        if _REFUSED.search(raw):
            raise SceneshiftError(
                error.message,
                hint=f"mend {target.database.variable}: inv env.show",
            ) from error
        return error.message
    return None
