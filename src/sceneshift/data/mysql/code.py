"""What of a database of MariaDB or MySQL is no table: views, triggers and so on.

None of it moves with RENAME TABLE. So a state that is not in place has it as text, in a
table of ours: there no trigger hinders a table from being moved, and no event runs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.marker import VIEW
from sceneshift.data.mysql.events import list_events, put_to_sleep, wake
from sceneshift.data.mysql.names import CODE, NOTE
from sceneshift.data.mysql.qualifier import drop_qualifier
from sceneshift.data.mysql.session import StatementError, open_session, quote_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sceneshift.data.mysql.session import Place, Session

_TRIGGERS = """\
SELECT trigger_name, definer, action_timing, event_manipulation, event_object_table,
    action_statement, sql_mode, collation_connection
FROM information_schema.triggers WHERE trigger_schema = {name}
ORDER BY event_object_table, action_timing, event_manipulation, action_order
"""
_ROUTINES = """\
SELECT routine_type, routine_name FROM information_schema.routines
WHERE routine_schema = {name}
ORDER BY routine_type LIKE '% BODY', routine_type, routine_name
"""
_VIEWS = """\
SELECT table_name FROM information_schema.views WHERE table_schema = {name}
ORDER BY table_name
"""
_FOREIGN_USER = (1227, 1142)  # a DEFINER that this user may not name
_DEFINER = re.compile(r" DEFINER=(?:`(?:[^`]|``)*`|[^\s@`]+)(?:@(?:`[^`]*`|\S+))?")
_CREATE = re.compile(r"CREATE\b", re.IGNORECASE)
_OWN_MODE = "NO_AUTO_VALUE_ON_ZERO"


class Code(Struct, frozen=True, kw_only=True):
    """A view, trigger, routine or event.

    Attributes:
        kind: As SQL has it: `VIEW`.
        name: Its name.
        statement: What makes it.
        mode: The mode of SQL that it is read in.
        collation: That of the texts in it.
        zone: The time zone of its times; empty where it has none.
    """

    kind: str
    name: str
    statement: str
    mode: str = _OWN_MODE
    collation: str = ""
    zone: str = ""


def read_code(place: Place, database: str) -> list[Code]:
    """Return all code of a database, in the order in which it can be made.

    Args:
        place: On its server.
        database: Its name.

    Raises:
        SceneshiftError: It cannot be read, as another user's.
    """
    # In the database itself: its own tables are named without it then.
    with open_session(place, database) as session:
        return [
            *_read_routines(session, database),
            *_read_views(session, database),
            *_read_triggers(session, database),
            *_read_events(session, database),
        ]


def _read_routines(session: Session, database: str) -> Iterator[Code]:
    for kind, name in session.ask(_ROUTINES, name=database):
        row = _show(session, str(kind), str(name))
        yield _make(str(kind), str(name), row[2], row[1], row[4])


def _read_views(session: Session, database: str) -> Iterator[Code]:
    for (name,) in session.ask(_VIEWS, name=database):
        if name not in {VIEW, NOTE}:
            row = _show(session, "VIEW", str(name))
            text = drop_qualifier(str(row[1]), quote_name(database))
            yield _make("VIEW", str(name), text, _OWN_MODE, row[3])


def _read_triggers(session: Session, database: str) -> Iterator[Code]:
    """Yield triggers, whose text has the names as they were typed: `shop.noted`."""
    for row in session.ask(_TRIGGERS, name=database):
        name, definer, timing, event, table, does, mode, collation = map(str, row)
        user, _, host = definer.rpartition("@")
        who = quote_name(user) + (f"@{quote_name(host)}" if host else "")  # or a role
        text = (
            f"CREATE DEFINER={who} TRIGGER {quote_name(name)} "
            f"{timing} {event} ON {quote_name(table)} FOR EACH ROW {does}"
        )
        yield _make("TRIGGER", name, text, mode, collation)


def _read_events(session: Session, database: str) -> Iterator[Code]:
    for name, is_asleep in list_events(session, database):
        row = _show(session, "EVENT", name)
        text = wake(str(row[3])) if is_asleep else row[3]
        yield _make("EVENT", name, text, row[1], row[5], str(row[2]))


def _show(session: Session, kind: str, name: str) -> Sequence[object]:
    (row,) = session.ask(f"SHOW CREATE {kind} {quote_name(name)}")
    return row


def _make(  # noqa: PLR0913, PLR0917 - as the server tells of each
    kind: str, name: str, text: object, mode: object, collation: object, zone: str = ""
) -> Code:
    if text is None:
        raise SceneshiftError(
            f"the {kind.lower()} {quote(name)} is another user's, and cannot be read",
            hint="let that user do it, or grant this one SELECT on mysql.*",
        )
    return Code(
        kind=kind,
        name=name,
        statement=str(text),
        mode=str(mode),
        collation=str(collation),
        zone=zone,
    )


def store_code(session: Session, database: str, codes: Sequence[Code]) -> None:
    """Keep code as text in a database of ours.

    Raises:
        StatementError: The server refused it.
    """
    table = f"{quote_name(database)}.{CODE}"
    session.run(
        f"DROP TABLE IF EXISTS {table}",
        f"CREATE TABLE {table} (number INT PRIMARY KEY, code LONGTEXT) "
        "CHARACTER SET utf8mb4",
    )
    for number, each in enumerate(codes):
        text = msgspec.json.encode(each).decode()
        session.ask(
            f"INSERT INTO {table} VALUES ({number}, {{text}})",  # noqa: S608
            text=text,
        )


def load_code(session: Session, database: str) -> list[Code]:
    """Return what `store_code` has kept.

    Raises:
        StatementError: There is nothing, or the server is gone.
    """
    place = f"{quote_name(database)}.{CODE}"
    rows = session.ask(f"SELECT code FROM {place} ORDER BY number")  # noqa: S608
    return [msgspec.json.decode(text, type=Code) for (text,) in rows]


def remove_code(session: Session, database: str, codes: Sequence[Code]) -> None:
    """Remove code from a database, what stands on other code first.

    Raises:
        StatementError: The server refused it.
    """
    for each in reversed(codes):
        name = f"{quote_name(database)}.{quote_name(each.name)}"
        session.run(f"DROP {each.kind} IF EXISTS {name}")


def put_all_to_sleep(codes: Sequence[Code]) -> tuple[list[Code], list[str]]:
    """Return code whose events do not run, and the names of those that would."""
    asleep = {
        each.name: text
        for each in codes
        if each.kind == "EVENT" and (text := put_to_sleep(each.statement))
    }
    return [
        replace(each, statement=asleep[each.name])
        if each.kind == "EVENT" and each.name in asleep
        else each
        for each in codes
    ], [*asleep]


def make_code(place: Place, database: str, codes: Collection[Code]) -> list[str]:
    """Make code in a database, in the place of what has its names.

    Args:
        place: On its server.
        database: Its name.
        codes: What is made.

    Returns:
        What could not be, and why: `view totals: …`.

    Raises:
        StatementError: The server is gone, or a table is in use all the time.
    """
    problems: list[str] = []
    with open_session(place, database) as session:
        views = [each for each in codes if each.kind == "VIEW"]
        for each in codes:
            if each.kind == "VIEW":
                if views:  # all of them, where the first one stands
                    problems += _make_views(session, views)
                    views = []
            elif (said := _try(session, each)) is not None:
                problems.append(said)
    return problems


def _make_views(session: Session, views: list[Code]) -> list[str]:
    """Make views, which may look at each other."""
    problems: list[str] = []
    while views:
        problems, left = [], []
        for each in views:
            if (said := _try(session, each)) is not None:
                problems.append(said)
                left.append(each)
        if len(left) == len(views):
            break
        views = left
    return problems


def _try(session: Session, code: Code) -> str | None:
    """Make something; return why it could not be made."""
    try:
        _run(session, code, code.statement)
    except StatementError as error:
        if error.code not in _FOREIGN_USER:
            return _describe(code, error)
        try:
            _run(session, code, _DEFINER.sub("", code.statement, count=1))
        except StatementError as again:
            return _describe(code, again)
        return f"the definer of {code.kind.lower()} {code.name}: {error.message}"
    return None


def _describe(code: Code, error: StatementError) -> str:
    if error.is_passing:  # the next command does it
        raise error
    return f"{code.kind.lower()} {code.name}: {error.message}"


def _run(session: Session, code: Code, statement: str) -> None:
    session.ask(
        "SET sql_mode = {mode}, collation_connection = {collation}, time_zone = {zone}",
        mode=code.mode,
        collation=code.collation or "utf8mb4_general_ci",
        zone=code.zone or "+00:00",
    )
    if code.kind == "VIEW":
        statement = _CREATE.sub("CREATE OR REPLACE", statement, count=1)
    else:
        session.run(f"DROP {code.kind} IF EXISTS {quote_name(code.name)}")
    session.run(statement)
