"""Programs that are known: to accept connections, to end their own children."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sceneshift.core.program import PythonProgram

# Servers by the name of their program: not ready before they accept connections.
_SERVERS = frozenset(
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

# Programs of which only these commands serve: `flask run`, but not `flask worker`.
_VERBS = {
    "fastapi": frozenset({"dev", "run"}),
    "flask": frozenset({"run"}),
    "litestar": frozenset({"run"}),
}

# Task queues by the name of their program. Asked to end, they let their children finish
# what they do; children that are asked as well drop it, and celery then waits for them.
_TASK_QUEUES = frozenset({"celery", "dramatiq", "huey_consumer", "rq", "rqworker"})


def is_server(program: PythonProgram) -> bool:
    """Say whether a program is known to accept connections."""
    verbs = _VERBS.get(program.name)
    has_verb = verbs is None or not verbs.isdisjoint(program.argv)
    return program.name in _SERVERS and has_verb


def ends_its_children(program: PythonProgram) -> bool:
    """Say whether a program is known to end its own children, when they are done."""
    return program.name in _TASK_QUEUES
