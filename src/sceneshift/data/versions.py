"""At which revisions a database is."""

from __future__ import annotations

import ast
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.sqlite.files import reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import ColumnClause

    from sceneshift.core.databases import Database
    from sceneshift.data.scripts import Scripts
    from sceneshift.data.target import Target

_COLUMN = "version_num"
_LOCKED_S = 0.5
_READERS = frozenset({"sqlite", "sqlite+pysqlite", "sqlite+aiosqlite"})


class ComputedNameError(SceneshiftError):
    """A program computes what is to be known without running it."""


class VersionTable(Struct, frozen=True, kw_only=True):
    """The table in which Alembic keeps where a database is."""

    name: str = "alembic_version"
    schema: str | None = None


def find_version_table(scripts: Scripts) -> VersionTable:
    """Return the table that env.py names, where it says that in so many words.

    Raises:
        ComputedNameError: It computes the name.
        SceneshiftError: It cannot be read.
    """
    try:
        tree = ast.parse(scripts.environment.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise SceneshiftError(
            f"{scripts.environment.name} cannot be read: {error}",
            hint=f"mend it: {scripts.environment}",
        ) from error
    constants = _find_constants(tree)
    names = {"version_table": scripts.version_table}
    names["version_table_schema"] = scripts.version_schema
    for name, value in _list_arguments(tree):
        if name in names:
            names[name] = _evaluate(value, constants, names[name])
    return VersionTable(
        name=names["version_table"] or "alembic_version",
        schema=names["version_table_schema"],
    )


def _list_arguments(tree: ast.Module) -> Iterator[tuple[object, ast.expr]]:
    """Yield what functions are called with, and what may be by a dictionary."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                yield keyword.arg, keyword.value
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant):
                    yield key.value, value
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Subscript):
                    key = target.slice
                    yield (
                        key.value if isinstance(key, ast.Constant) else None,
                        node.value,
                    )


def _find_constants(tree: ast.Module) -> dict[str, Any]:
    """Return the texts that are given names at the top of a program."""
    found = {}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant):
                found[target.id] = node.value.value
    return found


def _evaluate(
    node: ast.expr, constants: dict[str, Any], configured: str | None
) -> str | None:
    if isinstance(node, ast.Constant):
        return None if node.value is None else str(node.value)
    if isinstance(node, ast.Name) and node.id in constants:
        return str(constants[node.id])
    if configured is not None:  # it is read from Alembic's file
        return configured
    raise ComputedNameError(
        f"env.py computes the name of the version table: {quote(ast.unparse(node))}",
        hint="write it as a text there, or into Alembic's file under the same name",
    )


def find_plain_file(database: Database, root: Path) -> Path | None:
    """Return the file of a database that Python's own SQLite can read, or None.

    Others are encrypted, in memory, or a server's.
    """
    scheme = database.url.partition(":")[0].lower()
    return database.find_file(root) if scheme in _READERS else None


def read_versions(
    database: Database, root: Path, table: VersionTable
) -> tuple[str, ...] | None:
    """Return the revisions that a database is at.

    A file of SQLite is read by Python's own library, and nothing in it is changed:
    neither SQLAlchemy nor Alembic is imported.

    Args:
        database: The database.
        root: What a relative path of a file is relative to.
        table: Where Alembic keeps them.

    Returns:
        None where the table is not there: it has never been migrated.

    Raises:
        SceneshiftError: The database cannot be read.
    """
    path = find_plain_file(database, root)
    if path is None:
        return _read_server(database, root, table)
    return read_file(path, table)


def read_usual_versions(target: Target) -> tuple[str, ...] | None:
    """Return what a database is at, by the usual table where that is not told.

    None where it is nothing, or cannot be read: who may not read it may not write it.
    """
    if target.migrated is None:
        return None
    try:
        table = find_version_table(target.migrated.read(target.root))
    except SceneshiftError:
        table = VersionTable()
    with contextlib.suppress(SceneshiftError):
        return read_versions(target.database, target.root, table)
    return None


def read_file(path: Path, table: VersionTable) -> tuple[str, ...] | None:
    """Return the revisions that a file of SQLite is at, as `read_versions` does.

    Raises:
        SceneshiftError: The file cannot be read.
    """
    with reading(path) as connection:
        if connection is None:
            return None
        look = "SELECT 1 FROM sqlite_master WHERE lower(name) = lower(?)"
        if connection.execute(look, (table.name,)).fetchone() is None:
            return None
        name = table.name.replace('"', '""')
        rows = connection.execute(f'SELECT {_COLUMN} FROM "{name}"')  # noqa: S608
        return tuple(sorted(str(row[0]) for row in rows))


def _read_server(
    database: Database, root: Path, table: VersionTable
) -> tuple[str, ...] | None:
    from sceneshift.data.postgresql.address import find_address, read_column  # noqa: PLC0415
    from sceneshift.data.postgresql.again import ask_again  # noqa: PLC0415

    if database.system in {"mariadb", "mysql"}:
        return _read_mysql(database, root, table)
    address = find_address(database.url)
    if address is not None:
        look = partial(read_column, address, table.name, table.schema, _COLUMN)
        with contextlib.suppress(ImportError):
            found = ask_again(look)
            return None if found is None else tuple(sorted(found))
    return _read_any(database, root, table)


def _read_mysql(
    database: Database, root: Path, table: VersionTable
) -> tuple[str, ...] | None:
    from sceneshift.data.mysql.session import (  # noqa: PLC0415 - of one system
        MISSING_TABLE,
        Place,
        StatementError,
        open_session,
        quote_name,
    )

    names = [table.name] if table.schema is None else [table.schema, table.name]
    place = ".".join(map(quote_name, names))
    with open_session(Place(url=database.url, root=root)) as session:
        try:
            rows = session.ask(f"SELECT {_COLUMN} FROM {place}")  # noqa: S608
        except StatementError as error:
            if error.code == MISSING_TABLE:
                return None
            raise
    return tuple(sorted(str(version) for (version,) in rows))


def _read_any(
    database: Database, root: Path, table: VersionTable
) -> tuple[str, ...] | None:
    from sqlalchemy import column, inspect, select  # noqa: PLC0415 - 300 ms
    from sqlalchemy import table as make_table  # noqa: PLC0415

    from sceneshift.data.engine import open_connection, open_engine  # noqa: PLC0415

    with open_connection(open_engine(database.url, root)) as connection:
        if not inspect(connection).has_table(table.name, schema=table.schema):
            return None
        number: ColumnClause[str] = column(_COLUMN)
        source = make_table(table.name, number, schema=table.schema)
        rows = connection.execute(select(number).select_from(source))
        return tuple(sorted(str(row[0]) for row in rows))
