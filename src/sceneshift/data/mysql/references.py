"""Foreign keys that lead from one database of MariaDB or MySQL into another one.

Tables that are moved take the keys of others along, and a copy has keys of its own into
what is no copy. So no state is kept of a database that has a part in such a key.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import name_few, quote
from sceneshift.data.mysql.session import StatementError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sceneshift.data.mysql.session import Session

# In no time, and of databases too that this user has no rights on.
_ALL = """\
SELECT {columns}
FROM information_schema./*M! innodb_sys_foreign */ /*!80000 innodb_foreign */
WHERE substring_index(for_name, '/', 1) <> substring_index(ref_name, '/', 1)
"""
_PART = "convert(convert(cast({} AS BINARY) USING filename) USING utf8mb4)"
_COLUMNS = ", ".join(
    _PART.format(f"substring_index({name}, '/', {side})")
    for name in ("for_name", "ref_name")
    for side in (1, -1)
)
_SEEN = """\
SELECT DISTINCT table_schema, table_name, referenced_table_schema, referenced_table_name
FROM information_schema.key_column_usage
WHERE referenced_table_schema <> table_schema
    AND {name} IN (table_schema, referenced_table_schema)
"""
_FEW = 3


def check_references(session: Session, database: str) -> None:
    """Make sure that no foreign key leads out of a database, or into it.

    Raises:
        SceneshiftError: One does.
    """
    found = sorted(_list_foreign(session, database))
    if found:
        raise SceneshiftError(
            f"no state is kept of {quote(database)}, for foreign keys join it to "
            f"another database: {name_few(found, _FEW)}",
            hint="drop the keys, or have those tables in one database",
        )


def _list_foreign(session: Session, database: str) -> Iterator[str]:
    """Yield which table refers to which: `shop.orders to app.users`."""
    own = database.lower()  # as some servers have it
    for schema, table, other, referred in _ask(session, database):
        if (schema.lower() == own) is not (other.lower() == own):
            yield f"{schema}.{table} to {other}.{referred}"


def _ask(session: Session, database: str) -> Iterable[Sequence[str]]:
    with contextlib.suppress(StatementError):  # it takes the right PROCESS
        return session.ask(_ALL.format(columns=_COLUMNS))
    return session.ask(_SEEN, name=database)
