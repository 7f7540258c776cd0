"""What the agent knows of gunicorn, beyond what it knows of any server.

Its arbiter listens before a worker has booted, so that listening is no readiness there.
A worker is ready when it has loaded the application; one that runs an event loop only
when that loop watches the socket, which others notice.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from sceneshift.dev.zygote.agent import Agent

# How the modules of workers with an event loop begin, `uvicorn_worker` among them.
_LATER = ("uvicorn", "gunicorn.workers.gasgi")


def adapt_arbiter(module: ModuleType, agent: Agent) -> None:
    """Wrap `Arbiter.start`, which opens the sockets, and the killing of silent workers.

    A worker says nothing while it stands at a breakpoint.
    """
    arbiter: Any = module.Arbiter
    start, murder_workers = arbiter.start, arbiter.murder_workers

    def wrapped(self: Any) -> None:
        agent.binding.is_listen_ready = False
        start(self)

    def murder_none_debugged(self: Any) -> None:
        if agent.tracer is None:
            murder_workers(self)

    arbiter.start = wrapped
    arbiter.murder_workers = murder_none_debugged


def adapt_worker(module: ModuleType, agent: Agent) -> None:
    """Wrap `Worker.load_wsgi`, after which a worker accepts."""
    worker: Any = module.Worker
    load_wsgi = worker.load_wsgi

    def wrapped(self: Any) -> None:
        load_wsgi(self)
        if not any(base.__module__.startswith(_LATER) for base in type(self).__mro__):
            agent.become_ready("gunicorn")

    worker.load_wsgi = wrapped
