"""How long resets take beside the usual ways, and what those see who are connected."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.bystanders import Bystanders
from bench.migrated import Migrated, System
from bench.record import OURS, Record, show_progress
from bench.seeding import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_BY_HAND = "alembic down and up, ORM"
FLUSH = "rows emptied, ORM"
_RESTORED = "dropdb, createdb, pg_restore"
_UP = "alembic up, rows by driver"
_CURRENT = "alembic current"
_KNOWN_S = {"SQLite": 0.5, "PostgreSQL": 0.8}
_ERRORS = {"SQLite": 0, "PostgreSQL": 2}
_TIP_S, _STATUS_S = 2.0, 0.4
_FASTER, _BUILT, _FLAT = 30, 1.1, 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much there is to reset.

    Attributes:
        migrations: How many the database has.
        rows: How many rows the dataset has.
        growth: Numbers of migrations that a reset is measured with.
    """

    migrations: int = 100
    rows: int = 100_000
    growth: tuple[int, ...] = (10, 100, 500)


def measure(
    root: Path,
    *,
    runs: int = 5,
    sizes: Sizes | None = None,
    systems: Sequence[str] = ("SQLite", "PostgreSQL"),
) -> Record:
    """Reset a file of SQLite, and a database of PostgreSQL where that is installed.

    Args:
        root: The project's folder, whose tests know how a server is started.
        runs: Resets of each contender, in turns.
        sizes: How much there is to reset.
        systems: Which of the two.
    """
    record = Record(bench="data", runs=runs)
    sizes = sizes or Sizes()
    with (
        tempfile.TemporaryDirectory() as folder,
        _running(root, record, systems) as there,
    ):
        for system in there:
            place = Path(folder, system.name)
            project = Migrated(
                place / "main", system, migrations=sizes.migrations, rows=sizes.rows
            )
            bench = _Bench(record, system.name, project, runs)
            bench.compare_builds()
            bench.compare_known()
            bench.compare_status()
            bench.count_errors()
            bench.measure_tips()
            projects = {
                count: Migrated(
                    place / str(count), system, migrations=count, rows=sizes.rows
                )
                for count in sizes.growth
            }
            _measure_growth(record, projects, runs)
    return record


@contextlib.contextmanager
def _running(
    root: Path, record: Record, names: Sequence[str]
) -> Iterator[list[System]]:
    """Yield the systems that are there."""
    systems = [System(name="SQLite")] if "SQLite" in names else []
    if "PostgreSQL" not in names:
        yield systems
        return
    with serving(root, record) as server:
        if server is not None:
            systems.append(System(name="PostgreSQL", server=server))
        yield systems


