"""pg_dump and pg_restore, of the version that a server needs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.core.secrets import mask_secrets
from sceneshift.core.services.programs import (
    FOLDERS,
    ask_program,
    list_bundled,
    read_major,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import IO

    from sqlalchemy import URL

_ENGINES = ("docker", "podman")
_HERE = frozenset({None, "", "localhost", "127.0.0.1", "::1"})
_INSIDE = ("PGDATABASE", "PGPASSWORD", "PGUSER")  # by their names: no value in argv
_PORT = 5432
_ASK_S = 10.0
# Where nobody reads on: what pg_dump says, or ends with, and a shell around it.
_CUT = "Broken pipe"
_CUT_CODES = frozenset({-signal.SIGPIPE, 128 + signal.SIGPIPE})
# What libpq has as variables, of what a URL may say: a password is no argument.
_VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "passfile": "PGPASSFILE",
    "port": "PGPORT",
    "service": "PGSERVICE",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "options": "PGOPTIONS",
}
# A copy receives nothing of what is published, nor publishes it again.
_DUMP = (
    *("--format=custom", "--compress=0", "--no-password", "--lock-wait-timeout=10s"),
    *("--no-publications", "--no-subscriptions"),
)
_RESTORE = ("--exit-on-error", "--no-password", "--no-publications")


class Tools(Struct, frozen=True, kw_only=True):
    """The commands of both programs.

    Attributes:
        dump: pg_dump.
        restore: pg_restore.
    """

    dump: tuple[str, ...]
    restore: tuple[str, ...]


def find_tools(major: int, path: str, url: URL) -> Tools:
    """Return pg_dump and pg_restore of this machine, or of the server's container.

    An older pg_dump refuses a newer server, and what a newer one writes is not always
    understood by an older server.

    Args:
        major: The server's major version.
        path: Where programs are looked for.
        url: An address of the server.

    Raises:
        ComponentError: They are nowhere in that version.
    """
    places = [folder.format(major) for folder in FOLDERS]
    for folder in [*map(Path, places), *_list_fitting(major, path)]:
        dump, restore = folder / "pg_dump", folder / "pg_restore"
        if os.access(dump, os.X_OK) and os.access(restore, os.X_OK):
            return Tools(dump=(str(dump),), restore=(str(restore),))
    for words in _list_containers(path, url):
        if read_major([*words, "pg_dump"]) == major:
            return Tools(dump=(*words, "pg_dump"), restore=(*words, "pg_restore"))
    raise ComponentError(
        f"there is no pg_dump of version {major}, which its server has",
        component=f"postgresql-client-{major}",
        hint=f"install it: postgresql-client-{major}",
    )


def _list_fitting(major: int, path: str) -> Iterator[Path]:
    places = [Path(folder) for folder in path.split(os.pathsep) if folder]
    for folder in [*places, *list_bundled()]:
        program = folder / "pg_dump"
        is_one = os.access(program, os.X_OK)
        if is_one and read_major([str(program)]) == major:
            yield program.parent


def _list_containers(path: str, url: URL) -> Iterator[tuple[str, ...]]:
    """Yield what runs a program in each container that has the server's port here."""
    if url.host not in _HERE or "host" in url.query:
        return
    for engine in filter(None, (shutil.which(name, path=path) for name in _ENGINES)):
        port = url.port or _PORT
        listed = ask_program([engine, "ps", "-q", "--filter", f"publish={port}"])
        for container in listed.split():
            given = (word for name in _INSIDE for word in ("-e", name))
            yield (engine, "exec", "-i", *given, container)


def pipe(url: URL, target: str, *, tools: Tools, options: Sequence[str] = ()) -> None:
    """Fill a database with what another one of the server has, through a pipe.

    Args:
        url: The database to read, with a user who may read all of it.
        target: The database to fill: a name that needs no quotes.
        tools: What `find_tools` returned.
        options: More for pg_restore.

    Raises:
        SceneshiftError: One of the two programs failed, and with which words.
    """
    env = build_client_env(url)
    dump = [*tools.dump, *_DUMP]
    restore = [*tools.restore, *_RESTORE, f"--dbname={target}", *options]
    with tempfile.TemporaryFile() as dumped, tempfile.TemporaryFile() as restored:
        reader, writer = os.pipe()
        try:
            first = subprocess.Popen(dump, env=env, stdout=writer, stderr=dumped)
        finally:
            os.close(writer)
        with first:
            try:
                second = subprocess.run(
                    restore, env=env, stdin=reader, stderr=restored, check=False
                )
            finally:
                os.close(reader)  # else the writer is waited for without end
        # A reader that ends makes the writer fail, and the other way round.
        is_cut_off = first.returncode in _CUT_CODES or _read(dumped).endswith(_CUT)
        if not is_cut_off:
            check_ended("pg_dump", first.returncode, dumped)
        check_ended("pg_restore", second.returncode, restored)


def build_client_env(url: URL) -> dict[str, str]:
    """Return the environment of a program of PostgreSQL's that works on a database."""
    given = {
        "PGDATABASE": url.database,
        "PGHOST": url.host,
        "PGPASSWORD": None if url.password is None else str(url.password),
        "PGPORT": None if url.port is None else str(url.port),
        "PGUSER": url.username,
    }
    for key, text in url.query.items():
        if key in _VARIABLES:
            given[_VARIABLES[key]] = text if isinstance(text, str) else text[0]
        elif key == "unix_sock":  # pg8000's, with the file
            given["PGHOST"] = os.path.dirname(str(text))  # noqa: PTH120 - a text
    return {**_base(), **{key: text for key, text in given.items() if text is not None}}


def _base() -> Mapping[str, str]:
    """Return the environment with messages in English, one of which may be told."""
    # A service is stronger than all other variables, and may be another server.
    kept = {key: text for key, text in os.environ.items() if key != "PGSERVICE"}
    return {**kept, "LC_MESSAGES": "C"}


def check_ended(program: str, status: int, output: IO[bytes]) -> None:
    """Make sure that a program of PostgreSQL's went well.

    Args:
        program: Its name.
        status: What it ended with.
        output: What it said on standard error.

    Raises:
        SceneshiftError: It did not, with its words.
    """
    if not status:
        return
    lines = _read(output).splitlines()
    errors = [line for line in lines if "error:" in line] or lines
    said = errors[0].rpartition("error: ")[2] if errors else f"exit code {status}"
    raise SceneshiftError(
        f"{program} says: {mask_secrets(said)}", hint="run it by hand to see more"
    )


def _read(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read().decode(errors="replace").strip()
