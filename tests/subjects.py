"""What checks look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.check import Subject, find_none
from sceneshift.core.project import load_project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from sceneshift.core.check import Maker


def read_subject(
    root: Path,
    environment: str | None = None,
    *,
    is_next: bool = False,
    is_migrated: bool = False,
    find_makers: Callable[[], Iterable[Maker]] = find_none,
) -> Subject:
    """Return a project, as checks get it."""
    return Subject(
        project=load_project(
            root, environ={}, environment=environment, is_looking=True
        ),
        environ={},
        is_next=is_next,
        is_migrated=is_migrated,
        find_makers=find_makers,
    )