class _Bench:
    """Measures one project.

    Args:
        record: What the figures go to.
        system: What its database is called.
        project: The project.
        runs: Of each contender.
    """

    def __init__(
        self, record: Record, system: str, project: Migrated, runs: int
    ) -> None:
        self._record = record
        self._system = system
        self._project = project
        self._runs = runs

    def _take_turns(
        self, case: str, contenders: dict[str, Callable[[], float]], unit: str = "s"
    ) -> str:
        case = f"{self._system}: {case}"
        samples: dict[str, list[float]] = {name: [] for name in contenders}
        for number in range(self._runs):
            for name, run in contenders.items():
                show_progress(f"{case}: {name} {number + 1}/{self._runs}")
                samples[name].append(run())
        self._record.add(case, unit, samples)
        return case

    def compare_builds(self) -> None:
        """Measure resets of an empty database, of which nothing is known."""
        project = self._project

        def ours() -> float:
            project.forget()
            return project.reset()

        def theirs() -> float:
            project.forget()
            return project.run("alembic upgrade heads", "by_driver.py")

        case = self._take_turns("nothing known", {_UP: theirs, OURS: ours})
        self._record.compare(case, OURS, _UP, at_most=_BUILT)

    def compare_known(self) -> None:
        """Measure resets of a database that somebody has worked with."""
        project = self._project

        def ours() -> float:
            project.touch()
            return project.reset()

        def by_hand() -> float:
            return project.run(
                "alembic downgrade base", "alembic upgrade heads", "by_orm.py"
            )

        def flush() -> float:
            return project.run("flush.py", "by_orm.py")

        project.reset()
        contenders = {OURS: ours, FLUSH: flush, _BY_HAND: by_hand}
        if (server := project.system.server) is not None:
            contenders[_RESTORED] = project.dump(server.programs)
        case = self._take_turns("snapshot known", contenders)
        self._record.aim(case, OURS, at_most=_KNOWN_S[self._system])
        self._record.compare(case, OURS, _BY_HAND, faster=_FASTER)

    def measure_tips(self) -> None:
        """Measure resets after one new migration each."""
        project = self._project

        def ours() -> float:
            project.add_migration()
            return project.reset()

        case = self._take_turns("one new migration", {OURS: ours})
        self._record.aim(case, OURS, at_most=_TIP_S)

    def compare_status(self) -> None:
        """Measure the question where a database stands."""
        project = self._project
        ours, theirs = f"{OURS} data.status", _CURRENT
        contenders = {
            ours: lambda: project.run("inv data.status"),
            theirs: lambda: project.run("alembic current"),
        }
        case = self._take_turns("status", contenders)
        self._record.aim(case, ours, at_most=_STATUS_S)

    def count_errors(self) -> None:
        """Count what three readers and a writer see of a reset."""
        project = self._project
        contenders: dict[str, Callable[[], float]] = {OURS: project.reset}
        if (server := project.system.server) is not None:
            contenders[_RESTORED] = project.dump(server.programs)
        contenders[FLUSH] = lambda: project.run("flush.py", "by_orm.py")
        errors: dict[str, list[float]] = {name: [] for name in contenders}
        mixed: dict[str, list[float]] = {name: [] for name in contenders}
        looks = failed = 0
        for number in range(self._runs):
            for name, run in contenders.items():
                show_progress(f"{self._system}: bystanders: {name} {number + 1}")
                project.reset()
                bystanders = Bystanders(project)
                with bystanders.watching():
                    failed += not _succeeds(run, is_ours=name == OURS)
                errors[name].append(max(bystanders.errors.values()))
                mixed[name].append(bystanders.mixed)
                looks += bystanders.looks
        for what, unit, samples in (
            ("errors of a client meanwhile", "errors", errors),
            ("partial data seen meanwhile", "looks", mixed),
        ):
            case = f"{self._system}: {what}"
            # The worst of all runs counts, not the middle one.
            worst = {name: [max(values)] for name, values in samples.items()}
            self._record.add(case, unit, worst)
            limit = _ERRORS[self._system] if samples is errors else 0
            self._record.aim(case, OURS, at_most=limit)
        self._record.notes.append(
            f"{self._system}: three readers and a writer looked {looks:,} times; "
            "the worst run of each counts"
        )
        if failed:
            self._record.notes.append(
                f"{self._system}: clients made {failed} runs of others fail"
            )


def _succeeds(run: Callable[[], float], *, is_ours: bool) -> bool:
    """Tell whether something could be done while others work; ours always has to."""
    try:
        run()
    except subprocess.CalledProcessError:
        if is_ours:
            raise
        return False
    return True


def _measure_growth(record: Record, projects: dict[int, Migrated], runs: int) -> None:
    """Measure resets with few and many migrations, each known."""
    system = next(iter(projects.values())).system.name
    case = f"{system}: snapshot known, by migrations"
    samples: dict[int, list[float]] = {count: [] for count in projects}
    for project in projects.values():
        project.reset()
    for number in range(runs):
        for count, project in projects.items():
            show_progress(f"{case}: {count}, {number + 1}/{runs}")
            project.touch()
            samples[count].append(project.reset())
    record.add(case, "s", {f"{OURS}, {count}": x for count, x in samples.items()})
    few, most = f"{OURS}, {min(samples)}", f"{OURS}, {max(samples)}"
    record.compare(case, most, few, at_most=_FLAT)
