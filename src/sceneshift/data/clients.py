"""The systems' own clients: which program, and what it is told of a database.

What is secret is no argument, for every user of the machine can read those, nor a
variable, which all that the client starts would get. It is in a file that has no name:
the client finds it by the number under which it is open.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.core.services.programs import FOLDERS, list_bundled, read_major
from sceneshift.core.wording import quote
from sceneshift.data.engine import parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import URL

    from sceneshift.data.target import Target

_PASSFILE, _PASSWORD = "PGPASSFILE", "PGPASSWORD"
# What libpq has as variables (postgresql.org/docs/current/libpq-envars.html).
_VARIABLES = {
    "application_name": "PGAPPNAME",
    "channel_binding": "PGCHANNELBINDING",
    "client_encoding": "PGCLIENTENCODING",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "dbname": "PGDATABASE",
    "gssencmode": "PGGSSENCMODE",
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "options": "PGOPTIONS",
    "passfile": _PASSFILE,
    "port": "PGPORT",
    "require_auth": "PGREQUIREAUTH",
    "service": "PGSERVICE",
    "sslcert": "PGSSLCERT",
    "sslcrl": "PGSSLCRL",
    "sslkey": "PGSSLKEY",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "user": "PGUSER",
}
# What MySQL's drivers have in a URL, as option files name it.
_OPTIONS = {
    "charset": "default-character-set",
    "ssl_ca": "ssl-ca",
    "ssl_cert": "ssl-cert",
    "ssl_key": "ssl-key",
}
_WITH_SHELL = (3, 12)  # `python -m sqlite3`


class Client(Struct, frozen=True, kw_only=True):
    """A program that is to take the place of the command.

    Attributes:
        words: Program and arguments.
        env: All of its variables.
    """

    words: tuple[str, ...]
    env: Mapping[str, str]


def find_client(target: Target, env: Mapping[str, str], words: Sequence[str]) -> Client:
    """Return the client of a database's system.

    Args:
        target: The database.
        env: The variables that programs of the environment get.
        words: More arguments.

    Raises:
        ComponentError: It is not on this machine.
        SceneshiftError: There is none for it, or nothing to be seen by it.
    """
    system = target.database.system
    if target.file is not None:
        return _find_sqlite(target.file, env, words)
    if not target.database.is_lasting:
        raise SceneshiftError(
            f"{quote(target.database.name)} is in memory: nobody else can see it",
            hint="give it a file: sqlite:///app.db",
        )
    for names, find in _FINDERS.items():
        if system in names:
            return find(parse_url(target.database.url, target.root), env, words)
    raise SceneshiftError(
        f"no client is known for {quote(target.database.url.partition(':')[0])}",
        hint="start yours with the address: inv data.url",
    )


# -- SQLite


def _find_sqlite(
    path: Path,
    env: Mapping[str, str],
    words: Sequence[str],
    version: tuple[int, ...] = sys.version_info[:2],
) -> Client:
    program = _which("sqlite3", env)
    if program is None and version < _WITH_SHELL:
        raise ComponentError(
            "there is no program `sqlite3`, and this Python has none of its own",
            component="sqlite3",
            hint="install it: sqlite3; or use Python 3.12 or later",
        )
    # -P: the project's folder must not come before the interpreter's own modules.
    own = (sys.executable, "-P", "-m", "sqlite3")
    start = own if program is None else (program,)
    return Client(words=(*start, str(path), *words), env=env)


# -- PostgreSQL


def _find_psql(url: URL, env: Mapping[str, str], words: Sequence[str]) -> Client:
    program = find_psql(env.get("PATH", os.defpath))
    if program is None:
        raise ComponentError(
            "there is no program `psql`",
            component="postgresql-client",
            hint="install it: postgresql-client",
        )
    options = _list_options(url)
    password = str(options.pop("password", ""))
    given = {
        _VARIABLES[name]: str(text)
        for name, text in options.items()
        if name in _VARIABLES
    }
    # A service is stronger than all other variables, and may be another server.
    kept = {key: text for key, text in env.items() if key != "PGSERVICE"}
    if password:
        kept.pop(_PASSWORD, None)  # it is stronger than a file
        given[_PASSFILE] = keep_secret(f"*:*:*:*:{_escape_field(password)}\n")
    return Client(words=(program, *words), env={**kept, **given})


def _list_options(url: URL) -> dict[str, Any]:
    """Return what libpq is told, by its names, with several hosts as it has them."""
    url = url.set(drivername="postgresql+psycopg")
    socket = url.query.get("unix_sock")  # pg8000's, with the file
    if isinstance(socket, str):
        url = url.difference_update_query(["unix_sock"])
        url = url.update_query_dict({"host": os.path.dirname(socket)})  # noqa: PTH120
    _, options = url.get_dialect()().create_connect_args(url)
    return dict(options)


def _escape_field(password: str) -> str:
    if "\n" in password:
        raise SceneshiftError(
            "the password has a line break, which no password file can say",
            hint="choose another one for this user",
        )
    return password.replace("\\", "\\\\").replace(":", "\\:")


def find_psql(path: str) -> str | None:
    """Return the newest psql: it works with older servers, an older one not with newer.

    See the notes on https://www.postgresql.org/docs/current/app-psql.html. No server
    has to be asked for its version, and one that is down is told of by psql itself.

    Args:
        path: Where programs are looked for; the first one there is as good as others
            of its version.
    """
    first = shutil.which("psql", path=path)
    found = sorted(_list_installed(), reverse=True)
    if first is None or not found:
        return found[0][1] if found else first
    newest, program = found[0]
    return program if newest > (read_major([first]) or 0) else first


def _list_installed() -> Iterator[tuple[int, str]]:
    """Yield major version and program, of the folders where packages put them."""
    for pattern in FOLDERS:
        place = pattern.format("*")
        numbers = re.compile(re.escape(place).replace(r"\*", r"(\d+)"))
        for folder in Path("/").glob(place.lstrip("/")):
            number, program = numbers.fullmatch(str(folder)), folder / "psql"
            if number is not None and os.access(program, os.X_OK):
                yield int(number[1]), str(program)
    for folder in list_bundled():
        major = read_major([str(folder / "psql")])
        if major is not None:
            yield major, str(folder / "psql")


# -- MySQL and MariaDB


def _find_mysql(url: URL, env: Mapping[str, str], words: Sequence[str]) -> Client:
    own = ("mariadb", "mysql")
    names = own if url.get_backend_name() == "mariadb" else own[::-1]
    program = next(filter(None, (_which(name, env) for name in names)), None)
    if program is None:
        raise ComponentError(
            f"there is no program {quote(names[0])}",
            component=f"{names[0]}-client",
            hint=f"install it: {names[0]}-client",
        )
    lines = [*list_mysql_options(url), "[mysql]"]
    lines += _list_lines({"database": url.database})
    file = keep_secret("\n".join(lines) + "\n")
    # As its first argument, or it is not taken.
    return Client(words=(program, f"--defaults-extra-file={file}", *words), env=env)


def list_mysql_options(url: URL) -> list[str]:
    """Return what clients of MariaDB and MySQL are told of a server, in lines."""
    socket = url.query.get("unix_socket")
    options = {
        "host": url.host,
        "port": url.port,
        # A port is meant, though clients take the socket of `localhost`.
        "protocol": "tcp" if url.port and not socket else None,
        "user": url.username,
        "password": None if url.password is None else str(url.password),
        "socket": socket,
        **{
            _OPTIONS[name]: text for name, text in url.query.items() if name in _OPTIONS
        },
    }
    return ["[client]", *_list_lines(options)]


def _list_lines(options: Mapping[str, object]) -> Iterator[str]:
    """Yield lines as dev.mysql.com/doc/refman/8.4/en/option-files.html has them."""
    for name, value in options.items():
        if value not in {None, ""}:
            text = str(value).replace("\\", "\\\\").replace('"', '\\"')
            text = text.replace("\n", "\\n")
            yield f'{name}="{text}"'


_FINDERS: dict[frozenset[str], Callable[..., Client]] = {
    frozenset({"postgres", "postgresql", "pgsql", "postgis", "psql"}): _find_psql,
    frozenset({"mariadb", "mysql"}): _find_mysql,
}


# -- what both need


def _which(name: str, env: Mapping[str, str]) -> str | None:
    return shutil.which(name, path=env.get("PATH", os.defpath))


def keep_secret(text: str) -> str:
    """Return the path of a file that is gone with the last program that has it open.

    It has no name in any folder, so that nothing stays behind whatever is killed, and
    is its owner's alone: both clients refuse a file that others may read or write.
    """
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("sceneshift")
    else:  # pragma: no cover - macOS
        with tempfile.TemporaryFile() as file:
            handle = os.dup(file.fileno())
    os.fchmod(handle, 0o600)
    os.pwrite(handle, os.fsencode(text), 0)
    os.set_inheritable(handle, True)
    return f"/dev/fd/{handle}"
