"""What tests of datasets share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seeding import TABLES, Place

if TYPE_CHECKING:
    from pathlib import Path

    from postgresql import Server


@pytest.fixture
def file(tmp_path: Path) -> Place:
    """Return a file of SQLite with some tables."""
    place = Place(tmp_path, f"sqlite:///{tmp_path}/dev.db")
    place.run(TABLES)
    return place


@pytest.fixture
def postgresql(tmp_path: Path, server: Server) -> Place:
    """Return a database of PostgreSQL with the same tables."""
    place = Place(tmp_path, server.url(server.make()), server)
    place.run(TABLES)
    return place


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))]
)
def place(request: pytest.FixtureRequest) -> Place:
    """Return both, one after the other."""
    name = "file" if request.param == "sqlite" else "postgresql"
    found: Place = request.getfixturevalue(name)
    return found
