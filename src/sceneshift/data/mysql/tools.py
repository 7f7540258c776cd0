"""The clients of MariaDB and MySQL that write a database as SQL, and read that again.

What the one vendor's writes, the other one's need not understand: MariaDB's begins with
a command that has no client of MySQL's. So both are of the server's vendor.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.core.secrets import mask_secrets
from sceneshift.core.services.programs import ask_program
from sceneshift.data.clients import keep_secret, list_mysql_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import URL

MARIADB, MYSQL = "MariaDB", "MySQL"
_DUMPS = {MARIADB: ("mariadb-dump", "mysqldump"), MYSQL: ("mysqldump",)}
_LOADS = {MARIADB: ("mariadb", "mysql"), MYSQL: ("mysql",)}
_PACKAGES = {MARIADB: "mariadb-client", MYSQL: "mysql-client"}
# Of tables in InnoDB it is what was there at one moment, and nobody waits for it.
_DUMP = (
    *("--single-transaction", "--skip-lock-tables", "--quick", "--routines"),
    *("--triggers", "--events", "--no-tablespaces", "--max-allowed-packet=1G"),
    "--default-character-set=utf8mb4",
)
_DUMP_OF_MYSQL = ("--set-gtid-purged=OFF", "--column-statistics=0")
# In that mode, nothing in the text is a command of the client's own.
_LOAD = ("--batch", "--binary-mode", "--max-allowed-packet=1G")
# As the drivers do: encrypted where the server can, whoever it says it is. MariaDB's
# insist on knowing that from 11.4 on; MySQL's do not have the option.
_UNSURE = ("loose-ssl-verify-server-cert=0",)
_SURE = ("loose-ssl-verify-server-cert=1", "loose-ssl-mode=VERIFY_CA")
# What is said there would count where the address says nothing.
_STRANGE = ("MYSQL_HOST", "MYSQL_PWD", "MYSQL_TCP_PORT", "MYSQL_UNIX_PORT")
# Of MySQL's, which is read whatever other files are named.
_LOGIN_FILE = "MYSQL_TEST_LOGIN_FILE"


class Tools(Struct, frozen=True, kw_only=True):
    """The programs of one vendor.

    Attributes:
        dump: What writes SQL.
        load: What reads it.
        vendor: Whose they are.
    """

    dump: str
    load: str
    vendor: str


def find_vendor(version: str) -> str:
    """Return whose a server is, by what it says of its version."""
    return MARIADB if MARIADB.lower() in version.lower() else MYSQL


def trim_version(said: str) -> str:
    """Return what a server says of its version, without who has built it."""
    number = said.removeprefix("5.5.5-").partition("-")[0]
    return f"{number}-{MARIADB}" if find_vendor(said) == MARIADB else number


def find_tools(vendor: str, path: str) -> Tools:
    """Return the programs of a vendor.

    Args:
        vendor: Whose they are to be: one name may be of either.
        path: Where programs are looked for.

    Raises:
        ComponentError: They are not there.
    """
    dump = next(_list_fitting(_DUMPS[vendor], vendor, path), None)
    load = next(_list_fitting(_LOADS[vendor], vendor, path), None)
    if dump is None or load is None:
        missing = (_LOADS if dump else _DUMPS)[vendor][0]
        raise ComponentError(
            f"there is no program `{missing}` of {vendor}'s, whose the server is",
            component=_PACKAGES[vendor],
            hint=f"install it: {_PACKAGES[vendor]}",
        )
    return Tools(dump=dump, load=load, vendor=vendor)


def _list_fitting(names: Sequence[str], vendor: str, path: str) -> Iterator[str]:
    for name in names:
        program = shutil.which(name, path=path)
        if program and find_vendor(ask_program([program, "--version"])) == vendor:
            yield program


@contextlib.contextmanager
def dumping(
    tools: Tools, url: URL, name: str, ignored: Iterable[str]
) -> Iterator[IO[bytes]]:
    """Yield a database as SQL, which has been read to its end when this is left.

    Args:
        tools: The programs.
        url: An address of its server.
        name: The database.
        ignored: Tables and views that are left out.

    Raises:
        SceneshiftError: The program failed, and with which words.
    """
    words = [*_DUMP, *(_DUMP_OF_MYSQL if tools.vendor == MYSQL else ())]
    words += [f"--ignore-table={name}.{each}" for each in ignored]
    with (
        tempfile.TemporaryFile() as said,
        _running(
            [tools.dump, *words, "--", name], url, said, stdout=subprocess.PIPE
        ) as process,
    ):
        assert process.stdout is not None
        yield process.stdout
        _check_ended(tools.dump, process.wait(), said)


def load(tools: Tools, url: URL, name: str, chunks: Iterable[bytes]) -> None:
    """Have SQL run in a database.

    Args:
        tools: The programs.
        url: An address of its server.
        name: The database.
        chunks: The text.

    Raises:
        SceneshiftError: It is damaged, or the program failed, and with which words.
    """
    with (
        tempfile.TemporaryFile() as said,
        _running(
            [tools.load, *_LOAD, "--", name], url, said, stdin=subprocess.PIPE
        ) as process,
    ):
        assert process.stdin is not None
        try:
            for chunk in chunks:
                process.stdin.write(chunk)
            process.stdin.close()
        except BrokenPipeError:  # it says itself why it has ended
            with contextlib.suppress(BrokenPipeError):  # of what has not been written
                process.stdin.close()
        _check_ended(tools.load, process.wait(), said)


@contextlib.contextmanager
def _running(
    words: Sequence[str],
    url: URL,
    said: IO[bytes],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of theirs; it is gone when this is left."""
    lines = list_mysql_options(url)
    if "unix_socket" not in url.query and url.get_driver_name() != "mysqldb":
        lines.append("protocol=tcp")  # as other drivers do, of `localhost` too
    lines += _SURE if "ssl_ca" in url.query else _UNSURE
    file = keep_secret("\n".join(lines) + "\n")
    handle = int(Path(file).name)
    try:
        # No other file: it might name another server.
        process = subprocess.Popen(
            [words[0], f"--defaults-file={file}", *words[1:]],
            env=_build_env(),
            stdin=stdin,
            stdout=stdout,
            stderr=said,
            pass_fds=(handle,),
        )
    finally:
        os.close(handle)
    with process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def _build_env() -> dict[str, str]:
    kept = {key: text for key, text in os.environ.items() if key not in _STRANGE}
    return {**kept, _LOGIN_FILE: "/nowhere/.mylogin.cnf", "LC_ALL": "C"}


def _check_ended(program: str, status: int, output: IO[bytes]) -> None:
    if not status:
        return
    output.seek(0)
    lines = output.read().decode(errors="replace").strip().splitlines()
    errors = [each for each in lines if "error" in each.lower()]
    said = (errors or lines or [f"exit code {status}"])[0]
    name = Path(program).name
    raise SceneshiftError(
        f"{name} says: {mask_secrets(said.rpartition(f'{name}: ')[2])}",
        hint="run it by hand to see more",
    )
