"""What holds for all tests."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

import components
from mariadb import running_mariadb
from postgresql import running_fast
from warming import serving_forks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import mariadb
    from postgresql import Running, Server

# Only where it is asked for by its name: `./inv test --vscode`.
collect_ignore = ["vscode"]


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    config.addinivalue_line(
        "markers", "cold: programs of the project run in a new interpreter each"
    )
    config.addinivalue_line(
        "markers",
        "needs(*components): chromium, docker, fish, mariadb, mount, node, "
        "postgresql, redis, sqlite3 or tmux; without it the test is skipped, and fails "
        "under CI=true",
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose component is missing; in CI nothing may be missing."""
    needed = [name for mark in item.iter_markers("needs") for name in mark.args]
    missing = [name for name in needed if components.find(name) is None]
    if not missing:
        return
    reason = f"missing on this machine: {', '.join(missing)}"
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(f"{reason}; .ci/run installs it", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def running_server() -> Iterator[Running]:
    """Return the program of a PostgreSQL server."""
    with running_fast() as running:
        yield running


@pytest.fixture(scope="session")
def server(running_server: Running) -> Server:
    """Return a PostgreSQL server; the test has declared that it needs one."""
    return running_server.server


@pytest.fixture(scope="session")
def running_mysql() -> Iterator[mariadb.Running]:
    """Return the program of a MariaDB server."""
    with running_mariadb() as running:
        yield running


@pytest.fixture(scope="session")
def mysql(running_mysql: mariadb.Running) -> mariadb.Server:
    """Return a MariaDB server; the test has declared that it needs one."""
    return running_mysql.server


@pytest.fixture(scope="session")
def warm() -> Iterator[Path]:
    """Return the folder of an interpreter that has Alembic imported already."""
    with serving_forks() as folder:
        yield folder


@pytest.fixture
def run_warm(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have projects use that one, unless the test is marked `cold`."""
    if _is_warm(request):
        monkeypatch.setenv("VIRTUAL_ENV", str(request.getfixturevalue("warm")))


@pytest.fixture
def chores_warm(
    request: pytest.FixtureRequest, run_warm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Have what commands start of our own run by it, too."""
    del run_warm
    if _is_warm(request):
        python = request.getfixturevalue("warm") / "bin/python"
        monkeypatch.setattr(sys, "executable", str(python))


def _is_warm(request: pytest.FixtureRequest) -> bool:
    """Tell whether a test may have it: its server needs what Linux has."""
    is_linux = sys.platform.startswith("linux")
    return is_linux and request.node.get_closest_marker("cold") is None
