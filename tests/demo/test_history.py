"""pytest-alembic's four checks, on the demo's migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic.config import Config
from pytest_alembic.tests import (
    test_model_definitions_match_ddl,
    test_single_head_revision,
    test_up_down_consistency,
    test_upgrade,
)
from sqlalchemy.engine import make_url

from demo.database import make_engine, writer
from demo.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

__all__ = [
    "test_model_definitions_match_ddl",
    "test_single_head_revision",
    "test_up_down_consistency",
    "test_upgrade",
]


@pytest.fixture
def alembic_config() -> Config:
    """Return the demo's configuration."""
    return Config(str(ROOT / "demo/alembic.ini"))


@pytest.fixture
def alembic_engine(tmp_path: Path) -> Iterator[Connection]:
    """Return a connection to an empty database: what env.py takes from who calls it."""
    engine = make_engine(make_url(f"sqlite:///{tmp_path}/empty.db"), foreign_keys=False)
    with writer(engine).connect() as connection:
        yield connection
    engine.dispose()
