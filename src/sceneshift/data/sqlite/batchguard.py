"""What keeps Alembic's batch mode from removing rows of other tables in SQLite.

It drops the old table, which with foreign keys enforced is a DELETE of all its rows:
https://www.sqlite.org/foreignkeys.html#fk_schemacommands. What refers to them and says
ON DELETE CASCADE goes with them, without a word.

Its text runs in the project's own interpreter, where nothing of ours may be installed:
it imports SQLAlchemy, as env.py does, and the standard library.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DROP = re.compile(r"\s*DROP\s+TABLE\s+(\"[^\"]+\"|[\w$]+)\s*$", re.IGNORECASE)
_NEW = "_alembic_tmp_"
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"
# What refers to a table, and what becomes of it; what is not said of fails by itself.
_CHILDREN = """\
SELECT m.name, k.on_delete FROM sqlite_master m, pragma_foreign_key_list(m.name) k
WHERE m.type = 'table' AND lower(k."table") = lower(?)
    AND m.name NOT IN (?, ?) AND k.on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT')
"""


def check(conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
    """Refuse to drop a table whose rows others lose; see `before_cursor_execute`.

    Raises:
        RuntimeError: Rows would go.
    """
    found = _DROP.match(statement)
    if found is None or conn.dialect.name != "sqlite":
        return
    table = found[1].strip('"')
    cursor = conn.connection.cursor()
    try:
        if _is_batch(cursor, table):
            _check_children(cursor, table)
    finally:
        cursor.close()


def _is_batch(cursor: Any, table: str) -> bool:
    """Tell whether foreign keys are enforced, and the table has its successor."""
    cursor.execute("PRAGMA foreign_keys")
    if tuple(cursor.fetchone()) != (1,):
        return False
    cursor.execute(_TABLES)
    return _NEW + table in {row[0] for row in cursor.fetchall()}


def _check_children(cursor: Any, table: str) -> None:
    cursor.execute(_CHILDREN, (table, table, _NEW + table))
    for child, action in cursor.fetchall():
        quoted = child.replace('"', '""')
        cursor.execute(f'SELECT EXISTS (SELECT 1 FROM "{quoted}")')  # noqa: S608
        if tuple(cursor.fetchone()) == (1,):
            raise RuntimeError(
                f"batch mode drops the old table {table!r}, and foreign keys are "
                f"enforced: rows of {child!r} would be lost (ON DELETE {action}); have "
                "env.py switch them off: PRAGMA foreign_keys = OFF"
            )


def begin() -> None:
    """Look at each statement of this program from now on."""
    from sqlalchemy import event  # noqa: PLC0415 - nothing of ours imports it
    from sqlalchemy.engine import Engine  # noqa: PLC0415

    event.listen(Engine, "before_cursor_execute", check)


if __name__ == "__main__":
    begin()
