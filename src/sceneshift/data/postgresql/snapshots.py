"""The snapshots among the databases beside a PostgreSQL database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.data.postgresql.content import are_current
from sceneshift.data.postgresql.names import Kind, read_note

if TYPE_CHECKING:
    from sceneshift.data.postgresql.beside import Beside

_SIZES = """\
SELECT datname, CASE WHEN has_database_privilege(oid, 'CONNECT')
    THEN pg_database_size(oid) ELSE 0 END, shobj_description(oid, 'pg_database')
FROM pg_database WHERE starts_with(datname, {start})
"""


def has_snapshot(beside: Beside, snapshot: str) -> bool:
    """Tell whether one is there, with the extensions that it would be made with now."""
    name = beside.names.snapshot(snapshot)
    with beside.asking() as session:
        found = beside.find_all(session)
        note = read_note(found.get(name))
        known = {} if note is None else note.extensions
        return name in found and are_current(session, known)


def list_snapshots(beside: Beside) -> dict[str, int]:
    """Return the ids of those that are there, with their sizes in bytes."""
    with beside.asking() as session:
        rows = session.ask(_SIZES, start=beside.names.start)
    found = ((beside.names.parse(name), size, said) for name, size, said in rows)
    return {
        parsed[1]: int(size)
        for parsed, size, said in found
        if parsed is not None
        and parsed[0] is Kind.SNAPSHOT
        and beside.is_own(parsed[1], read_note(said))
    }
