"""Whether every reference leads somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.data.seeding.child.failure import SeedError, explain, is_of_database

if TYPE_CHECKING:
    import sqlite3

    from sqlalchemy import Connection

_WRITTEN = """\
SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables
WHERE schemaname !~ '^pg_'
"""
# Neither a row that is found as it was to be counts, nor what a statement only read.
_COUNTED = """\
SHOW SESSION STATUS WHERE variable_name IN
    ('Handler_delete', 'Handler_update', 'Handler_write')
"""
_BEFORE = "sceneshift_written"


def check_references(connection: Connection) -> None:
    """Make sure that what was put off until the end is in order.

    Raises:
        SeedError: A row refers to one that is not there.
    """
    if connection.dialect.name == "postgresql":
        try:
            connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        except Exception as error:
            if not is_of_database(error):
                raise
            raise SeedError(explain(error)) from error


def has_written(connection: Connection) -> bool | None:
    """Tell whether a row is another now; None where the system does not tell.

    By what its statistics say of this transaction: what a statement has found as it was
    to be, no row counts for.
    """
    if connection.dialect.name in {"mariadb", "mysql"}:
        return _count_written(connection) != connection.info.get(_BEFORE)
    if connection.dialect.name != "postgresql":
        return None
    is_counted = connection.exec_driver_sql("SHOW track_counts").scalar() == "on"
    count = connection.exec_driver_sql(_WRITTEN).scalar()
    return bool(count) or not is_counted


def begin_counting(connection: Connection) -> None:
    """Have MariaDB and MySQL tell in the end whether a row is another then.

    MySQL counts what it writes for its own sake, too: there it always seems to be so.
    """
    connection.info[_BEFORE] = _count_written(connection)


def _count_written(connection: Connection) -> int:
    found = connection.exec_driver_sql(_COUNTED)
    return sum(int(count) for name, count in found if "_tmp_" not in name)


def explain_references(driver: sqlite3.Connection) -> str:
    """Return which row of SQLite's refers to one that is not there."""
    found = driver.execute("PRAGMA foreign_key_check").fetchone()
    if found is None:
        return "a row refers to one that is not there"
    table, rowid, parent, number = found
    said = f"a row of `{table}` refers to one that `{parent}` does not have"
    quoted = _quote(table)
    keys = driver.execute(f"PRAGMA foreign_key_list({quoted})").fetchall()
    columns = [key[3] for key in keys if key[0] == number]
    if rowid is None or not columns:
        return said
    names = ", ".join(map(_quote, columns))
    look = f"SELECT {names} FROM {quoted} WHERE rowid = {int(rowid)}"  # noqa: S608
    values = driver.execute(look).fetchone()
    pairs = zip(columns, values, strict=True)
    return f"{said}: {', '.join(f'{name} = {value!r}' for name, value in pairs)}"


def _quote(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))
