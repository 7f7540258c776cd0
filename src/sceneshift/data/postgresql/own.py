"""What of a PostgreSQL database is a user's own, and what takes all of that away.

Extensions and what they have brought stay, for most of them only a superuser could make
again. So does what belongs to others, the schemas of whoever runs the server for one.
And `public` stays itself, with its grants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import name_few, quote
from sceneshift.data.postgresql.server import quote_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sceneshift.data.postgresql.session import Session

_FEW = 3
# ruff: noqa: S608 - of constants
# A schema goes where nothing in it is to stay.
_THINGS = """\
WITH bound AS (
    SELECT classid, objid, deptype FROM pg_depend WHERE deptype IN ('e', 'i')
), things AS (
    SELECT 'pg_class'::regclass AS class, oid, relnamespace AS space, relowner AS owner
    FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL SELECT 'pg_proc'::regclass, oid, pronamespace, proowner FROM pg_proc
    UNION ALL SELECT 'pg_type'::regclass, oid, typnamespace, typowner FROM pg_type
    UNION ALL SELECT 'pg_operator'::regclass, oid, oprnamespace, oprowner
        FROM pg_operator
    UNION ALL SELECT 'pg_opfamily'::regclass, oid, opfnamespace, opfowner
        FROM pg_opfamily
    UNION ALL SELECT 'pg_collation'::regclass, oid, collnamespace, collowner
        FROM pg_collation
    UNION ALL SELECT 'pg_conversion'::regclass, oid, connamespace, conowner
        FROM pg_conversion
    UNION ALL SELECT 'pg_ts_config'::regclass, oid, cfgnamespace, cfgowner
        FROM pg_ts_config
    UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictnamespace, dictowner
        FROM pg_ts_dict
    UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, stxnamespace, stxowner
        FROM pg_statistic_ext
), loose AS (
    SELECT t.*, pg_has_role(owner, 'USAGE') AND NOT EXISTS (
        SELECT FROM bound b WHERE b.classid = class AND b.objid = t.oid) AS is_own
    FROM things t
    WHERE NOT EXISTS (SELECT FROM bound b
        WHERE b.classid = class AND b.objid = t.oid AND deptype = 'i')
), spaces AS (
    SELECT n.oid, nspname, nspname <> 'public' AND pg_has_role(nspowner, 'USAGE')
        AND NOT EXISTS (SELECT FROM pg_extension WHERE extnamespace = n.oid)
        AND NOT EXISTS (SELECT FROM bound b
            WHERE b.classid = 'pg_namespace'::regclass AND b.objid = n.oid)
        AND NOT EXISTS (SELECT FROM loose WHERE space = n.oid AND NOT is_own) AS is_own
    FROM pg_namespace n WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
)
"""
_GOING = f"""{_THINGS}
SELECT i.type, i.identity FROM loose t JOIN spaces s ON s.oid = t.space,
    pg_identify_object(t.class, t.oid, 0) i
WHERE t.is_own
UNION ALL
SELECT 'server', quote_ident(srvname) FROM pg_foreign_server f
WHERE pg_has_role(srvowner, 'USAGE') AND NOT EXISTS (SELECT FROM bound b
    WHERE b.classid = 'pg_foreign_server'::regclass AND b.objid = f.oid)
"""
_TABLES = f"""{_THINGS}
SELECT c.oid::regclass::text FROM loose t JOIN spaces s ON s.oid = t.space
JOIN pg_class c ON c.oid = t.oid AND t.class = 'pg_class'::regclass
WHERE t.is_own AND c.relkind IN ('r', 'p') ORDER BY 1
"""
_OTHERS = f"""{_THINGS}
SELECT i.identity, s.nspname, c.relname FROM loose t JOIN spaces s ON s.oid = t.space
LEFT JOIN pg_class c ON c.oid = t.oid AND t.class = 'pg_class'::regclass,
    pg_identify_object(t.class, t.oid, 0) i
