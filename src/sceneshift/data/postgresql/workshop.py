"""Drafts of a PostgreSQL database whose user may make none beside it.

They are databases of a server of the project's own, of the same version. Nothing stays
there: what is built is dumped, and loaded where it belongs.
"""

from __future__ import annotations

import contextlib
import os
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode
from urllib.parse import quote as quote_url

from sceneshift.core.console import StreamConsole
from sceneshift.core.databases import Database
from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.core.services.service import Service, find_home
from sceneshift.core.services.use import use_services
from sceneshift.core.wording import quote
from sceneshift.data.postgresql import chores as pgchores
from sceneshift.data.postgresql.names import Kind, Names
from sceneshift.data.postgresql.server import StatementError, quote_name, quote_text
from sceneshift.data.postgresql.session import Place, open_session
from sceneshift.data.postgresql.settings import find_database, list_variables

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.data.postgresql.session import Session
    from sceneshift.data.target import Target

_MARK = ".workshop"
_UTF8 = "UTF8"
_KEPT = frozenset({"application_name", "options"})  # of an address
_USER = "SELECT current_user, current_setting('server_version_num')::int"
_ROLES = "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'"
_EXTENSIONS = """\
SELECT extname, nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace
WHERE extname <> 'plpgsql' AND NOT pg_has_role(extowner, 'USAGE')
"""
# Of the user in all databases: those of this one are in `list_variables`.
_SETTINGS = """\
SELECT unnest(setconfig) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = setrole
WHERE setdatabase = 0 AND rolname = current_user
"""


class Workshop:
    """Where the drafts of a database are made."""

    def __init__(self, target: Target, place: Place) -> None:
        self._target = target
        self._live = place
        self._names = Names(f"workshop_{target.key}")

    def begin(self, live: Session) -> Database:
        """Make an empty draft, with the settings of the database.

        Besides, with the extensions that others have made in it: those of its user are
        made by its migrations.

        Args:
            live: A session in that.

        Raises:
            ComponentError: There are no programs of the server's version here.
            SceneshiftError: It cannot be made; nothing is left.
        """
        ((user, number),) = live.ask(_USER)
        found = find_database(live.ask, self._live.name)
        assert found is not None
        service = self._start(number // 10_000)
        name = self._names.draw(Kind.DRAFT)
        mark = self._target.make_folder("drafts") / f"{name}{_MARK}"
        mark.write_text(str(number // 10_000))
        try:
            self._make(service, live, name, str(user), found["encoding"])
        except BaseException:
            with contextlib.suppress(SceneshiftError):
                self.drop(name)
            raise
        return Database(
            name=self._target.database.name,
            url=_describe_address(self._live.url, service, str(user), name),
        )

    def _make(
        self, service: Service, live: Session, name: str, user: str, encoding: str
    ) -> None:
        with open_session(_place(service, "postgres", self._live.root)) as session:
            _make_roles(session, live, user)
            session.run(
                f"CREATE DATABASE {name} TEMPLATE template0"
                f"{_describe_encoding(encoding)}"
            )
            session.run(f"ALTER DATABASE {name} OWNER TO {quote_name(user)}")
            session.run(f"ALTER DATABASE {name} SET synchronous_commit TO off")
            for each in self._list_settings(live):
                with contextlib.suppress(StatementError):  # of an extension, say
                    session.run(each.format(name))
        with open_session(_place(service, name, self._live.root)) as session:
            _make_extensions(session, live)

    def _list_settings(self, live: Session) -> list[str]:
        found = [*list_variables(live.ask, self._live.name, is_own=True)]
        for (text,) in live.ask(_SETTINGS):
            key, _, value = str(text).partition("=")
            if key == "search_path":
                found.append(f"ALTER DATABASE {{}} SET search_path TO {value}")
        return found

    def drop(self, draft: str) -> None:
        """Drop a draft.

        Raises:
            SceneshiftError: The server cannot be had, or refused it.
        """
        mark = self._target.folder / "drafts" / f"{draft}{_MARK}"
        if not mark.exists():
            return
        service = self._start(int(mark.read_text()))
        with open_session(_place(service, "postgres", self._live.root)) as session:
            pgchores.drop(session, draft)
        mark.unlink()

    def sweep(self) -> None:
        """Drop what commands that were killed have left."""
        for mark in (self._target.folder / "drafts").glob(f"*{_MARK}"):
            with contextlib.suppress(SceneshiftError, ValueError):
                self.drop(mark.name.removesuffix(_MARK))

    def _start(self, major: int) -> Service:
        service = self._service(major)
        try:
            use_services([service], os.environ, StreamConsole().note)
        except ComponentError as error:
            raise ComponentError(
                f"{quote(self._live.name)} cannot be made anew: its user may make no "
                f"databases, and {error.message} to build it with",
                component=error.component,
                hint=f"{error.hint}; or let the user make them: ALTER ROLE … CREATEDB",
            ) from error
        return service

    def _service(self, major: int) -> Service:
        return Service(home=self._home, major=major)

    @cached_property
    def _home(self) -> Path:
        return find_home(self._live.root)


def _place(service: Service, name: str, root: Path) -> Place:
    return Place(url=service.describe_address("", name), root=root)


def _make_roles(session: Session, live: Session, user: str) -> None:
    """Have whoever migrations grant something to; none but the user may enter."""
    there = {name for (name,) in session.ask(_ROLES)}
    for (name,) in live.ask(_ROLES):
        if name not in there:
            right = " LOGIN" if name == user else ""
            with contextlib.suppress(StatementError):  # another one has made it
                session.run(f"CREATE ROLE {quote_name(name)}{right}")
    if user in there:
        session.run(f"ALTER ROLE {quote_name(user)} LOGIN")


def _describe_encoding(encoding: str) -> str:
    if encoding == _UTF8:
        return ""
    return f" ENCODING {quote_text(encoding)} LC_COLLATE 'C' LC_CTYPE 'C'"


def _describe_address(url: str, service: Service, user: str, name: str) -> str:
    """Return the address of a draft, with the driver and the options of another."""
    head, _, rest = url.partition("://")
    options = [pair for pair in parse_qsl(rest.partition("?")[2]) if pair[0] in _KEPT]
    query = urlencode([("host", str(service.socket)), *options], quote_via=quote_url)
    return f"{head}://{quote_url(user, safe='')}@/{name}?{query}"


def _make_extensions(session: Session, live: Session) -> None:
    """Have the extensions that somebody else may have made in the database."""
    for name, schema in live.ask(_EXTENSIONS):
        place = quote_name(str(schema))
        try:
            session.run(
                f"CREATE SCHEMA IF NOT EXISTS {place}",
                f"CREATE EXTENSION IF NOT EXISTS {quote_name(str(name))} "
                f"WITH SCHEMA {place} CASCADE",
            )
        except StatementError as error:
            StreamConsole().note(
                f"the extension {name} is not on this machine: {error.message}"
            )
