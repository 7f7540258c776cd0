"""What tests of databases share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stacks import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def always_warm(run_warm: None) -> None:
    """Have what is Alembic's, and what fills databases, run by a warm interpreter."""
    del run_warm


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Return a project without a database, of which nothing is left running."""
    project = Project(tmp_path / "shop", {})
    yield project
    project.close()
