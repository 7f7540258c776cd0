"""Programs that are known: to accept connections, to end their own children."""

from __future__ import annotations

# Servers by the name of their program: not ready before they accept connections.
SERVERS = frozenset(
    {
        "aiohttp.web",
        "daphne",
        "fastapi",
        "flask",
        "gunicorn",
        "http.server",
        "hypercorn",
        "litestar",
        "sanic",
        "uvicorn",
        "waitress-serve",
    }
)

# Task queues by the name of their program. Asked to end, they let their children finish
# what they do; children that are asked as well drop it, and celery then waits for them.
TASK_QUEUES = frozenset({"celery", "dramatiq", "huey_consumer", "rq", "rqworker"})
