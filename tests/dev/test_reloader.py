from __future__ import annotations

from pathlib import Path

import pytest

from sceneshift.core.program import PythonProgram
from sceneshift.dev.reloader import without_reloader


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("uvicorn", "app:app --reload --port 1", "app:app --port 1"),
        ("uvicorn", "--reload-dir src app:app --reload-delay=1", "app:app"),
        ("uvicorn", "app:app", "app:app"),
        ("gunicorn", "--reload --reload-engine poll app", "app"),
        ("flask", "--app x run -p 1", "--app x run --no-reload -p 1"),
        ("flask", "run --no-reload", "run --no-reload"),
        ("flask", "shell", "shell"),
        ("manage", "runserver 80", "runserver --noreload 80"),
        ("celery", "--reload run", "--reload run"),
    ],
)
def test_a_program_is_run_without_its_own_reloader(
    name: str, given: str, kept: str
) -> None:
    """Options with and without values; all else stays in its place."""
    program = PythonProgram(
        interpreter="/python",
        kind="script",
        target=f"/bin/{name}",
        argv=tuple(given.split()),
        cwd=Path("/"),
    )
    assert without_reloader(program).argv == tuple(kept.split())
