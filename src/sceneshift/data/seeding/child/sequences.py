"""Numbers that a database gives by itself, after rows have brought their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

# What belongs to a column: of `serial` (a), or of an identity (i).
_OWNED = """
SELECT format('%I.%I', n.nspname, s.relname), format('%I.%I', tn.nspname, t.relname),
       quote_ident(a.attname), q.last_value
FROM pg_catalog.pg_class s
JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
JOIN pg_catalog.pg_depend d ON d.objid = s.oid
  AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
  AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
JOIN pg_catalog.pg_sequences q ON q.schemaname = n.nspname
  AND q.sequencename = s.relname
WHERE s.relkind = 'S' AND q.increment_by > 0
  AND pg_catalog.has_sequence_privilege(s.oid, 'UPDATE')
  AND pg_catalog.has_table_privilege(t.oid, 'SELECT')
  AND (CAST(:table AS text) IS NULL
       OR t.oid = pg_catalog.to_regclass(CAST(:table AS text)))
"""
_SET = text("SELECT pg_catalog.setval(CAST(:name AS regclass), :value)")


def repair_sequences(connection: Connection, table: Table | None = None) -> None:
    """Have each sequence go on behind the highest number that its column has.

    SQLite and MySQL do so by themselves. One that is ahead already stays: what was
    deleted is not given again.

    Args:
        connection: The run's.
        table: Those of this one alone; None: all.
    """
    if connection.dialect.name != "postgresql":
        return
    prepare = connection.dialect.identifier_preparer
    name = None if table is None else prepare.format_table(table)
    found = connection.execute(text(_OWNED), {"table": name}).all()
    for sequence, owner, column, last in found:
        look = f"SELECT max({column}) FROM {owner}"  # noqa: S608 - names are quoted
        highest = connection.scalar(text(look.replace(":", "\\:")))
        if highest is not None and (last is None or highest > last):
            values = {"name": sequence, "value": int(highest)}
            connection.execute(_SET, values)
