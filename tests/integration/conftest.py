"""The commands in projects of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reloading import Stack
from stacks import Project
from switching import Slow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from stacks import MakeProject


@pytest.fixture
def make_project(tmp_path: Path) -> Iterator[MakeProject]:
    """Return what makes projects, of which nothing is left after the test."""
    made: list[Project] = []

    def make(
        files: Mapping[str, str] | None = None,
        *,
        processes: Mapping[str, str] | None = None,
        settings: str = "",
        folder: str = "project",
        **variables: str,
    ) -> Project:
        content = dict(files or {})
        if processes is not None:
            lines = [f"{name}: {command}\n" for name, command in processes.items()]
            content["Procfile.dev"] = "".join(lines)
        if settings:
            content["pyproject.toml"] = settings
        made.append(Project(tmp_path / folder, content, variables))
        return made[-1]

    yield make
    for project in made:
        project.close()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Return a project in a folder of its own; it is ended, and leaves nothing."""
    root = tmp_path / "project"
    root.mkdir()
    stack = Stack(root)
    yield stack
    stack.close()


@pytest.fixture(name="slow")
def begin_slow_switch(stack: Stack) -> Iterator[Slow]:
    """Return a switch that is under way."""
    slow = Slow(stack)
    yield slow
    slow.close()
