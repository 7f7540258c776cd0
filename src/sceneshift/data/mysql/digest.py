"""What the rows of a database of MariaDB or MySQL come to, as its server sums them up.

`CHECKSUM TABLE` takes what moves from one column to the next one for the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.data.mysql.copying import list_tables
from sceneshift.data.mysql.session import quote_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sceneshift.data.mysql.session import Session

_COLUMNS = """\
SELECT table_name, column_name, data_type FROM information_schema.columns
WHERE table_schema = {name}
    AND extra NOT REGEXP '(VIRTUAL|STORED|PERSISTENT) GENERATED'
ORDER BY table_name, ordinal_position
"""
# As texts, these are less than they are, or none at all.
_TEXTS = {"float": "{} + 0e0"} | dict.fromkeys(
    (
        *("geometry", "geometrycollection", "geomcollection"),
        *("point", "linestring", "polygon"),
        *("multipoint", "multilinestring", "multipolygon"),
    ),
    "CONCAT(ST_SRID({0}), ' ', HEX(ST_AsWKB({0})))",
)


def digest_rows(session: Session, database: str) -> Mapping[str, object]:
    """Return by table how many rows there are, and a sum over what is in them.

    Args:
        session: On the server.
        database: The database.

    Raises:
        StatementError: It cannot be read.
    """
    columns: dict[str, list[str]] = {}
    for table, column, kind in session.ask(_COLUMNS, name=database):
        text = _TEXTS.get(str(kind).lower(), "{}").format(quote_name(str(column)))
        columns.setdefault(str(table), []).append(text)
    found: dict[str, object] = {}
    for each in list_tables(session, database):
        place = f"{quote_name(database)}.{quote_name(each.name)}"
        is_sequence = each.kind == "SEQUENCE"
        what = (
            "next_not_cached_value"
            if is_sequence
            else _sum(columns.get(each.name, ["0"]))
        )
        found[each.name] = session.ask(f"SELECT {what} FROM {place}")  # noqa: S608
    return found


def _sum(columns: Sequence[str]) -> str:
    """Return what sums rows up, be they in any order, and some of them equal."""
    parts = ", ".join(f"COALESCE(SHA1({each}), '-')" for each in columns)
    digest = f"SHA1(CONCAT_WS(' ', {parts}))"
    halves = (f"CONV(SUBSTR({digest}, {start}, 16), 16, 10)" for start in (1, 17))
    return ", ".join(
        ["count(*)", *(f"sum(CAST({each} AS UNSIGNED))" for each in halves)]
    )
