"""How processes are run, and why."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sceneshift.dev.model import ProcessSpec, ReloadPolicy
from sceneshift.dev.run.choice import ANY_SOURCE, choose
from sceneshift.dev.zygote import workers


def _spec(
    root: Path,
    command: str,
    policy: ReloadPolicy = ReloadPolicy.AUTO,
    watch: tuple[str, ...] | None = None,
) -> ProcessSpec:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return ProcessSpec(
        name="web",
        label="web.1",
        command=command,
        cwd=root,
        env={"PATH": path},
        reload=policy,
        watch=watch,
    )


def test_a_python_program_is_forked_and_reports_what_it_uses(tmp_path: Path) -> None:
    """There is nothing to declare."""
    choice = choose(_spec(tmp_path, "python -m http.server"), tmp_path)
    assert choice.program is not None
    assert (choice.reason, choice.globs) == (None, None)


@pytest.mark.parametrize(
    "command", ["python -m http.server | cat", "cd . ; uvicorn app:app"]
)
def test_python_that_only_a_shell_can_start_restarts_at_any_source(
    tmp_path: Path, command: str
) -> None:
    """Nothing reports what it uses, and a save must not be lost on it."""
    choice = choose(_spec(tmp_path, command), tmp_path)
    assert choice.program is None
    assert choice.globs == ANY_SOURCE


def test_a_command_that_is_no_python_is_restarted_by_nothing(tmp_path: Path) -> None:
    """A database server does not read sources."""
    assert choose(_spec(tmp_path, "sleep 5"), tmp_path).globs == ()


@pytest.mark.parametrize(
    ("command", "is_left"),
    [
        ("uvicorn app:app --workers 2", True),
        ("uvicorn app:app --workers=4", True),
        ("uvicorn app:app --workers 1", False),
        ("uvicorn app:app", False),
        ("hypercorn app:app", True),
        ("hypercorn app:app -w0", False),
        ("gunicorn app:app -w 2", False),
    ],
)
def test_workers_that_are_fresh_interpreters_are_left_to_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, *, is_left: bool
) -> None:
    """They would report nothing and hold no socket; on Linux they are forks."""
    spec = _spec(tmp_path, command)
    assert choose(spec, tmp_path).program is not None
    monkeypatch.setattr(workers, "IS_FORK_SAFE", False)
    choice = choose(spec, tmp_path)
    assert (choice.program is None) is is_left
    assert choice.reason == ("its workers are fresh interpreters" if is_left else None)


def test_what_is_configured_counts_more_than_what_is_guessed(tmp_path: Path) -> None:
    """`watch` and `reload` have the last word."""
    watched = _spec(tmp_path, "python -c 1 | cat", watch=("*.toml",))
    assert choose(watched, tmp_path).globs == ("*.toml",)
    off = _spec(tmp_path, "python -m http.server", ReloadPolicy.OFF)
    assert choose(off, tmp_path).globs == ()
    cold = _spec(tmp_path, "python -m http.server", ReloadPolicy.COLD)
    assert choose(cold, tmp_path).reason == "`reload` is set to cold"
