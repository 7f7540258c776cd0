from __future__ import annotations

from typing import TYPE_CHECKING

from demo.settings import ROOT, load_settings, parse_database_url

if TYPE_CHECKING:
    from pathlib import Path


def test_the_development_database_lies_in_the_project_wherever_one_runs() -> None:
    """Without DATABASE_URL it is `demo/var/dev.db` of this checkout."""
    settings = load_settings({})
    assert settings.database_url.database == str(ROOT / "demo/var/dev.db")
    assert settings.environment == "development"


def test_an_absolute_sqlite_path_stays_as_it_is(tmp_path: Path) -> None:
    """Only relative paths are taken from the project's folder."""
    url = parse_database_url(f"sqlite:///{tmp_path}/a.db")
    assert url.database == f"{tmp_path}/a.db"


def test_a_database_in_memory_and_a_server_have_no_path() -> None:
    """What is no file is not taken for one."""
    assert parse_database_url("sqlite:///:memory:").database == ":memory:"
    assert parse_database_url("sqlite://").database is None
    assert parse_database_url("postgresql+psycopg://h/app").database == "app"


def test_the_pace_of_the_worker_comes_from_the_environment() -> None:
    """Tests and demonstrations set how long a job takes, and how many run."""
    settings = load_settings({"DEMO_JOB_SECONDS": "0.5", "DEMO_CONCURRENCY": "7"})
    assert (settings.job_seconds, settings.concurrency) == (0.5, 7)
