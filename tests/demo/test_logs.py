from __future__ import annotations

import logging

import pytest

from demo.backend.logs import QuietPolling, quiet_polling


def make_record(
    method: str = "GET", path: str = "/health", status: int = 200, at: float = 0.0
) -> logging.LogRecord:
    """Make a record as uvicorn's access log does."""
    arguments = ("127.0.0.1:1", method, path, "1.1", status)
    record = logging.LogRecord("a", logging.INFO, "f", 1, "%s", arguments, None)
    record.created = at
    return record


def test_polling_is_told_once() -> None:
    """It is told again after nobody asked for a while."""
    quiet = QuietPolling()
    told = [quiet.filter(make_record(at=at)) for at in (100, 105, 114, 125)]
    assert told == [True, False, False, True]


@pytest.mark.parametrize(("method", "status"), [("POST", 200), ("GET", 503)])
def test_changes_and_errors_are_always_told(method: str, status: int) -> None:
    """Only a successful GET is a poll."""
    quiet = QuietPolling()
    records = [make_record(method, status=status) for _ in range(2)]
    assert all(quiet.filter(record) for record in records)


def test_other_records_pass() -> None:
    """A record of another shape is none of its business."""
    record = logging.LogRecord("a", logging.INFO, "f", 1, "hello", None, None)
    assert QuietPolling().filter(record)


def test_what_it_remembers_is_bounded() -> None:
    """Many different paths do not fill the memory."""
    quiet = QuietPolling()
    for number in range(500):
        quiet.filter(make_record(path=f"/{number}"))
    assert len(quiet._asked_at) < 150


def test_it_is_added_once() -> None:
    """Making the application twice does not filter twice."""
    quiet_polling()
    quiet_polling()
    filters = logging.getLogger("uvicorn.access").filters
    assert sum(isinstance(each, QuietPolling) for each in filters) == 1
