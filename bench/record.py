"""What a measurement found: figures, targets, a table, a file."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

OURS = "sceneshift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What one contender needed in one case.

    Attributes:
        case: What was measured.
        contender: Who was measured; ours begin with `sceneshift`.
        unit: Of the samples.
        samples: One a run.
    """

    case: str
    contender: str
    unit: str
    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle sample."""
        return statistics.median(self.samples)

    @property
    def is_ours(self) -> bool:
        """Whether it is no peer's."""
        return self.contender.startswith(OURS)

    def describe(self) -> dict[str, Any]:
        """Return it for JSON."""
        spread = {"lowest": min(self.samples), "highest": max(self.samples)}
        return {**asdict(self), "median": self.median, **spread}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something to reach.

    Attributes:
        what: The case and the quantity.
        ours: What was reached.
        peer: What it was compared with; None where the target is absolute.
        ratio: Ours to the peer's, or the peer's to ours, as `limit` says.
        limit: What was to be reached, in words.
        is_met: Whether it was.
    """

    what: str
    ours: float
    peer: str | None = None
    ratio: float | None = None
    limit: str
    is_met: bool


@dataclass(slots=True, kw_only=True)
class Record:
    """One measurement of everything that a bench compares.

    Attributes:
        bench: Its name.
        runs: Samples of each figure.
        is_interleaved: Whether all who are compared took their turns in each run.
        figures: In the order of the table.
        targets: Likewise.
        left_out: Peers that could not be run, with the reason.
        notes: What a reader has to know.
        load_before: The load average when it began.
    """

    bench: str
    runs: int
    figures: list[Figure] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    is_interleaved: bool = True
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    load_before: tuple[float, ...] = field(default_factory=os.getloadavg)

    def add(self, case: str, unit: str, samples: Mapping[str, Sequence[float]]) -> None:
        """Add a case's samples by contender."""
        self.figures += [
            Figure(case=case, contender=name, unit=unit, samples=tuple(values))
            for name, values in samples.items()
            if values
        ]

    def find(self, case: str, contender: str) -> Figure | None:
        """Return a figure."""
        for figure in self.figures:
            if (figure.case, figure.contender) == (case, contender):
                return figure
        return None

    def aim(self, case: str, contender: str, *, at_most: float) -> None:
        """Set an absolute target for a median."""
        figure = self.find(case, contender)
        if figure is not None:
            self.targets.append(
                Target(
                    what=f"{case}: {contender}",
                    ours=figure.median,
                    limit=f"at most {at_most:g} {figure.unit}".rstrip(),
                    is_met=figure.median <= at_most,
                )
            )

    def compare(
        self,
        case: str,
        contender: str,
        peer: str,
        *,
        at_most: float | None = None,
        faster: float | None = None,
    ) -> None:
        """Set a target for the ratio of two medians.

        Args:
            case: Of both.
            contender: Ours.
            peer: The other.
            at_most: Ours may be so many times the peer's.
            faster: The peer's is to be so many times ours.
        """
        ours, theirs = self.find(case, contender), self.find(case, peer)
        if ours is None or theirs is None or not (ours.median and theirs.median):
            return
        ratio = ours.median / theirs.median
        if at_most is not None:
            limit, is_met = f"at most {at_most:g} times {peer}", ratio <= at_most
        else:
            assert faster is not None
            ratio = 1 / ratio
            limit, is_met = f"{faster:g} times better than {peer}", ratio >= faster
        self.targets.append(
            Target(
                what=f"{case}: {contender}",
                ours=ours.median,
                peer=peer,
                ratio=ratio,
                limit=limit,
                is_met=is_met,
            )
        )

    def describe(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        return {
            "bench": self.bench,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "runs": self.runs,
            "machine": {
                "system": platform.platform(),
                "python": platform.python_version(),
                "cores": os.cpu_count(),
                "load_before": list(self.load_before),
                "load_after": list(os.getloadavg()),
            },
            "figures": [figure.describe() for figure in self.figures],
            "targets": [asdict(target) for target in self.targets],
            "left_out": [
                {"peer": name, "reason": reason}
                for name, reason in self.left_out.items()
            ],
            "notes": self.notes,
        }

    def write(self, root: Path) -> Path:
        """Write it below the project's state folder and return where."""
        from sceneshift.core.paths import StateFolder  # noqa: PLC0415 - only here

        path = StateFolder(root).make("bench") / f"{self.bench}.json"
        path.write_text(json.dumps(self.describe(), indent=2) + "\n")
        return path

    def report(self, root: Path) -> None:
        """Print the table and write the file."""
        print(self.format())
        print(f"\nwritten: {self.write(root)}")

    def format(self) -> str:
        """Return the tables for people."""
        before, after = self.load_before[0], os.getloadavg()[0]
        order = ", interleaved" if self.is_interleaved else ", one after the other"
        words = [f"{self.bench}: {self.runs} runs{order}; "]
        words.append(f"{os.cpu_count()} cores, load {before:.1f} to {after:.1f}")
        parts = ["".join(words), _align(self._figure_rows())]
        if self.targets:
            parts.append(_align(self._target_rows()))
        parts += [f"left out: {name}: {why}" for name, why in self.left_out.items()]
        return "\n\n".join([*parts, "\n".join(self.notes)]).rstrip()

    def _figure_rows(self) -> Iterable[tuple[str, ...]]:
        yield ("case", "who", "median", "lowest", "highest", "unit", "to ours")
        for figure in self.figures:
            ours = next(
                (x for x in self.figures if x.case == figure.case and x.is_ours), figure
            )
            ratio = f"{figure.median / ours.median:.2f}" if ours.median else "-"
            values = (figure.median, min(figure.samples), max(figure.samples))
            numbers = map(_number, values)
            yield (figure.case, figure.contender, *numbers, figure.unit, ratio)

    def _target_rows(self) -> Iterable[tuple[str, ...]]:
        yield ("target", "ours", "ratio", "wanted", "met")
        for target in self.targets:
            ratio = "-" if target.ratio is None else f"{target.ratio:.2f}"
            met = "yes" if target.is_met else "NO"
            yield (target.what, _number(target.ours), ratio, target.limit, met)


def _number(value: float) -> str:
    return (
        f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    )


def _align(rows: Iterable[Sequence[str]]) -> str:
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )


def show_progress(text: str) -> None:
    """Say on a terminal what is measured just now."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
