"""What the vendors' programs write of a database of MariaDB or MySQL, read as text.

No transaction of ours can see what theirs sees. So rows are counted in what they have
written, when that is read again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.data.backups.archive import open_chunks
from sceneshift.data.backups.medium import Content

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_NAME = rb"`((?:[^`]|``)+)`"
_TABLE = re.compile(rb"CREATE TABLE " + _NAME + rb" \(")
_INSERT = re.compile(
    rb"INSERT INTO " + _NAME + rb" (?:\((?:`(?:[^`]|``)+`(?:, )?)+\) )?VALUES\s+"
)
_TEXT = re.compile(rb"'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'", re.DOTALL)
_VALUE = re.compile(rb"\('([^'\\]*)'")
_CODE, _NO_CODE = b"DELIMITER ;;", b"DELIMITER ;"
_END = b"-- Dump completed"
_DEFINER = re.compile(
    rb"^((?:/\*!\d+ )?(?:CREATE\*/ /\*!\d+ |CREATE (?:OR REPLACE )?)?)"
    rb"DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*` ?"
)

_EVENT = re.compile(
    rb"^(/\*!\d+ CREATE\*/ .*?\bEVENT " + _NAME + rb" ON SCHEDULE "
    rb".*? ON COMPLETION (?:NOT )?PRESERVE )ENABLE(?= COMMENT | DO )"
)


def read_dump(
    chunks: Iterable[bytes], versions: str | None, but: Collection[str]
) -> Content:
    """Return what a dump holds; a line break in a row's text is none in it.

    Args:
        chunks: The dump.
        versions: The table in which Alembic keeps where it is; None where that is not
            in it.
        but: Other tables whose rows are nobody's.

    Raises:
        SceneshiftError: It is not whole.
    """
    rows: dict[str, int] = {}
    found: list[str] = []
    line, table = b"", None
    for line in _list_statements(chunks):
        values = line if line.startswith(b"(") else b""
        if (made := _TABLE.match(line)) is not None:
            rows[_read_name(made[1])] = 0
        elif (insert := _INSERT.match(line)) is not None:
            table, values = _read_name(insert[1]), line[insert.end() :]
        if not values or table is None:
            continue
        # MariaDB's has a row in a line, and MySQL's has all in one.
        count = 1 if values is line else _TEXT.sub(b"", values).count(b"(")
        rows[table] = rows.get(table, 0) + count
        if table == versions:
            found += [each.decode() for each in _VALUE.findall(values)]
    if not line.startswith(_END):
        raise SceneshiftError(
            "what was written of the database has no end",
            hint="is there room, and did its server stop? look at the server's log",
        )
    is_known = versions in rows
    counted = {
        name: count
        for name, count in sorted(rows.items())
        if name != versions and name not in but
    }
    return Content(rows=counted, revisions=tuple(sorted(found)) if is_known else None)


def _list_statements(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield all lines but those of triggers, routines and events."""
    is_code = False
    with open_chunks(chunks) as file:
        for line in file:
            if line.startswith(_NO_CODE):
                is_code = line.startswith(_CODE)
            elif not is_code:
                yield line


def _read_name(name: bytes) -> str:
    return name.replace(b"``", b"`").decode()


def drop_definers(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a dump whose views, triggers and so on become those of who reads it."""
    with open_chunks(chunks) as file:
        for line in file:
            yield _DEFINER.sub(rb"\1", line, count=1) if b"DEFINER=" in line else line


def put_events_to_sleep(chunks: Iterable[bytes], asleep: list[str]) -> Iterator[bytes]:
    """Yield a dump whose events do not run.

    Args:
        chunks: The dump.
        asleep: The names of those that would are written into it.
    """
    with open_chunks(chunks) as file:
        for line in file:
            event = _EVENT.match(line) if line.startswith(b"/*!") else None
            if event is None:
                yield line
            else:
                asleep.append(_read_name(event[2]))
                yield event[1] + b"DISABLE" + line[event.end() :]
