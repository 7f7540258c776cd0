"""How long editors' files and breakpoints take, and what is changed by the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.breakpoints import measure_breakpoints
from bench.jsonc import measure_merging, measure_strays
from bench.projects import measure_projects
from bench.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def measure(  # noqa: PLR0913 - the sizes of all parts
    root: Path,
    *,
    runs: int = 15,
    count: int = 200,
    edits: int = 10_000,
    saves: int = 10,
    peers: Mapping[str, Sequence[str]] | None = None,
) -> Record:
    """Generate files, merge into a large one, change random ones, and debug.

    Args:
        root: The project in whose state folder the peers are installed.
        runs: Samples of each contender.
        count: Configurations of the large file.
        edits: Changes of random files.
        saves: Those to programs with a breakpoint; 0 leaves that out.
        peers: Command lines of the other editors; None has them installed.
    """
    record = Record(bench="ide", runs=runs)
    measure_projects(root, record, runs=runs, peers=peers and {})
    measure_merging(root, record, runs=runs, count=count, peers=peers)
    measure_strays(record, edits=edits)
    if saves:
        measure_breakpoints(root, record, saves=saves)
    return record
