"""What revisions do to a database, written down while they do it.

Its text runs in the project's own interpreter, where nothing of ours may be installed:
it imports SQLAlchemy and Alembic, which are there.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

from alembic import command
from sqlalchemy import event
from sqlalchemy.engine import Engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType
    from typing import Any

    from alembic.config import Config

VARIABLE = "SCENESHIFT_ALEMBIC_CAPTURE"
_NAME = r'((?:"[^"]+"|[\w$]+)(?:\.(?:"[^"]+"|[\w$]+))?)'
_ALTER = re.compile(
    rf"\bALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?{_NAME}", re.IGNORECASE
)
_DROP = re.compile(rf"\bDROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?{_NAME}", re.IGNORECASE)
_BATCH = "_alembic_tmp_"
_STORAGE = "SELECT relfilenode::text FROM pg_class WHERE oid = to_regclass({})"
_CHECKS = """\
SELECT pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = to_regclass({}) AND contype = 'c' AND convalidated
"""
# Of MariaDB and MySQL: what is changed, and how it is asked for.
_CHANGE = re.compile(
    r"\s*(?:(?P<alter>ALTER\s+(?:ONLINE\s+)?(?:IGNORE\s+)?TABLE\s+(?:IF\s+EXISTS\s+)?)"
    r"|(?:CREATE|DROP)\s+(?:UNIQUE\s+|FULLTEXT\s+|SPATIAL\s+)?INDEX\s.*?\sON\s+)"
    r"(?P<table>(?:`[^`]+`|[\w$]+)(?:\.(?:`[^`]+`|[\w$]+))?)",
    re.IGNORECASE | re.DOTALL,
)
_PROBE = "sceneshift_probe"
_RENAMES = re.compile(r"\bRENAME\s+(?!COLUMN\b|INDEX\b|KEY\b)", re.IGNORECASE)
_SAYS_LOCK = re.compile(r"\bLOCK\s*=", re.IGNORECASE)
_UNSUPPORTED = {1845, 1846}
_REASON = re.compile(r"Reason: (.*?)\.? Try ")
_NULLABLE = """\
SELECT column_name FROM information_schema.columns
WHERE table_schema = database() AND table_name = '{}' AND is_nullable = 'YES'
"""
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


class Capture:
    """The statements that revisions have run so far.

    Attributes:
        records: Each as JSON has it, see `statements.Record`.
    """

    def __init__(self, files: set[str]) -> None:
        self._files = files
        self._paths: dict[str, str] = {}
        self.records: list[dict[str, Any]] = []

    def see(self, conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        """Take what is about to be run; a listener of `before_cursor_execute`."""
        place = self._find(sys._getframe(1))  # noqa: SLF001
        if place is None:
            return
        record = {"file": place[0], "line": place[1], "statement": statement}
        record |= look(conn, statement)
        self.records.append(record)

    def see_done(self, conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        """Take what has been run; a listener of `after_cursor_execute`."""
        last = self.records[-1] if self.records else {}
        if last.get("statement") == statement and last.get("storage"):
            now = look(conn, statement)["storage"]
            before = last["storage"]
            last["rewritten"] = [name for name in before if before[name] != now[name]]

    def fail(self, error: BaseException) -> None:
        """Take what has ended it."""
        place = None
        trace: TracebackType | None = error.__traceback__
        while trace is not None:
            path = self._resolve(trace.tb_frame.f_code.co_filename)
            place = (path, trace.tb_lineno) if path in self._files else place
            trace = trace.tb_next
        if place is not None:
            said = getattr(error, "orig", None) or error
            lines = [*str(said).strip().splitlines(), type(said).__name__]
            last = self.records[-1] if self.records else {}
            is_it = (last.get("file"), last.get("line")) == place
            record = last if is_it else {"file": place[0], "line": place[1]}
            record["error"] = lines[0]
            if not is_it:
                self.records.append(record)

    def _find(self, frame: FrameType | None) -> tuple[str, int] | None:
        """Return the place in a revision from which this was called."""
        while frame is not None:
            path = self._resolve(frame.f_code.co_filename)
            if path in self._files:
                return path, frame.f_lineno
            frame = frame.f_back
        return None

    def _resolve(self, name: str) -> str:
        if name not in self._paths:
            self._paths[name] = os.path.realpath(name)
        return self._paths[name]


def look(conn: Any, statement: str) -> dict[str, Any]:
    """Return what only the database can say of a statement."""
    cursor = conn.connection.cursor()
    try:

        def ask(query: str) -> list[Any]:
            cursor.execute(query)
            return [row[0] for row in cursor.fetchall()]

        if conn.dialect.name == "postgresql":
            return _look_at_postgresql(ask, statement)
        if conn.dialect.name == "sqlite":
            return _look_at_sqlite(ask, statement)
        if conn.dialect.name in {"mysql", "mariadb"}:
            return _look_at_mysql(ask, cursor, conn.dialect.dbapi.Error, statement)
        return {}
    finally:
        cursor.close()


def _look_at_postgresql(
    ask: Callable[[str], list[Any]], statement: str
) -> dict[str, Any]:
    names = dict.fromkeys(_ALTER.findall(statement))
    literals = {name: "'" + name.replace("'", "''") + "'" for name in names}
    return {
        "storage": {name: ask(_STORAGE.format(literals[name])) for name in names},
        "checks": [
            text for name in names for text in ask(_CHECKS.format(literals[name]))
        ],
    }


def _look_at_mysql(
    ask: Callable[[str], list[Any]],
    cursor: Any,
    kind: type[Exception],
    statement: str,
) -> dict[str, Any]:
    """Try a change on an empty table of the same kind, with everybody writing."""
    found = _CHANGE.match(statement)
    if found is None or _SAYS_LOCK.search(statement) or _RENAMES.search(statement):
        return {}
    start, end = found.span("table")
    asked = f"{statement[:start]}{_PROBE}{statement[end:]}".strip().rstrip(";")
    asked += ", LOCK=NONE" if found["alter"] else " LOCK=NONE"
    locks = ""
    try:
        cursor.execute(f"CREATE TABLE {_PROBE} LIKE {found['table']}")
        cursor.execute(asked.replace("%%", "%"))
    except kind as error:
        if error.args and error.args[0] in _UNSUPPORTED:
            said = str(error.args[-1])
            reason = _REASON.search(said)
            locks = reason[1] if reason else said
    cursor.execute(f"DROP TABLE IF EXISTS {_PROBE}")
    name = found["table"].rpartition(".")[2].strip("`")
    return {"locks": locks, "nullable": ask(_NULLABLE.format(_escape(name)))}


def _look_at_sqlite(ask: Callable[[str], list[Any]], statement: str) -> dict[str, Any]:
    found = _DROP.search(statement)
    if found is None or ask("PRAGMA foreign_keys") != [1]:
        return {}
    table, tables = found[1].strip('"'), ask(_TABLES)
    if _BATCH + table not in tables:
        return {}
    query = "SELECT \"table\" FROM pragma_foreign_key_list('{}')"
    others = [each for each in tables if each not in {table, _BATCH + table}]
    return {
        "children": [
            each for each in others if table in ask(query.format(_escape(each)))
        ]
    }


def _escape(name: str) -> str:
    return name.replace("'", "''")


def capture(config: Config) -> None:
    """Apply what is pending, and write down what that does."""
    path, *files = json.loads(os.environ[VARIABLE])
    seen = Capture(set(files))
    event.listen(Engine, "before_cursor_execute", seen.see)
    event.listen(Engine, "after_cursor_execute", seen.see_done)
    try:
        command.upgrade(config, "heads")
    except BaseException as error:
        seen.fail(error)
        raise
    finally:
        Path(path).write_text(json.dumps(seen.records), encoding="utf-8")
