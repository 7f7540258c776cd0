"""All that a draft holds, as the statements that make it."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.secrets import mask_secrets
from sceneshift.core.wording import quote
from sceneshift.data.marker import VIEW
from sceneshift.data.sqlite.files import reading
from sceneshift.data.sqltext import split

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from sceneshift.core.databases import Database
    from sceneshift.data.system import System
    from sceneshift.data.target import Target

_OBJECTS = """\
SELECT name, sql FROM sqlite_master
WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type <> 'table', rowid
"""
_COLUMNS = "SELECT name FROM pragma_table_xinfo(?) WHERE hidden < 2 ORDER BY cid"
_COUNTERS = "SELECT name, seq FROM sqlite_sequence WHERE name <> ? ORDER BY name"
# What a session is set to while a dump is loaded; the search path would be Alembic's.
_SETTING = re.compile(r"SET |SELECT pg_catalog\.set_config\(")
_META = re.compile(r"^\\(?:un)?restrict.*$", re.MULTILINE)
_BODY = re.compile(r"CREATE (?:FUNCTION|PROCEDURE)\b")
_UNCHECKED = "SET LOCAL check_function_bodies = false"
_ROW = re.compile(r"(?:INSERT INTO|DELETE FROM sqlite_sequence)\b")
_DEFAULT = re.compile(r"default\(([^()]*)\)")  # as `read_schema` has it
_DUMP = ("--no-owner", "--no-password", "--inserts", "--column-inserts")


class Contents(Struct, frozen=True, kw_only=True):
    """What a draft holds.

    Attributes:
        statements: What makes it, in an order that works.
        likeness: The same without what makes no difference: the order of columns in a
            table, and that of statements.
    """

    statements: tuple[str, ...]
    likeness: frozenset[str]

    def count_rows(self) -> int:
        """Return how many statements make rows."""
        return sum(bool(_ROW.match(each)) for each in self.statements)

    def list_differences(self, other: Contents) -> list[str]:
        """Return what the other one has not, and what it has besides."""
        missing = sorted(self.likeness - other.likeness)
        added = sorted(other.likeness - self.likeness)
        return [f"without {_cut(each)}" for each in missing] + [
            f"besides {_cut(each)}" for each in added
        ]


def _cut(text: str) -> str:
    words = " ".join(text.split())
    return quote(words if len(words) < 60 else f"{words[:57]}…")


def read_contents(
    target: Target, system: System, draft: Database, *, path: str
) -> Contents:
    """Read all that a draft holds, but for where Alembic is.

    Args:
        target: The database.
        system: Where the draft is.
        draft: The draft.
        path: Where programs are looked for.

    Raises:
        ComponentError: There is no pg_dump of the server's version.
        SceneshiftError: It cannot be read, or not be written as statements.
    """
    if target.file is not None:
        return _read_sqlite(target, system, draft)
    if target.database.system in {"mariadb", "mysql"}:
        from sceneshift.data.squash.mycontents import read_mysql  # noqa: PLC0415

        statements, likeness = read_mysql(target, system, draft)
        return Contents(statements=tuple(statements), likeness=likeness)
    return _read_postgresql(target, draft, path)


def _read_sqlite(target: Target, system: System, draft: Database) -> Contents:
    file = draft.find_file(target.root)
    assert file is not None
    with reading(file) as connection:
        if connection is None:
            return Contents(statements=(), likeness=frozenset())
        table = target.version_table
        statements = [*_list_sqlite(connection, table)]
    schema = system.read_schema(draft) or {}
    rows = (each for each in statements if _ROW.match(each))
    likeness = {
        f"{name}: " + _DEFAULT.sub(r"default\1", text) for name, text in schema.items()
    }
    return Contents(
        statements=tuple(statements), likeness=frozenset(likeness | {*rows})
    )


def _list_sqlite(connection: sqlite3.Connection, but: str) -> Iterator[str]:
    """Yield what makes tables, then rows, then what looks at both."""
    found = [
        (name, text)
        for name, text in connection.execute(_OBJECTS)
        if name not in {but, VIEW}
    ]
    tables = [pair for pair in found if pair[1].upper().startswith("CREATE TABLE")]
    for name, text in found:
        if text.upper().startswith("CREATE VIRTUAL"):
            raise SceneshiftError(
                f"{quote(name)} is a virtual table, whose own tables cannot be written "
                "as statements",
                hint="squash up to the revision before it: inv data.squash --to …",
            )
    yield from (text for _, text in tables)
    rows = [row for name, _ in tables for row in _list_rows(connection, name)]
    if rows:
        yield "PRAGMA defer_foreign_keys = ON"
        yield from rows
    if any("AUTOINCREMENT" in text.upper() for _, text in tables):
        for name, count in connection.execute(_COUNTERS, (but,)):
            yield from _set_counter(_escape(name), count)
    yield from (text for pair in found if pair not in tables for text in pair[1:])


def _set_counter(name: str, count: int) -> Iterator[str]:
    yield f"DELETE FROM sqlite_sequence WHERE name = '{name}'"  # noqa: S608
    columns, values = "(name, seq)", f"('{name}', {count})"
    yield f"INSERT INTO sqlite_sequence {columns} VALUES {values}"  # noqa: S608


def _list_rows(connection: sqlite3.Connection, table: str) -> Iterator[str]:
    names = [_quote(name) for (name,) in connection.execute(_COLUMNS, (table,))]
    values = " || ', ' || ".join(f"quote({name})" for name in names)
    head = f"INSERT INTO {_quote(table)} ({', '.join(names)}) VALUES ("  # noqa: S608
    query = f"SELECT {values} FROM {_quote(table)}"  # noqa: S608
    for (text,) in connection.execute(query):
        yield f"{head}{text})"


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _escape(name: str) -> str:
    return name.replace("'", "''")


def _read_postgresql(target: Target, draft: Database, path: str) -> Contents:
    text = _META.sub("", _dump(target, draft, path))
    found = [*split(text, is_tidy=False)]
    made = [each for each in found if not _SETTING.match(each)]
    if any(map(_BODY.match, made)):
        made.insert(0, _UNCHECKED)
    return Contents(statements=tuple(made), likeness=frozenset(map(_normalize, found)))


def _dump(target: Target, draft: Database, path: str) -> str:
    from sceneshift.data.engine import parse_url  # noqa: PLC0415 - 300 ms
    from sceneshift.data.postgresql.session import Place, open_session  # noqa: PLC0415
    from sceneshift.data.postgresql.tools import build_client_env, find_tools  # noqa: PLC0415

    with open_session(Place(url=draft.url, root=target.root)) as session:
        ((number,),) = session.ask("SELECT current_setting('server_version_num')")
    url = parse_url(draft.url, target.root)
    tools = find_tools(int(number) // 10_000, path, url)
    but = (f"--exclude-table=*.{name}" for name in (target.version_table, VIEW))
    done = subprocess.run(
        [*tools.dump, *_DUMP, *but],
        env=build_client_env(url),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise SceneshiftError(
            f"pg_dump says: {mask_secrets(said[0])}", hint="run it by hand to see more"
        )
    return done.stdout


def _normalize(statement: str) -> str:
    """Return a statement without the order of a table's columns."""
    text = " ".join(split(statement))
    head, bracket, rest = text.partition("(")
    if not text.startswith("CREATE TABLE") or not bracket:
        return text
    body, bracket, end = rest.rpartition(")")
    return f"{head}({', '.join(sorted(split(body, ',')))}){end}"
