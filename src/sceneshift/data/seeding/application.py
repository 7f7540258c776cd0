"""Filling one database with datasets, by the project's own Python."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.core.paths import StateFolder, write_whole
from sceneshift.core.project import build_common_env
from sceneshift.core.secrets import MASK, mask_values
from sceneshift.core.wording import quote
from sceneshift.data.seeding.program import Plan, Program
from sceneshift.data.target import FOLDER
from sceneshift.data.upgrade import aim, find_python, find_reason
from sceneshift.data.versions import find_plain_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from sceneshift.core.databases import Database
    from sceneshift.data.scripts import Scripts
    from sceneshift.data.seeding.model import Dataset
    from sceneshift.data.seeding.program import Ended, Progress
    from sceneshift.data.target import Target

_TOO_OLD = 9


def prepare(
    target: Target, datasets: Sequence[Dataset], scripts: Scripts | None, now: datetime
) -> Seeding:
    """Return what fills a database.

    Args:
        target: The database.
        datasets: What it is filled with, in this order.
        scripts: Its migrations; None where it has none.
        now: The instant that the rows are seen from.

    Raises:
        SceneshiftError: The folder of its log cannot be made.
    """
    folder = StateFolder(target.root).make(FOLDER)
    return Seeding(
        root=target.root,
        database=target.database,
        datasets=datasets,
        environment=target.environment,
        env=build_common_env(target.project),
        log=folder / f"seeding-{target.database.name}.log",
        now=now,
        folder=target.root if scripts is None else scripts.folder,
        paths=() if scripts is None else scripts.paths,
    )


class Counts(Struct, frozen=True, kw_only=True):
    """What became of the rows of a table.

    Attributes:
        inserted: How many are new.
        updated: How many were there, and have other values now.
        unchanged: How many were there as they are.
    """

    inserted: int
    updated: int
    unchanged: int


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of a database.

    Attributes:
        tables: What became of the rows, by table; what files of SQL and sessions of
            the ORM did is not known.
        is_changed: Whether a row is another now; None where that cannot be told.
    """

    tables: dict[str, Counts]
    is_changed: bool | None = None


class Seeding(Struct, frozen=True, kw_only=True):
    """What is to be done.

    Attributes:
        root: The project's folder.
        database: The database.
        datasets: What it is filled with, in this order.
        environment: The name of the environment.
        env: The environment of the program.
        log: Where all that it says is to be.
        now: The instant that the rows are seen from.
        folder: Where it runs, absolute: where Alembic would.
        paths: What modules are looked for in, before all else.
        is_draft: Whether nobody has the database yet: a power cut may break it.
        trace: Where to write down what it reads; None where nobody asks.
    """

    root: Path
    database: Database
    datasets: Sequence[Dataset]
    environment: str
    env: Mapping[str, str]
    log: Path
    now: datetime
    folder: Path
    paths: Sequence[Path] = ()
    is_draft: bool = False
    trace: Path | None = None

    def aim(self, file: Path) -> Seeding:
        """Return the same for another file of SQLite, which is a draft."""
        database, env = aim(self.database, self.env, self.root, file)
        return replace(self, database=database, env=env, is_draft=True)

    def start(self) -> Program:
        """Return a program that is going to fill this database, or a draft of it.

        It imports meanwhile what it needs.
        """
        plan = Plan(
            folder=self.folder,
            paths=(*self.paths, self.folder, self.root),
            env=self.env,
            url=self.database.url,
            trace=self.trace,
        )
        return Program(str(find_python(self.root, self.env)), plan)

    def run(self, tell: Callable[[Progress], None] | None = None) -> dict[str, Counts]:
        """Do it as `apply` does; return what became of the rows, by table."""
        return self.apply(tell).tables

    def apply(
        self,
        tell: Callable[[Progress], None] | None = None,
        *,
        program: Program | None = None,
    ) -> Outcome:
        """Do it, in one transaction: all of it is there afterwards, or nothing.

        Of systems that cannot take back a change of the schema, and get one by a file
        of SQL, that cannot be said.

        Args:
            tell: Is called with how far it is.
            program: What has been started for it; None starts one.

        Raises:
            ComponentError: The project's Python lacks something.
            SceneshiftError: It failed, with the line that says why.
        """
        with nullcontext(program) if program else self.start() as started:
            ended = started.run(self._describe(), self.env, tell or _ignore)
        text = self._mask(ended.output)
        with StateFolder(self.root).being_written():
            write_whole(self.log, text)
        if ended.done is None or ended.code:
            python = str(find_python(self.root, self.env))
            raise self._explain(ended, text, python)
        return Outcome(
            tables={table: Counts(**each) for table, each in ended.done.items()},
            is_changed=ended.is_changed,
        )

    def _describe(self) -> dict[str, Any]:
        file = find_plain_file(self.database, self.root)
        return {
            "root": str(self.root),
            "url": self.database.url,
            "file": None if file is None else str(file),
            "environment": self.environment,
            "is_draft": self.is_draft,
            "datasets": [self._describe_one(each) for each in self.datasets],
        }

    def _describe_one(self, dataset: Dataset) -> dict[str, Any]:
        now = dataset.find_now(self.now)
        anchor = dataset.anchor
        return {
            "name": dataset.name,
            "folder": str(dataset.folder),
            "files": [str(path) for path in dataset.list_files()],
            "seed": dataset.seed,
            "keys": dataset.keys,
            "now": now.isoformat(),
            "shift_days": 0 if anchor is None else (now - anchor).days,
            "dates": dataset.dates,
        }

    def _explain(self, ended: Ended, text: str, python: str) -> SceneshiftError:
        failed = ended.failed
        if failed is not None and failed.get("component"):
            return self._miss(failed, python)
        if ended.code == _TOO_OLD and failed is None:
            return ComponentError(
                f"seeds need Python 3.11 or newer: {python} is older",
                component="python",
                hint="make the project's .venv with a newer one",
            )
        where = _name_place(failed)
        reason = failed["reason"] if failed else _describe_end(ended, text)
        log = self.log.relative_to(self.root)
        return SceneshiftError(
            f"{quote(self.database.name)} is as it was: {where}{self._mask(reason)}",
            hint=f"mend it; all that it said: cat {log}",
        )

    def _miss(self, failed: dict[str, Any], python: str) -> ComponentError:
        from sceneshift.data.engine import name_package  # noqa: PLC0415

        package = name_package(failed["component"])
        place = f"{failed['place']}: " if failed.get("place") else ""
        reason = failed["reason"] or f"{package} is not installed in {python}"
        return ComponentError(
            f"{place}{reason}",
            component=package,
            hint=f"install it: {python} -m pip install '{package}'",
        )

    def _mask(self, text: str) -> str:
        """Return a text without passwords, which drivers write in ways of their own."""
        text = mask_values(text, self.env)
        place = self.database.url.partition("://")[2].partition("?")[0]
        password = place.rpartition("@")[0].partition(":")[2]
        return text.replace(password, MASK) if password else text


def _ignore(_progress: Progress) -> None:
    pass


def _name_place(failed: dict[str, Any] | None) -> str:
    if failed is None or not failed.get("dataset"):
        return ""
    place = f"{failed['place']}: " if failed.get("place") else ""
    return f"the dataset {quote(failed['dataset'])} failed: {place}"


def _describe_end(ended: Ended, text: str) -> str:
    if ended.code < 0:
        return f"the program that fills it was ended by signal {-ended.code}"
    return f"the program that fills it failed: {find_reason(text)}"
