"""`inv data.create`: a database that is not there yet, empty, and whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import RefusedError, SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.firstuse import insist_on_missing
from sceneshift.data.locking import hold_lock
from sceneshift.data.marker import Marker, list_statements
from sceneshift.data.sqlite.files import is_there
from sceneshift.data.system import find_system

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.data.postgresql.server import Server
    from sceneshift.data.target import Request, Target

_POSTGRESQL = frozenset({"postgres", "postgresql", "pgsql", "postgis", "psql"})
_MYSQL = frozenset({"mariadb", "mysql"})
_LONGEST = 63  # bytes of a name: PostgreSQL cuts it off without a word
_ENCODING = "UTF8"


def create(request: Request) -> None:
    """Make the databases that are not there, and tell of it.

    Raises:
        UsageError: There is no such environment or database.
        RefusedError: The environment is protected, and was not named.
        SceneshiftError: One cannot be made.
    """
    targets = request.load()
    if request.is_dry:
        _show_plan([each for each in targets if not _find(each)], request)
        return
    _check_policy(targets[0], is_named=request.environment is not None)
    # Those of a worktree are copies, whoever is the first to want them.
    insist_on_missing(targets[0].project)
    console = StreamConsole()
    rows = []
    for each in targets:
        is_made = _make(each)
        rows.append(_describe(each) | {"is_created": is_made})
        if not request.as_json:
            _tell(console, each, is_made=is_made)
    if request.as_json:
        console.json({"environment": targets[0].environment, "databases": rows})


def _check_policy(target: Target, *, is_named: bool) -> None:
    if target.project.environment.protected and not is_named:
        name = target.environment
        raise RefusedError(
            f"{quote(name)} is active and protected, and was not named",
            hint=f"if it is meant: inv data.create --env {name}",
        )


def _show_plan(missing: list[Target], request: Request) -> None:
    console = StreamConsole()
    if request.as_json:
        actions = [{"action": "create", **_describe(each)} for each in missing]
        console.json({"actions": actions})
        return
    for each in missing:
        console.data(f"create {each.title}")
    if not missing:
        console.note("nothing is to be done: they are there")


def _describe(target: Target) -> dict[str, Any]:
    return {"database": target.database.name, "place": target.title}


def _tell(console: StreamConsole, target: Target, *, is_made: bool) -> None:
    if is_made:
        console.success(f"{target.title} is there, empty")
    else:
        console.note(f"{target.title} is there already")


def _find(target: Target) -> bool:
    """Tell whether a database is there; one in memory always is.

    Raises:
        SceneshiftError: That cannot be told.
    """
    if not target.database.is_lasting:
        return True
    if target.file is not None:
        return _find_file(target.file)
    if target.database.system in _MYSQL:
        from sceneshift.data.mysql.create import is_made  # noqa: PLC0415 - seldom

        return is_made(target)
    from sceneshift.data.postgresql.server import open_server  # noqa: PLC0415 - 300 ms
    from sceneshift.data.postgresql.settings import find_database  # noqa: PLC0415

    name = _get_name(target)
    with open_server(target.database.url, target.root) as server:
        return find_database(server.ask, name) is not None


def _make(target: Target) -> bool:
    """Make a database unless it is there; tell whether it was not.

    Raises:
        SceneshiftError: It cannot be made.
    """
    if not target.database.is_lasting:
        return False
    with hold_lock(target.name_lock()):
        if target.file is not None:
            return _make_file(target, target.file)
        if target.database.system in _MYSQL:
            from sceneshift.data.mysql.create import make  # noqa: PLC0415 - seldom

            return make(target, _mark(target))
        return _make_on_server(target)


def _mark(target: Target) -> Marker:
    return Marker(project=target.owner, environment=target.environment)


# -- files


def _find_file(path: Path) -> bool:
    try:
        return is_there(path)
    except OSError as error:
        raise _explain(path, error) from error


def _make_file(target: Target, path: Path) -> bool:
    if _find_file(path):
        return False
    try:
        path.resolve().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _explain(path, error) from error
    find_system(target).mark(_mark(target))
    return True


def _explain(path: Path, error: OSError) -> SceneshiftError:
    return SceneshiftError(
        f"{quote(path.name)} cannot be made: {error.filename}: "
        f"{(error.strerror or '').lower()}",
        hint=f"is the folder yours? ls -ld {path.parent}",
    )


# -- servers


def _get_name(target: Target) -> str:
    """Return the name of a database that a server of PostgreSQL can make.

    Raises:
        SceneshiftError: It is of another system, or has no name that can be.
    """
    from sceneshift.data.engine import parse_url  # noqa: PLC0415 - as above

    if target.database.system not in _POSTGRESQL:
        raise SceneshiftError(
            f"{quote(target.database.name)} cannot be made: it is a database of "
            f"{quote(target.database.system)}",
            hint="make it as its administrator: CREATE DATABASE",
        )
    name = parse_url(target.database.url, target.root).database or ""
    size = len(name.encode())
    if not 0 < size <= _LONGEST:
        raise SceneshiftError(
            f"{quote(name)} can be no database's name: it has {size} bytes",
            hint=f"give {target.database.variable} one of 1 to {_LONGEST}",
        )
    return name


def _make_on_server(target: Target) -> bool:
    from sceneshift.data.postgresql.server import (  # noqa: PLC0415 - as above
        StatementError,
        open_server,
    )
    from sceneshift.data.postgresql.settings import find_database  # noqa: PLC0415

    name = _get_name(target)
    with open_server(target.database.url, target.root) as server:
        server.lock(name)  # two checkouts may have it in common
        if find_database(server.ask, name) is not None:
            return False
        try:
            server.run(_describe_creation(server, name))
        except StatementError as error:
            raise SceneshiftError(
                f"{quote(name)} cannot be made: {error.message}",
                hint="may its user make databases? ALTER ROLE … CREATEDB",
            ) from error
        _write_marker(target)
    return True


def _describe_creation(server: Server, name: str) -> str:
    """Return the statement that makes it; it belongs to whoever runs that.

    It begins with what every new one has on this server, its extensions for instance,
    unless that is of another encoding.
    """
    from sceneshift.data.postgresql.server import quote_name  # noqa: PLC0415 - as above
    from sceneshift.data.postgresql.settings import find_database  # noqa: PLC0415

    usual = find_database(server.ask, "template1")
    is_fit = usual is not None and usual["encoding"] == _ENCODING
    template = "template1" if is_fit else "template0"
    return (
        f"CREATE DATABASE {quote_name(name)} ENCODING '{_ENCODING}' TEMPLATE {template}"
    )


def _write_marker(target: Target) -> None:
    from sceneshift.data.engine import open_connection, open_engine  # noqa: PLC0415

    engine = open_engine(target.database.url, target.root)
    with open_connection(engine) as connection, connection.begin():
        for statement in list_statements(_mark(target)):
            connection.exec_driver_sql(
                statement, execution_options={"no_parameters": True}
            )
