"""What the log leaves out."""

from __future__ import annotations

import logging

_QUIET_S = 10.0
_KNOWN_PATHS = 100


class QuietPolling(logging.Filter):
    """Drops the access log's lines about polling.

    A successful GET is told when it is asked for the first time, and again
    once nobody asked for it in 10 s.
    """

    def __init__(self) -> None:
        super().__init__()
        self._asked_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False for `(client, method, path, version, status)` of a poll."""
        if not isinstance(record.args, tuple) or len(record.args) != 5:
            return True
        _, method, path, _, status = record.args
        if method != "GET" or status != 200:
            return True
        before = self._asked_at.get(str(path), float("-inf"))
        if len(self._asked_at) > _KNOWN_PATHS:
            self._asked_at.clear()
        self._asked_at[str(path)] = record.created
        return record.created - before > _QUIET_S


def quiet_polling() -> None:
    """Keep polling out of uvicorn's access log."""
    logger = logging.getLogger("uvicorn.access")
    if not any(isinstance(each, QuietPolling) for each in logger.filters):
        logger.addFilter(QuietPolling())
