"""pg_dump and pg_restore, of the version that a server needs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.core.secrets import mask_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import IO

    from sqlalchemy import URL

# Debian, Fedora, Homebrew on both kinds of Mac, Postgres.app.
_FOLDERS = (
    "/usr/lib/postgresql/{}/bin",
    "/usr/pgsql-{}/bin",
    "/opt/homebrew/opt/postgresql@{}/bin",
    "/usr/local/opt/postgresql@{}/bin",
    "/Applications/Postgres.app/Contents/Versions/{}/bin",
)
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_CUT = "Broken pipe"  # what pg_dump says where nobody reads on
# What libpq has as variables, of what a URL may say: a password is no argument.
_VARIABLES = {
    "host": "PGHOST",
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


def find_tools(major: int, path: str) -> Path:
    """Return the folder of pg_dump and pg_restore.

    An older pg_dump refuses a newer server, and what a newer one writes is not always
    understood by an older server.

    Args:
        major: The server's major version.
        path: Where programs are looked for.

    Raises:
        ComponentError: They are not on this machine in that version.
    """
    places = [folder.format(major) for folder in _FOLDERS]
    for folder in [*map(Path, places), *_list_fitting(major, path)]:
        if all(os.access(folder / each, os.X_OK) for each in ("pg_dump", "pg_restore")):
            return folder
    raise ComponentError(
        f"there is no pg_dump of version {major}, which its server has",
        component=f"postgresql-client-{major}",
        hint=f"install it: postgresql-client-{major}",
    )


def _list_fitting(major: int, path: str) -> Iterator[Path]:
    for folder in filter(None, path.split(os.pathsep)):
        program = Path(folder, "pg_dump")
        if os.access(program, os.X_OK):
            said = subprocess.run(
                [program, "--version"], capture_output=True, text=True, check=False
            ).stdout
            found = _VERSION.search(said)
            if found is not None and int(found[1]) == major:
                yield program.parent


def pipe(url: URL, target: str, *, tools: Path, options: Sequence[str] = ()) -> None:
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
    dump = [str(tools / "pg_dump"), *_DUMP]
    restore = [str(tools / "pg_restore"), *_RESTORE, f"--dbname={target}", *options]
    with tempfile.TemporaryFile() as dumped, tempfile.TemporaryFile() as restored:
        reader, writer = os.pipe()
        try:
            first = subprocess.Popen(dump, env=env, stdout=writer, stderr=dumped)
        finally:
            os.close(writer)
        with first:
            second = subprocess.run(
                restore, env=env, stdin=reader, stderr=restored, check=False
            )
            os.close(reader)
        # A reader that ends makes the writer fail, and the other way round.
        is_cut_off = first.returncode == -signal.SIGPIPE or _read(dumped).endswith(_CUT)
        if not is_cut_off:
            _check("pg_dump", first.returncode, dumped)
        _check("pg_restore", second.returncode, restored)


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
    return {**_base(), **{key: text for key, text in given.items() if text is not None}}


def _base() -> Mapping[str, str]:
    """Return the environment with messages in English, one of which may be told."""
    return {**os.environ, "LC_MESSAGES": "C"}


def _check(program: str, status: int, output: IO[bytes]) -> None:
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
