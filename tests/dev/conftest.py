"""What tests of several parts of a stack need."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from errorpages import make_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sceneshift.dev.failure import ErrorReport


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that the test runs itself."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def report(tmp_path: Path) -> ErrorReport:
    """A failure in a file with markup in it."""
    return make_report(tmp_path)
