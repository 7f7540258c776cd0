"""What there is in a SQLite file, by name, in words that are the same for the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sceneshift.data.marker import VIEW

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

QUERY = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
# What a table is by its parts, however its text says that: Alembic's batch mode writes
# it anew. A column of the key is never null, whether or not that is said.
STRUCTURE = f"""\
SELECT 'column ' || m.name || '.' || c.name, lower(c.type) || ' '
    || CASE WHEN c."notnull" AND NOT c.pk THEN 'not null ' ELSE '' END
    || coalesce('default ' || trim(c.dflt_value, '()'), '')
    || CASE WHEN c.pk THEN ' key ' || c.pk ELSE '' END || ' ' || c.hidden
FROM sqlite_master m, pragma_table_xinfo(m.name) c
WHERE m.type = 'table' AND substr(m.name, 1, 7) <> 'sqlite_'
UNION ALL
SELECT 'reference ' || m.name || '(' || group_concat(f."from") || ')',
    f."table" || '(' || group_concat(coalesce(f."to", '')) || ') '
    || f.on_update || ' ' || f.on_delete
FROM sqlite_master m, pragma_foreign_key_list(m.name) f
WHERE m.type = 'table' GROUP BY m.name, f.id
UNION ALL
SELECT 'unique ' || m.name || '('
    || (SELECT group_concat(name) FROM pragma_index_info(i.name)) || ')', ''
FROM sqlite_master m, pragma_index_list(m.name) i
WHERE m.type = 'table' AND i.origin = 'u'
UNION ALL
SELECT type || ' ' || name, sql FROM sqlite_master
WHERE sql IS NOT NULL AND substr(name, 1, 7) <> 'sqlite_' AND name <> '{VIEW}'
"""  # noqa: S608
OWN = "sqlite_"  # tables that the system keeps for itself
_CHECK = re.compile(r"\bcheck\s*(?=\()", re.IGNORECASE)
_TABLE = "table "
_QUOTES, _BLANKS = re.compile(r'["`\[\]]'), re.compile(r"\s+")


def describe_schema(rows: Iterable[Sequence[str]]) -> Mapping[str, str]:
    """Return what the rows of the query say."""
    return {
        f"{kind} {name}": _normalise(text)
        for kind, name, text in rows
        if name != VIEW and not name.startswith(OWN)
    }


def describe_structure(rows: Iterable[Sequence[str]]) -> Mapping[str, str]:
    """Return what the rows of `STRUCTURE` say; of a table's text, its checks."""
    return {
        name: _list_checks(text) if name.startswith(_TABLE) else _squeeze(text)
        for name, text in rows
    }


def _list_checks(text: str) -> str:
    found = []
    for each in _CHECK.finditer(text):
        depth = 0
        for end, letter in enumerate(text[each.end() :], each.end()):
            depth += (letter == "(") - (letter == ")")
            if not depth:
                found.append(_squeeze(text[each.end() : end + 1]))
                break
    return " ".join(sorted(found))


def _squeeze(text: str) -> str:
    return _BLANKS.sub("", _QUOTES.sub("", text)).lower()


def _normalise(text: str) -> str:
    """Return a statement without what makes no difference.

    What quotes a name, blanks, and the order of constraints: Alembic's batch mode has
    another each time.
    """
    head, bracket, body = _squeeze(text).partition("(")
    return head + bracket + ",".join(sorted(_split(body)))


def _split(body: str) -> Iterator[str]:
    """Yield what stands between the commas that are in no brackets."""
    depth = start = 0
    for place, letter in enumerate(body):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            yield body[start:place]
            start = place + 1
    yield body[start:].removesuffix(")")
