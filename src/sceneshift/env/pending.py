"""Migrations that an environment lacks, as the module tells that knows of them.

It is another room's, so it is found by its name, and need not be there.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import BusyError, SceneshiftError
from sceneshift.core.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sceneshift.env.switch import SwitchRequest

_LIMIT_S = 10.0
_SILENCE_S, _AGAIN_S = 1.0, 10.0


class Pending(Protocol):
    """The migrations of one database."""

    @property
    def database(self) -> str:
        """The database's name."""
        ...

    @property
    def revisions(self) -> tuple[str, ...]:
        """Those that it lacks, or has been given."""
        ...

    @property
    def problem(self) -> str | None:
        """Why that cannot be told; None where it can."""
        ...


class Migrations(Protocol):
    """What knows of migrations."""

    def find_pending(
        self, root: Path, environ: Mapping[str, str], environment: str
    ) -> Sequence[Pending]:
        """Return what the databases of an environment lack."""
        ...

    def migrate(
        self, root: Path, environ: Mapping[str, str], environment: str
    ) -> Sequence[Pending]:
        """Apply that, and return what was applied."""
        ...


def load_migrations(name: str | None) -> Migrations | None:
    """Return the module of that name; None where there is none."""
    if not name:
        return None
    try:
        return cast("Migrations", importlib.import_module(name))
    except ModuleNotFoundError as error:
        if f"{name}.".startswith(f"{error.name}."):
            return None
        raise


def find_pending(
    request: SwitchRequest, name: str, limit_s: float = _LIMIT_S
) -> list[dict[str, Any]]:
    """Return which migrations an environment lacks, a database an entry.

    What goes wrong is no failure of a switch that is done: it is an entry, too.

    Args:
        request: What was asked for.
        name: The environment's own name.
        limit_s: Seconds after which a database that does not answer is let be.
    """
    from sceneshift.env.sidebyside import Job  # noqa: PLC0415 - after the switch

    job = Job(partial(_find, request, name))
    if not job.wait(min(_SILENCE_S, limit_s)):
        StreamConsole().note("looking for pending migrations")
    if not job.wait(limit_s):
        return [_describe_problem(f"nothing was found within {limit_s:g} s")]
    if isinstance(job.error, SceneshiftError):
        return [_describe_problem(job.error.message)]
    if job.error is not None:
        return [_describe_problem(f"{type(job.error).__name__}: {job.error}")]
    return job.result or []


def _find(request: SwitchRequest, name: str) -> list[dict[str, Any]]:
    migrations = load_migrations(request.migrations)
    if migrations is None:
        return []
    found = migrations.find_pending(request.root, request.environ, name)
    return _describe(found, is_applied=False)


def apply_pending(request: SwitchRequest, name: str) -> list[dict[str, Any]]:
    """Apply the migrations that an environment lacks; return which those were.

    Raises:
        BusyError: Another one is at it.
        SceneshiftError: They cannot be, and nothing was switched.
    """
    migrations = load_migrations(request.migrations)
    if migrations is None:
        return []
    try:
        with _telling(f"applying migrations to {quote(name)}"):
            applied = migrations.migrate(request.root, request.environ, name)
    except SceneshiftError as error:
        kind = BusyError if isinstance(error, BusyError) else SceneshiftError
        message = f"not switched to {quote(name)}: {error.message}"
        raise kind(message, hint=error.hint) from error
    return _describe(applied, is_applied=True)


@contextlib.contextmanager
def _telling(what: str) -> Iterator[None]:
    """Tell people from time to time what takes long: a table that is locked, too."""
    done = threading.Event()
    thread = threading.Thread(target=_tell, args=(what, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _tell(what: str, done: threading.Event) -> None:
    began, pause_s = time.monotonic(), _SILENCE_S
    while not done.wait(pause_s):
        StreamConsole().note(f"{time.monotonic() - began:.0f} s: {what}")
        pause_s = _AGAIN_S


def _describe(found: Sequence[Pending], *, is_applied: bool) -> list[dict[str, Any]]:
    return [
        {
            "database": each.database,
            "revisions": list(each.revisions),
            "is_applied": is_applied and each.problem is None,
            "problem": each.problem,
        }
        for each in found
    ]


def _describe_problem(problem: str) -> dict[str, Any]:
    return {
        "database": None,
        "revisions": [],
        "is_applied": False,
        "problem": problem,
    }
