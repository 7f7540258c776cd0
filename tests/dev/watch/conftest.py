"""Projects to watch, by each backend in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from watching import Project

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["inotify", "portable", "polling"])
def backend(request: pytest.FixtureRequest) -> str:
    """Each way of asking the system in turn."""
    return str(request.param)


@pytest.fixture
def project(
    tmp_path: Path, loop: asyncio.AbstractEventLoop, backend: str
) -> Iterator[Project]:
    """An empty project in a folder of its own."""
    root = tmp_path / "project"
    root.mkdir()
    project = Project(root, loop, backend)
    yield project
    for watching in project.open:
        watching.watcher.close()
