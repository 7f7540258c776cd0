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


@pytest.mark.parametrize("command", ["python -m http.server", "python -c 1 | cat"])
def test_what_is_to_be_watched_counts_more_than_what_is_guessed(
    tmp_path: Path, command: str
) -> None:
    """Nor does it matter what the process reports."""
    watched = _spec(tmp_path, command, watch=("*.toml",))
    assert choose(watched, tmp_path).globs == ("*.toml",)


def test_off_is_never(tmp_path: Path) -> None:
    """Whatever `watch` says."""
    off = _spec(tmp_path, "python -m http.server", ReloadPolicy.OFF, ("*.py",))
    assert choose(off, tmp_path).globs == ()


def test_cold_is_a_fresh_interpreter_for_the_same_files(tmp_path: Path) -> None:
    """The program is known, and not forked."""
    cold = _spec(tmp_path, "python -m http.server", ReloadPolicy.COLD)
    choice = choose(cold, tmp_path)
    assert choice.program is not None
    assert (choice.reason, choice.globs) == ("`reload` is set to cold", None)


@pytest.mark.parametrize("policy", [ReloadPolicy.AUTO, ReloadPolicy.SELF])
def test_a_known_reloader_is_restarted_for_its_configuration(
    tmp_path: Path, policy: ReloadPolicy
) -> None:
    """Vite takes care of its own sources."""
    choice = choose(_spec(tmp_path, "vite --port $PORT", policy), tmp_path)
    assert (choice.program, choice.reason) == (None, "it reloads itself")
    assert choice.globs is not None
    assert "vite.config.*" in choice.globs
    assert "*.ts" not in choice.globs


@pytest.mark.parametrize("watch", [None, ("settings.toml",)])
def test_self_holds_for_any_program(
    tmp_path: Path, watch: tuple[str, ...] | None
) -> None:
    """A Python program that reloads itself is not reloaded for the files it uses."""
    spec = _spec(tmp_path, "python -m app", ReloadPolicy.SELF, watch)
    choice = choose(spec, tmp_path)
    assert (choice.program, choice.reason) == (None, "it reloads itself")
    assert choice.globs == (watch or ())
