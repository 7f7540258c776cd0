"""Databases that follow git, before their processes start."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from branching import git
from sceneshift.core.following import LATER, LEFT, MADE
from sceneshift.core.paths import StateFolder
from sceneshift.dev.following import Following
from staging import open_spawner, write_web

if TYPE_CHECKING:
    from pathlib import Path


PROGRAM = "sceneshift.data.branches.program"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a repository."""
    git(tmp_path, "init", "-q", "-b", "main")
    return tmp_path


def follow(root: Path, module: str, *, follows: bool = True) -> tuple[list[bool], str]:
    """Have two processes follow, and once more on another branch."""
    said: list[str] = []
    spec = replace(write_web(root), follows=follows)
    spec = replace(spec, env={**spec.env, "SCENESHIFT_ENV": "development"})

    async def use() -> list[bool]:
        async with open_spawner() as spawner:
            following = Following(module, spawner=spawner, state=StateFolder(root))
            both = (following.ensure(spec, said.append) for _ in range(2))
            first = await asyncio.gather(*both)
            git(root, "checkout", "-q", "--orphan", "other")
            return [*first, await following.ensure(spec, said.append)]

    return asyncio.run(use()), "; ".join(said)


def test_it_is_done_once_for_each_branch(root: Path) -> None:
    """Whoever comes second waits for the first, and has nothing to do."""
    found, said = follow(root, "this")  # it ends with 0, and says something
    assert found == [False, False, False]
    assert said.count("Beautiful is better than ugly") == 2


def test_a_server_that_comes_later_is_tried_again(root: Path) -> None:
    """For who comes later, and not for those that have waited."""
    (root / "pyproject.toml").write_text(
        "[tool.sceneshift.environments.development]\n"
        'databases = { default = "postgresql://127.0.0.1:1/shop" }\n'
        "[tool.sceneshift.databases.default]\nfollow_branch = true\n"
    )
    (root / "Procfile.dev").write_text("web: sleep 9\n")
    said: list[str] = []
    spec = replace(write_web(root), follows=True)
    spec = replace(spec, env={**spec.env, "SCENESHIFT_ENV": "development"})

    async def use() -> list[float]:
        async with open_spawner() as spawner:
            following = Following(PROGRAM, spawner=spawner, state=StateFolder(root))
            both = (following.ensure(spec, said.append) for _ in range(2))
            assert await asyncio.gather(*both) == [False, False]
            times = [following._last["development"].ended_at]
            assert not await following.ensure(spec, said.append)
            return [*times, following._last["development"].ended_at]

    first, second = asyncio.run(use())
    assert first < second
    assert said == []


@pytest.mark.parametrize(
    ("status", "has_moved", "is_filled_again"),
    [
        (LEFT, True, False),
        (MADE, True, True),
        (LEFT + MADE + LATER, True, True),
        (LATER, False, False),
        (1, False, False),
    ],
)
def test_what_was_left_is_not_filled_again(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    *,
    has_moved: bool,
    is_filled_again: bool,
) -> None:
    """Its set-up was done before it was left, and rows were changed since."""
    words = [sys.executable, "-c", f"raise SystemExit({status})"]
    forgotten: list[StateFolder] = []
    monkeypatch.setattr("sceneshift.dev.errand.list_words", lambda _: words)
    monkeypatch.setattr("sceneshift.dev.following.forget_filled", forgotten.append)
    found, _ = follow(root, "ending")
    assert found[0] is has_moved
    assert bool(forgotten) is is_filled_again


def test_what_cannot_run_is_told(root: Path) -> None:
    """With what Python says of it; the processes go on."""
    found, said = follow(root, "nowhere")
    assert found == [False, False, False]
    assert "No module named nowhere" in said


def test_nothing_runs_for_those_that_do_not_follow(root: Path) -> None:
    """Nor where nobody has said what does it."""
    assert follow(root, "nowhere", follows=False) == ([False] * 3, "")
    git(root, "checkout", "-q", "--orphan", "main")
    assert follow(root, "") == ([False] * 3, "")


def test_a_program_that_cannot_be_started_is_told(root: Path) -> None:
    """As where there are too many processes."""

    class Full:
        """Starts nothing."""

        async def spawn(self, *_argv: object, **_more: object) -> None:
            """Fail."""
            raise OSError(11, "Resource temporarily unavailable")

    said: list[str] = []
    spec = replace(write_web(root), follows=True, env={"SCENESHIFT_ENV": "staging"})
    full: Any = Full()

    async def use() -> None:
        following = Following("this", spawner=full, state=StateFolder(root))
        assert not await following.ensure(spec, said.append)

    asyncio.run(use())
    assert said[0].startswith("databases cannot follow git: [Errno 11]")
