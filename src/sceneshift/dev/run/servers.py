"""Programs that are known to accept connections."""

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
