from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.model import ProcessSpec, ReloadPolicy
from sceneshift.dev.run.choice import Choice, choose

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = f"{sys.executable} -m app"
VITE = "vite --port $PORT"


def choose_for(
    root: Path,
    command: str,
    reload: ReloadPolicy,
    watch: tuple[str, ...] | None = None,
) -> Choice:
    """Return how a process of a project is run."""
    path = f"{root}{os.pathsep}{os.environ['PATH']}"
    spec = ProcessSpec(
        name="web",
        label="web.1",
        command=command,
        cwd=root,
        env={"PATH": path, "PORT": "5000"},
        reload=reload,
        watch=watch,
    )
    return choose(spec, root)


@pytest.fixture(name="root")
def make_root(tmp_path: Path) -> Path:
    """Return a folder with a program `vite`."""
    program = tmp_path / "vite"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return tmp_path


def test_python_is_forked_for_the_files_that_it_uses(root: Path) -> None:
    """Without a word in the configuration."""
    choice = choose_for(root, PYTHON, ReloadPolicy.AUTO)
    assert choice.program is not None
    assert (choice.reason, choice.globs) == (None, None)


def test_cold_is_a_fresh_interpreter_for_the_same_files(root: Path) -> None:
    """The zygote's program is known, and not forked."""
    choice = choose_for(root, PYTHON, ReloadPolicy.COLD)
    assert choice.program is not None
    assert choice.reason == "`reload` is set to cold"
    assert choice.globs is None


def test_off_is_never(root: Path) -> None:
    """Whatever `watch` says."""
    assert choose_for(root, PYTHON, ReloadPolicy.OFF, ("*.py",)).globs == ()


@pytest.mark.parametrize("policy", [ReloadPolicy.AUTO, ReloadPolicy.SELF])
def test_a_known_reloader_is_restarted_for_its_configuration(
    root: Path, policy: ReloadPolicy
) -> None:
    """Vite takes care of its own sources."""
    choice = choose_for(root, VITE, policy)
    assert choice.reason == "it reloads itself"
    assert choice.globs is not None
    assert "vite.config.*" in choice.globs
    assert "*.ts" not in choice.globs


@pytest.mark.parametrize("watch", [None, ("settings.toml",)])
def test_self_holds_for_any_program(root: Path, watch: tuple[str, ...] | None) -> None:
    """A Python program that reloads itself is not reloaded for the files it uses."""
    choice = choose_for(root, PYTHON, ReloadPolicy.SELF, watch)
    assert choice.reason == "it reloads itself"
    assert choice.program is None
    assert choice.globs == (watch or ())