WHERE NOT t.is_own ORDER BY 1
"""
# What a DROP … CASCADE takes of a relation that stays itself. The triggers of foreign
# keys are the server's own: those of a key that goes are on both of its tables.
_PARTS = f"""{_THINGS}, kept AS (
    SELECT t.class, t.oid FROM loose t JOIN spaces s ON s.oid = t.space
    WHERE NOT t.is_own
    UNION ALL SELECT 'pg_class'::regclass, c.oid
    FROM loose t JOIN spaces s ON s.oid = t.space
    JOIN pg_class c ON c.reltype = t.oid AND c.relkind = 'c'
    WHERE NOT t.is_own AND t.class = 'pg_type'::regclass
), parts AS (
    SELECT 'pg_class'::regclass AS class, attrelid AS oid, attnum::int AS part,
        attrelid AS whole
    FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped
    UNION ALL SELECT 'pg_attrdef'::regclass, oid, 0, adrelid FROM pg_attrdef
    UNION ALL SELECT 'pg_class'::regclass, indexrelid, 0, indrelid FROM pg_index
    UNION ALL SELECT 'pg_constraint'::regclass, oid, 0, conrelid FROM pg_constraint
    UNION ALL SELECT 'pg_trigger'::regclass, oid, 0, tgrelid FROM pg_trigger
        WHERE NOT tgisinternal
    UNION ALL SELECT 'pg_policy'::regclass, oid, 0, polrelid FROM pg_policy
    UNION ALL SELECT 'pg_rewrite'::regclass, oid, 0, ev_class FROM pg_rewrite
), found AS (
    SELECT p.class, p.oid, p.part FROM parts p
    JOIN kept k ON k.class = 'pg_class'::regclass AND k.oid = p.whole
    UNION ALL SELECT 'pg_constraint'::regclass, o.oid, 0 FROM pg_constraint o
    JOIN kept k ON k.class = 'pg_type'::regclass AND k.oid = o.contypid
    UNION ALL SELECT 'pg_event_trigger'::regclass, oid, 0 FROM pg_event_trigger
)
SELECT i.type || ' ' || i.identity
FROM found f, pg_identify_object(f.class, f.oid, f.part) i ORDER BY 1
"""
_SPACES = f"{_THINGS} SELECT quote_ident(nspname) FROM spaces WHERE is_own"
# The transaction that has written it: another one where somebody has granted it.
_KNOWN_LARGE = """\
SELECT oid, xmin::text FROM pg_largeobject_metadata
WHERE pg_has_role(lomowner, 'USAGE') ORDER BY oid
"""
_LARGE = """\
SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE pg_has_role(lomowner, 'USAGE')
"""
_ROLES = "SELECT rolname FROM pg_roles WHERE pg_has_role(oid, 'USAGE')"
_KEPT = """\
SELECT 'SCHEMA', nspname FROM pg_namespace
UNION ALL SELECT 'EXTENSION', extname FROM pg_extension
"""
# As SQL has them; those that are missing here are called the same there.
_WORDS = {
    "aggregate": "ROUTINE",
    "function": "ROUTINE",
    "procedure": "ROUTINE",
    "statistics object": "STATISTICS",
}


class Other(Struct, frozen=True, kw_only=True):
    """What stays, for it belongs to others.

    Attributes:
        identity: What it is called, as SQL has it.
        place: Schema and name of a table, a view or the like; None for all else.
    """

    identity: str
    place: tuple[str, str] | None


def lock_own(session: Session) -> None:
    """Have nobody else write to the user's tables; reading goes on.

    Args:
        session: The user's, in a transaction.

    Raises:
        StatementError: Somebody is writing to one all the time.
    """
    locked: set[str] = set()
    while missing := {str(name) for (name,) in session.ask(_TABLES)} - locked:
        names = ", ".join(sorted(missing))
        session.run(f"LOCK TABLE {names} IN EXCLUSIVE MODE")
        locked |= missing


def list_drops(session: Session) -> list[str]:
    """Return the statements that drop all that is the user's own.

    Of a schema, one that fails where something in it is not among the others: somebody
    has made it meanwhile, for nothing keeps him from that.
    """
    drops = [
        f"DROP {_WORDS.get(kind, kind.upper())} IF EXISTS {identity} CASCADE"
        for kind, identity in session.ask(_GOING)
    ]
    spaces = [f"DROP SCHEMA {name} RESTRICT" for (name,) in session.ask(_SPACES)]
    return [*drops, *spaces, _LARGE]


def list_large(session: Session) -> list[tuple[int, str]]:
    """Return the user's large objects, each with something that tells it apart."""
    return [(int(oid), str(stamp)) for oid, stamp in session.ask(_KNOWN_LARGE)]


def list_others(session: Session) -> list[Other]:
    """Return what belongs to others, or to extensions."""
    return [
        Other(
            identity=str(identity),
            place=None if name is None else (str(schema), str(name)),
        )
        for identity, schema, name in session.ask(_OTHERS)
    ]


def list_parts(session: Session) -> list[str]:
    """Return what is in the relations and types of others: columns, keys and the like.

    And event triggers, which are in no schema.
    """
    return [str(identity) for (identity,) in session.ask(_PARTS)]


def check_others(
    session: Session, before: Sequence[Other], parts: Sequence[str]
) -> None:
    """Make sure that nothing of others went with what was the user's.

    Args:
        session: The user's, after the drops.
        before: What `list_others` said before them.
        parts: What `list_parts` said.

    Raises:
        SceneshiftError: Something did.
    """
    left = {each.identity for each in list_others(session)}
    gone = [each.identity for each in before if each.identity not in left]
    gone = gone or sorted({*parts} - {*list_parts(session)})
    if gone:
        names = name_few([quote(each) for each in gone], _FEW)
        raise SceneshiftError(
            f"what belongs to others depends on what would be replaced: {names}",
            hint="drop it as whoever owns it, and make it again afterwards",
        )


def list_exclusions(others: list[Other]) -> list[str]:
    """Return the options of pg_dump that leave out what belongs to others."""
    return [
        f"--exclude-table={quote_name(schema)}.{quote_name(name)}"
        for schema, name in (each.place for each in others if each.place)
    ]


def list_roles(session: Session) -> set[str]:
    """Return the users whose things are this user's too."""
    return {str(name) for (name,) in session.ask(_ROLES)}


def list_kept(session: Session) -> set[tuple[str, str]]:
    """Return the schemas and extensions that are there, as a script names them."""
    return {(str(kind), str(name)) for kind, name in session.ask(_KEPT)}
