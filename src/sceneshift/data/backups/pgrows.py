"""Rows of a PostgreSQL database by COPY, where no fitting pg_dump is there.

That has the rows and the sequences, and not what they are in: the tables are made by
the migrations again. So it is for databases that have some, and is put back where the
code has the same revisions.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.secrets import mask_secrets
from sceneshift.data.backups.archive import open_chunks
from sceneshift.data.postgresql.server import quote_name, quote_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from psycopg import Connection

_TABLES = """\
SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid
        AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')
GROUP BY n.nspname, c.relname ORDER BY n.nspname, c.relname
"""
_SEQUENCES = """\
SELECT n.nspname, c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND n.nspname !~ '^pg_' ORDER BY n.nspname, c.relname
"""
_KEYS = """\
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'f' AND conparentid = 0 ORDER BY oid
"""
_VIEWS = """\
SELECT n.nspname, c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' ORDER BY c.oid
"""


class _Part(Struct, frozen=True, kw_only=True):
    """What comes next in the file.

    Attributes:
        place: A table or a sequence, as SQL has it.
        columns: Those of a table, as SQL has them; empty for a sequence.
        state: Of a sequence, the arguments of `setval`.
    """

    place: str
    columns: tuple[str, ...] = ()
    state: tuple[int, bool] | None = None


def dump_rows(address: str, name: str, snapshot: str) -> Iterator[bytes]:
    """Yield the rows that a snapshot of another session sees.

    Args:
        address: An address of the server, as libpq takes it.
        name: The database.
        snapshot: What `pg_export_snapshot` said there.

    Raises:
        SceneshiftError: They cannot be read.
    """
    with _connecting(address, name) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        _run(connection, f"SET TRANSACTION SNAPSHOT {quote_text(snapshot)}")
        if connection.execute("SELECT 1 FROM pg_largeobject_metadata").fetchone():
            raise SceneshiftError(
                "large objects cannot be backed up without pg_dump",
                hint="install it: postgresql-client, of the server's version",
            )
        for schema, table, names in connection.execute(_TABLES).fetchall():
            columns = tuple(quote_name(each) for each in names)
            place = _join(schema, table)
            yield _write(_Part(place=place, columns=columns))
            look = f"SELECT {', '.join(columns)} FROM {place}"  # noqa: S608
            with connection.cursor().copy(f"COPY ({look}) TO STDOUT".encode()) as copy:
                for data in copy:
                    yield b"%x\n" % len(data) + bytes(data)
            yield b"0\n"
        for schema, sequence in connection.execute(_SEQUENCES).fetchall():
            place = _join(schema, sequence)
            row = _run(connection, f"SELECT last_value, is_called FROM {place}")  # noqa: S608
            yield _write(_Part(place=place, state=row))


def load_rows(address: str, name: str, chunks: Iterable[bytes]) -> None:
    """Put rows into the tables of a database, in the place of those in them.

    References are given up meanwhile, and hold again before it is done.

    Args:
        address: See `dump_rows`.
        name: The database.
        chunks: What that yielded.

    Raises:
        SceneshiftError: They do not fit, or are damaged.
    """
    file = open_chunks(chunks)
    with _connecting(address, name) as connection, connection.transaction():
        keys = connection.execute(_KEYS).fetchall()
        for table, key, _ in keys:
            _run(connection, f"ALTER TABLE {table} DROP CONSTRAINT {quote_name(key)}")
        for schema, table, _ in connection.execute(_TABLES).fetchall():
            place = _join(schema, table)
            _run(connection, f"ALTER TABLE {place} DISABLE TRIGGER USER")
            _run(connection, f"TRUNCATE {place}")
        while line := file.readline():
            _load(connection, msgspec.json.decode(line, type=_Part), file)
        for schema, table, _ in connection.execute(_TABLES).fetchall():
            place = _join(schema, table)
            _run(connection, f"ALTER TABLE {place} ENABLE TRIGGER USER")
        for table, key, said in keys:
            _run(
                connection,
                f"ALTER TABLE {table} ADD CONSTRAINT {quote_name(key)} {said}",
            )
        for schema, view in connection.execute(_VIEWS).fetchall():
            _run(connection, f"REFRESH MATERIALIZED VIEW {_join(schema, view)}")


def _load(connection: Connection, part: _Part, file: IO[bytes]) -> None:
    if part.state is not None:
        last, is_called = part.state
        _run(
            connection,
            f"SELECT setval({quote_text(part.place)}, {last}, {is_called})",
        )
        return
    query = f"COPY {part.place} ({', '.join(part.columns)}) FROM STDIN"
    with connection.cursor().copy(query.encode()) as copy:
        while size := int(file.readline(), 16):
            copy.write(file.read(size))


def _write(part: _Part) -> bytes:
    return msgspec.json.encode(part) + b"\n"


def _join(*names: str) -> str:
    return ".".join(map(quote_name, names))


def _run(connection: Connection, statement: str) -> Any:
    """Run a statement; return its first row."""
    cursor = connection.execute(statement.encode())
    return cursor.fetchone() if cursor.description else None


@contextmanager
def _connecting(address: str, name: str) -> Iterator[Connection]:
    import psycopg  # noqa: PLC0415 - 120 ms

    try:
        connection = psycopg.connect(
            address, dbname=name, autocommit=True, client_encoding="utf8"
        )
        try:
            yield connection
        finally:
            connection.close()
    except psycopg.Error as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise SceneshiftError(
            f"postgresql says: {mask_secrets(said)}", hint="look at the server's log"
        ) from error
