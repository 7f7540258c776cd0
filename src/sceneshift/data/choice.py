"""The dataset that a database is built with, as a part of what it is made from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.blake2 import digest
from sceneshift.core.selection import list_environments
from sceneshift.data.seeding.configuration import (
    check_allowed,
    find_with,
    list_seeded,
    order_for,
)
from sceneshift.data.seeding.model import list_inputs
from sceneshift.data.snapshots.traced import digest_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sceneshift.data.seeding.configuration import Seeded
    from sceneshift.data.seeding.model import Dataset
    from sceneshift.data.target import Target

_NOW = b"now"  # as a program asks for it: `context.now`


class Choice(Struct, frozen=True, kw_only=True):
    """A dataset that a database is filled with.

    Attributes:
        datasets: What is applied, in this order: the one that is meant comes last.
        digest: What stands for all that they are made from.
        now: The instant that their rows are seen from.
    """

    datasets: tuple[Dataset, ...]
    digest: str
    now: datetime

    @property
    def name(self) -> str:
        """The name of the one that is meant."""
        return self.datasets[-1].name

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where they are."""
        return tuple(each.folder for each in self.datasets)


def choose(
    target: Target, asked: str | None, now: datetime | None = None
) -> Choice | None:
    """Return what a database is filled with; None where it has no such dataset.

    Args:
        target: The database.
        asked: The name of a dataset; None means that of the environment.
        now: The instant; None means that of the call.

    Raises:
        ConfigError: A dataset says what cannot be.
        RefusedError: It is not for this environment.
    """
    project = target.project
    sections = list_environments(project.root, project.config)
    name = asked or sections[target.environment].dataset
    if name is None:
        return None
    variable = target.database.variable
    for seeded in list_seeded(project):
        if seeded.database.variable == variable and name in seeded.datasets:
            datasets = order_for(seeded, name, project)
            check_allowed(datasets, project)
            return _describe(target.root, seeded, datasets, now or datetime.now(UTC))
    return None


def check_known(targets: Sequence[Target], asked: str) -> None:
    """Make sure that one of some databases has a dataset.

    Raises:
        UsageError: None has, with the nearest name.
    """
    project = targets[0].project
    variables = {each.database.variable for each in targets}
    seeded = [
        each for each in list_seeded(project) if each.database.variable in variables
    ]
    find_with(seeded, asked, project, is_asked=True)


def _describe(
    root: Path, seeded: Seeded, datasets: tuple[Dataset, ...], now: datetime
) -> Choice:
    files = list_inputs(datasets[-1], seeded.datasets)
    lines = [f"{path.relative_to(root)} {digest_file(path)}" for path in files]
    # What is shifted to today, or asks for the day, is another tomorrow.
    is_daily = any(each.dates for each in datasets) or any(
        _NOW in path.read_bytes() for path in files if path.suffix == ".py"
    )
    if is_daily:
        lines += [each.find_now(now).isoformat() for each in datasets]
    return Choice(datasets=datasets, digest=digest("\n".join(lines).encode()), now=now)
