"""All that a draft on a server of MariaDB or MySQL holds, as statements."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.backups.myrows import can_read, reading
from sceneshift.data.mysql.code import read_code
from sceneshift.data.mysql.copying import list_tables
from sceneshift.data.mysql.session import Place, open_session, quote_name, quote_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sceneshift.core.databases import Database
    from sceneshift.data.mysql.code import Code
    from sceneshift.data.system import System
    from sceneshift.data.target import Target

_DEFINER = re.compile(r" DEFINER=(?:`(?:[^`]|``)*`|[^\s@`]+)(?:@(?:`[^`]*`|\S+))?")
# As the server wrote it down, whatever the application's own mode is.
_BEFORE = (
    "SET @sceneshift_mode = @@sql_mode, @sceneshift_zone = @@time_zone",
    "SET foreign_key_checks = 0",
    "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00'",
)
_AFTER = (
    "SET sql_mode = @sceneshift_mode, time_zone = @sceneshift_zone",
    "SET foreign_key_checks = 1",
)


def read_mysql(
    target: Target, system: System, draft: Database
) -> tuple[list[str], frozenset[str]]:
    """Return what a draft holds, as statements and by its likeness; see `Contents`.

    Raises:
        ComponentError: Its driver is not PyMySQL.
        SceneshiftError: It cannot be read, or not be written as statements.
    """
    place = Place(url=draft.url, root=target.root)
    if not can_read(place):
        raise ComponentError(
            "rows of MariaDB and MySQL are written down by PyMySQL alone",
            component="pymysql",
            hint="install it: pip install pymysql; and name no other driver",
        )
    made, rows = _read_tables(place, target.version_table)
    codes = list(_list_code(read_code(place, place.name)))
    schema = system.read_schema(draft) or {}
    likeness = frozenset({f"{name}: {text}" for name, text in schema.items()} | {*rows})
    found = [*made, *rows, *codes]
    if not found:
        return [], likeness
    return [*_BEFORE, *found, *_AFTER], likeness


def _read_tables(place: Place, but: str) -> tuple[list[str], list[str]]:
    """Return what makes tables, and what makes rows."""
    made: list[str] = []
    rows: list[str] = []
    with (
        open_session(place) as session,
        reading(place, place.name) as reader,
    ):
        for each in list_tables(session, place.name):
            if each.name == but:
                continue
            is_table = each.kind != "SEQUENCE"
            for statement in reader.list_statements(session, each, {}, most=0):
                is_row = is_table and statement.startswith("INSERT")
                (rows if is_row else made).append(statement)
            if f"{quote_name(place.name)}." in made[-1]:
                raise SceneshiftError(
                    f"{quote(each.name)} names its own database, which is another "
                    "one in each environment",
                    hint="squash up to the revision before it: inv data.squash --to …",
                )
    return made, rows


def _list_code(codes: Sequence[Code]) -> Iterator[str]:
    """Yield what makes views, triggers and so on, each after what it stands on."""
    views = [each for each in codes if each.kind == "VIEW"]
    for each in _sort(codes, views):
        yield (
            f"SET sql_mode = {quote_text(each.mode)}, "
            f"time_zone = {quote_text(each.zone or '+00:00')}"
        )
        yield _DEFINER.sub("", each.statement, count=1)


def _sort(codes: Sequence[Code], views: Sequence[Code]) -> Iterator[Code]:
    left = list(views)
    for each in codes:
        if each.kind != "VIEW":
            yield each
            continue
        while left:  # all of them, where the first one stands
            ready = [
                one
                for one in left
                if not any(
                    quote_name(other.name) in one.statement
                    for other in left
                    if other is not one
                )
            ]
            yield from ready or left
            left = [one for one in left if ready and one not in ready]
