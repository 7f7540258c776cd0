"""Programs that are known by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from sceneshift.core.program import PythonProgram
from sceneshift.dev.run.servers import ends_its_children, is_server


def program(command: str) -> PythonProgram:
    """Return the program of `python -m` and these words."""
    name, *words = command.split()
    return PythonProgram(
        interpreter="/python", kind="module", target=name, argv=(*words,), cwd=Path("/")
    )


@pytest.mark.parametrize(
    ("command", "is_one"),
    [
        ("uvicorn app:app", True),
        ("flask --app shop run --debug", True),
        ("flask --app shop rq worker", False),
        ("fastapi dev app.py", True),
        ("litestar schema openapi", False),
        ("celery worker", False),
    ],
)
def test_a_server_is_told_by_its_name_and_command(
    command: str,
    is_one: bool,  # noqa: FBT001 - a column
) -> None:
    """What is taken for one is not ready before it accepts connections."""
    assert is_server(program(command)) is is_one


def test_a_task_queue_ends_its_own_children() -> None:
    """A server leaves that to whoever stops it."""
    assert ends_its_children(program("celery -A app worker"))
    assert not ends_its_children(program("gunicorn app:app"))
