"""What tests of databases share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postgresql import serving_postgresql
from stacks import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgresql import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Return a PostgreSQL server; the test has declared that it needs one."""
    with serving_postgresql() as server:
        yield server


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Return a project without a database, of which nothing is left running."""
    project = Project(tmp_path / "shop", {})
    yield project
    project.close()
