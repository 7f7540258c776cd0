"""What there is in a PostgreSQL database, by name, as the server describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.data.marker import VIEW
from sceneshift.data.postgresql.server import quote_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sceneshift.data.postgresql.session import Session

# What an extension brings is its own, and an index of a constraint is told by that.
_SCHEMA = """\
WITH spaces AS (
    SELECT oid, CASE WHEN nspname = 'public' THEN '' ELSE nspname || '.' END AS place
    FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), brought AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), tables AS (
    SELECT c.oid, c.relkind, place || relname AS name
    FROM pg_class c JOIN spaces s ON s.oid = relnamespace
    WHERE relname <> {marker}
        AND ('pg_class'::regclass, c.oid) NOT IN (SELECT classid, objid FROM brought)
)
SELECT 'column ' || name || '.' || attname, concat_ws(' ',
    format_type(atttypid, atttypmod),
    CASE WHEN attnotnull THEN 'NOT NULL' END,
    nullif(attidentity, ''), nullif(attgenerated, ''),
    pg_get_expr(adbin, adrelid))
FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid
LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
WHERE relkind IN ('r', 'p', 'f') AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT 'constraint ' || name || '.' || conname, pg_get_constraintdef(o.oid)
FROM tables t JOIN pg_constraint o ON o.conrelid = t.oid WHERE contype <> 'n'
UNION ALL
SELECT 'index ' || name, pg_get_indexdef(t.oid) FROM tables t
WHERE relkind IN ('i', 'I') AND NOT EXISTS (
    SELECT FROM pg_constraint o WHERE o.conindid = t.oid AND contype IN ('p', 'u', 'x'))
UNION ALL
SELECT 'view ' || name, pg_get_viewdef(oid) FROM tables WHERE relkind IN ('v', 'm')
UNION ALL
SELECT 'trigger ' || name || '.' || tgname, pg_get_triggerdef(g.oid)
FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid WHERE NOT tgisinternal
UNION ALL
SELECT 'type ' || place || typname, string_agg(enumlabel, ', ' ORDER BY enumsortorder)
FROM pg_enum e JOIN pg_type y ON y.oid = enumtypid JOIN spaces s ON s.oid = typnamespace
WHERE ('pg_type'::regclass, y.oid) NOT IN (SELECT classid, objid FROM brought)
GROUP BY 1
UNION ALL
SELECT 'function ' || place || proname || '(' ||
    pg_get_function_identity_arguments(p.oid) || ')', pg_get_functiondef(p.oid)
FROM pg_proc p JOIN spaces s ON s.oid = pronamespace
WHERE prokind IN ('f', 'p')
    AND ('pg_proc'::regclass, p.oid) NOT IN (SELECT classid, objid FROM brought)
"""


def name_query() -> str:
    """Return what `read_schema` asks, for a program that has no session of ours."""
    return _SCHEMA.format(marker=quote_text(VIEW))


def read_schema(session: Session) -> Mapping[str, str]:
    """Return columns, constraints, indexes, views and so on, each in the same words.

    Raises:
        StatementError: It cannot be read.
    """
    return {str(name): str(text) for name, text in session.ask(_SCHEMA, marker=VIEW)}
