"""What is to be done, as the other side says it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Wanted(NamedTuple):
    """A dataset that is to be applied.

    Attributes:
        name: Its name.
        folder: Its folder, absolute.
        files: What is applied, in this order, absolute.
        seed: What made-up values are derived from.
        keys: The natural key of a table.
        now: The instant that its rows are seen from.
        shift_days: How far its dates are moved.
        dates: The columns that are, by table.
    """

    name: str
    folder: str
    files: Sequence[str]
    seed: int
    keys: Mapping[str, Sequence[str]]
    now: datetime
    shift_days: int
    dates: Mapping[str, Sequence[str]]


class Request(NamedTuple):
    """What is to be done.

    Attributes:
        root: The project's folder.
        url: The database, as an application names it.
        file: The same, where it is a file of SQLite; None where it is not.
        environment: The environment's name.
        is_draft: Whether nobody has the database yet: a power cut may break it.
        datasets: What it is filled with, in this order.
    """

    root: str
    url: str
    file: str | None
    environment: str
    is_draft: bool
    datasets: Sequence[Wanted]


def read_request(asked: dict[str, Any]) -> Request:
    """Return what a message asks for."""
    datasets = [
        Wanted(**{**each, "now": datetime.fromisoformat(each["now"])})
        for each in asked.pop("datasets")
    ]
    return Request(datasets=datasets, **asked)
