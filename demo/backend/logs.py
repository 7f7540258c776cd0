"""What the log leaves out."""

from __future__ import annotations

import logging

# What pages and supervisors ask every second or so.
_POLLED = ("/api/overview", "/health")


class QuietPolling(logging.Filter):
    """Drops the access log's lines about successful polling."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False for `(client, method, path, version, status)` of a poll."""
        if not isinstance(record.args, tuple) or len(record.args) != 5:
            return True
        _, method, path, _, status = record.args
        is_poll = method == "GET" and str(path).partition("?")[0] in _POLLED
        return not (is_poll and status == 200)


def quiet_polling() -> None:
    """Keep polling out of uvicorn's access log."""
    logger = logging.getLogger("uvicorn.access")
    if not any(isinstance(each, QuietPolling) for each in logger.filters):
        logger.addFilter(QuietPolling())
