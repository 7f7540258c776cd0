"""Running `alembic upgrade heads` in an environment."""

from __future__ import annotations

import re
import subprocess
import sys
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING
from urllib.parse import quote as quote_url

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.databases import Database
from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.core.paths import StateFolder, write_whole
from sceneshift.core.secrets import mask_values
from sceneshift.core.wording import quote
from sceneshift.data.snapshots.traced import read_prelude
from sceneshift.data.snapshots.tracing import VARIABLE as _TRACE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sceneshift.data.scripts import Scripts

_URL_VARIABLE = "SCENESHIFT_ALEMBIC_URL"
_LOCKS_VARIABLE = "SCENESHIFT_ALEMBIC_LOCKS"

# Alembic's command, with another `sqlalchemy.url` where the file has one: an env.py as
# `alembic init` writes it knows no other address, and would migrate the database of
# whoever wrote the file. Not `-m alembic`: that would be the project's own folder of
# the name, where it is a package. Passed as a text: a file's folder would become the
# first place of imports.
_PROGRAM = f"""\
import os, sys

for number in os.environ.pop({_LOCKS_VARIABLE!r}, "").split():
    os.set_inheritable(int(number), False)  # of no program that env.py starts
sys.argv[0] = "alembic"
here = [sys.path.pop(0)] if sys.path[0] == "" else []
from alembic.config import CommandLine
sys.path[:0] = here

class Following(CommandLine):
    def run_cmd(self, config, options):
        url = os.environ.pop({_URL_VARIABLE!r}, None)
        if url is not None:
            config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
        super().run_cmd(config, options)

Following(prog="alembic").main()
"""

_ABSENT = re.compile(r"No module named '?alembic'?$", re.MULTILINE)
_ERROR = re.compile(
    r"^(?:FAILED: |(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt)\b)"
)


class Upgrade(Struct, frozen=True, kw_only=True):
    """What is to be run.

    Attributes:
        root: The project's folder.
        scripts: The migrations.
        database: The database.
        env: The environment of the program.
        log: Where all that it says is to be.
        locks: Descriptors of locks that are to be held for as long as it runs, though
            we are killed: it goes on by itself.
        trace: Where to write down what it reads; None where nobody asks.
    """

    root: Path
    scripts: Scripts
    database: Database
    env: Mapping[str, str]
    log: Path
    locks: tuple[int, ...] = ()
    trace: Path | None = None

    def aim(self, file: Path) -> Upgrade:
        """Return the same for another file of SQLite, by all variables that name it."""
        path = self.database.find_file(self.root)
        others = {
            name: _point(text, file)
            for name, text in self.env.items()
            if text.startswith("sqlite")
            and Database(name=name, url=text).find_file(self.root) == path
        }
        url = _point(self.database.url, file)
        database = Database(name=self.database.name, url=url)
        return replace(self, database=database, env={**self.env, **others})

    def run(self) -> str:
        """Run it, and return what it said.

        Raises:
            ComponentError: The project's Python has no Alembic.
            SceneshiftError: It failed, with the line that says why.
        """
        python = str(_find_python(self.root, self.env))
        folder = StateFolder(self.root)
        # No pipe: that ends with the last of the programs that env.py may start.
        with folder.being_written(), TemporaryFile(dir=self.log.parent) as said:
            code = self._run(python, said)
            said.seek(0)
            text = mask_values(said.read().decode(errors="replace"), self.env)
            write_whole(self.log, text)
        if code:
            raise self._explain(text, python, code)
        return text

    def _run(self, python: str, said: IO[bytes]) -> int:
        """Return what it ended with; it has ended, too, where that is an exception."""
        env = {**self.env, _LOCKS_VARIABLE: " ".join(map(str, self.locks))}
        if self.scripts.url is not None:
            env[_URL_VARIABLE] = self._choose_url(self.scripts.url)
        program = _PROGRAM
        if self.trace is not None:
            program = read_prelude() + _PROGRAM
            env[_TRACE_VARIABLE] = str(self.trace)
        config = str(self.root / self.scripts.config)
        child = subprocess.Popen(
            [python, "-c", program, "-c", config, "upgrade", "heads"],
            cwd=self.scripts.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            pass_fds=self.locks,
        )
        try:
            return child.wait()
        finally:  # at a Ctrl-C, upon which it has had time to act
            child.kill()
            child.wait()

    def _choose_url(self, written: str) -> str:
        """Return the database's address, with the driver that the file is written for.

        Its env.py may want an asynchronous one, or just not.
        """
        scheme, _, rest = self.database.url.partition("://")
        other = written.partition("://")[0]
        is_same = other.partition("+")[0] == scheme.partition("+")[0]
        return f"{other if is_same else scheme}://{rest}"

    def _explain(self, text: str, python: str, code: int) -> SceneshiftError:
        if _ABSENT.search(text):
            return ComponentError(
                f"Alembic is not installed in {python}",
                component="alembic",
                hint=f"install it: {python} -m pip install alembic",
            )
        log = self.log.relative_to(self.root)
        is_ended = code < 0
        reason = f"signal {-code} ended it" if is_ended else find_reason(text)
        return SceneshiftError(
            f"the migration of {quote(self.database.name)} failed: {reason}",
            hint=f"all that it said: cat {log}",
        )


def find_reason(text: str) -> str:
    """Return the line of a program's output that says why it failed.

    A traceback ends with the error, which may have further lines: SQLAlchemy's has the
    statement, and a link.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.match(line)]
    return (errors or lines or ["it said nothing"])[-1]


def _point(url: str, file: Path) -> str:
    """Return the URL of another file of SQLite, driver and options as they are."""
    scheme = url.partition("://")[0]
    _, mark, options = url.partition("?")
    path = str(file)
    if Database(name="", url=url).is_uri:
        path = f"file:{quote_url(path)}"
    # Not more than what is needed: SQLAlchemy 2.0 takes such a path literally.
    path = path.replace("%", "%25").replace("?", "%3F")
    return f"{scheme}:///{path}{mark}{options}"


def _find_python(root: Path, env: Mapping[str, str]) -> Path | str:
    """Return the project's interpreter; ours where it has none of its own."""
    for folder in (root / ".venv", root / env.get("VIRTUAL_ENV", ".venv")):
        python = folder / "bin" / "python"
        if python.exists():
            return python
    return sys.executable
