"""`inv bench.*`: measurements beside peers; none of them decides about a test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from invoke.collection import Collection

from sceneshift.task import task

if TYPE_CHECKING:
    from invoke.context import Context

ROOT = Path(__file__).resolve().parent.parent
_RUNS = "samples of each contender"


@task(
    help={
        "runs": _RUNS,
        "reloads": "saves under load of each contender; 0 leaves that out",
        "only": "one application: light, heavy or demo",
    }
)
def reload(_c: Context, runs: int = 15, reloads: int = 50, only: str = "") -> None:
    """Measure save to served, and what fails meanwhile, beside other reloaders."""
    from bench import reload as bench  # noqa: PLC0415 - only here

    applications = (only,) if only else ("light", "heavy")
    record = bench.measure(ROOT, runs=runs, reloads=reloads, applications=applications)
    record.report(ROOT)


@task(
    help={
        "runs": _RUNS,
        "lines": "lines of each of the three programs",
        "peer_runs": "runs of honcho, 10 s or more each; 0 leaves the peers out",
    }
)
def output(
    _c: Context, runs: int = 15, lines: int = 200_000, peer_runs: int = 1
) -> None:
    """Measure 600,000 lines of output, beside honcho and concurrently."""
    from bench import output as bench  # noqa: PLC0415 - only here

    bench.measure(ROOT, runs=runs, lines=lines, peer_runs=peer_runs).report(ROOT)


@task(help={"runs": _RUNS})
def cli(_c: Context, runs: int = 30) -> None:
    """Measure commands beside bare invoke, and a stack's memory beside honcho's."""
    from bench import cli as bench  # noqa: PLC0415 - only here

    bench.measure(ROOT, runs=runs).report(ROOT)


@task(help={"runs": "trials", "peer_runs": "trials of honcho"})
def orphans(_c: Context, runs: int = 50, peer_runs: int = 5) -> None:
    """Count what outlives `kill -9` of the supervisor, beside honcho."""
    from bench import orphans as bench  # noqa: PLC0415 - only here

    bench.measure(ROOT, runs=runs, peer_runs=peer_runs).report(ROOT)


@task(
    help={
        "reloads": "saves to each application of each server",
        "connections": "clients that ask at the same time",
        "hogs": "programs beside them that only compute",
        "only": "the servers whose names begin so, as uvicorn or flask",
    }
)
def stress(
    _c: Context, reloads: int = 20, connections: int = 40, hogs: int = 6, only: str = ""
) -> None:
    """Count what reloads lose on a busy machine, with eleven servers."""
    from bench import stress as bench  # noqa: PLC0415 - only here

    record = bench.measure(
        ROOT, reloads=reloads, connections=connections, hogs=hogs, only=only
    )
    record.report(ROOT)


@task(help={"runs": _RUNS, "only": "one application: light, heavy or demo"})
def switch(_c: Context, runs: int = 9, only: str = "") -> None:
    """Measure a switch of environments, beside stopping and starting."""
    from bench import switch as bench  # noqa: PLC0415 - only here

    applications = (only,) if only else ("light", "heavy", "demo")
    bench.measure(ROOT, runs=runs, applications=applications).report(ROOT)


@task(help={"count": "worktrees beside the main checkout"})
def worktrees(_c: Context, count: int = 10) -> None:
    """Run the demo in many worktrees at once, and tell what each takes."""
    from bench import worktrees as bench  # noqa: PLC0415 - only here

    bench.measure(ROOT, count=count).report(ROOT)


@task(help={"runs": _RUNS, "rows": "rows of the larger table"})
def seeding(_c: Context, runs: int = 3, rows: int = 2_000_000) -> None:
    """Measure filling a database, beside drivers by hand and the ORM."""
    from bench import seeding as bench  # noqa: PLC0415 - only here

    bench.measure(ROOT, runs=runs, rows=rows).report(ROOT)


@task(
    help={
        "runs": _RUNS,
        "migrations": "how many the database has",
        "rows": "how many rows the dataset has",
    }
)
def data(
    _c: Context, runs: int = 5, migrations: int = 100, rows: int = 100_000
) -> None:
    """Measure resets, beside Alembic's commands, an emptying and pg_restore."""
    from bench import data as bench  # noqa: PLC0415 - only here

    sizes = bench.Sizes(migrations=migrations, rows=rows)
    bench.measure(ROOT, runs=runs, sizes=sizes).report(ROOT)


@task(
    help={
        "runs": _RUNS,
        "count": "configurations of the large file",
        "edits": "changes of random files",
        "saves": "saves of each program with a breakpoint; 0 leaves that out",
    }
)
def ide(
    _c: Context, runs: int = 15, count: int = 200, edits: int = 10_000, saves: int = 10
) -> None:
    """Measure files for editors beside projen and others, and breakpoints."""
    from bench import ide as bench  # noqa: PLC0415 - only here

    record = bench.measure(ROOT, runs=runs, count=count, edits=edits, saves=saves)
    record.report(ROOT)


ns = Collection(
    reload, output, cli, orphans, stress, switch, worktrees, seeding, data, ide
)
