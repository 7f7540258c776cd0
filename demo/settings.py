"""What the demo reads from its environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.engine import URL

ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds the package `demo`."""

_DEVELOPMENT_URL = "sqlite:///demo/var/dev.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The demo's configuration.

    Attributes:
        database_url: Where the data is; a SQLite file's path is absolute.
        job_seconds: How long a simulated job takes; None lets the task decide.
        concurrency: How many tasks one worker runs at a time.
        environment: Name of the environment that is shown to people.
    """

    database_url: URL
    job_seconds: float | None = None
    concurrency: int = 3
    environment: str = "development"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ`, the process's own if not given."""
    values = os.environ if environ is None else environ
    job_seconds = values.get("DEMO_JOB_SECONDS")
    return Settings(
        database_url=parse_database_url(values.get("DATABASE_URL") or _DEVELOPMENT_URL),
        job_seconds=float(job_seconds) if job_seconds else None,
        concurrency=int(values.get("DEMO_CONCURRENCY") or 3),
        environment=values.get("SCENESHIFT_ENV") or "development",
    )


def parse_database_url(text: str) -> URL:
    """Return the URL, with a relative SQLite path taken from the project's folder.

    Processes, migrations and seeds may run in different folders and still
    mean one file.
    """
    url = make_url(text)
    path = url.database
    if url.get_backend_name() != "sqlite" or not path or path == ":memory:":
        return url
    return url.set(database=str(ROOT / path))
