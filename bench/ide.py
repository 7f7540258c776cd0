"""How long files for editors take, and what is changed of what people wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.jsonc import measure_merging, measure_strays
from bench.projects import measure_projects
from bench.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def measure(
    root: Path,
    *,
    runs: int = 15,
    count: int = 200,
    edits: int = 10_000,
    peers: Mapping[str, Sequence[str]] | None = None,
) -> Record:
    """Generate files, merge into a large one, then change random ones.

    Args:
        root: The project in whose state folder the peers are installed.
        runs: Samples of each contender.
        count: Configurations of the large file.
        edits: Changes of random files.
        peers: Command lines of the other editors; None has them installed.
    """
    record = Record(bench="ide", runs=runs)
    measure_projects(root, record, runs=runs, peers=peers and {})
    measure_merging(root, record, runs=runs, count=count, peers=peers)
    measure_strays(record, edits=edits)
    return record
