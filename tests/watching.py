"""A watcher with a loop of its own, for tests that change real files."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sceneshift.dev.watch import Change, ChangeKind, Watcher
from sceneshift.dev.watch.polling import PollingBackend
from sceneshift.dev.watch.portable import PortableBackend

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MARK = "mark-"
KINDS = {
    ChangeKind.CREATED: "+",
    ChangeKind.MODIFIED: "*",
    ChangeKind.DELETED: "-",
}


@dataclass
class Watching:
    """A watcher at work, and what it told.

    Attributes:
        root: The watched project.
        loop: The loop it lives in; it runs only inside `until`.
        sets: The sets of changes in their order.
        watcher: The watcher.
    """

    root: Path
    loop: asyncio.AbstractEventLoop
    backend: Any
    sets: list[frozenset[Change]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    watcher: Watcher = field(init=False)

    def __post_init__(self) -> None:
        self.watcher = Watcher(
            self.root,
            self.sets.append,
            loop=self.loop,
            backend=self.backend,
            on_trouble=lambda error: self.troubles.append(error.message),
        )

    @property
    def told(self) -> set[str]:
        """All that was told: `+new`, `*modified`, `-gone`, relative to the root."""
        return set().union(*(self.show(changes) for changes in self.sets))

    def show(self, changes: frozenset[Change]) -> set[str]:
        """Return one set in that short form."""
        return {
            KINDS[each.kind] + os.path.relpath(each.path, self.root)
            for each in changes
            if not each.path.name.startswith(MARK)
        }

    def until(self, predicate: Callable[[], object], deadline_s: float = 20.0) -> None:
        """Run the loop until something holds."""

        async def wait() -> None:
            deadline = time.monotonic() + deadline_s
            while not predicate():
                assert time.monotonic() < deadline, f"never came: {self.sets[-3:]}"
                await asyncio.sleep(0.002)

        self.loop.run_until_complete(wait())

    def until_told(self, *expected: str) -> None:
        """Run the loop until all of these have been told."""
        self.until(lambda: set(expected) <= self.told)

    def pass_by(self) -> None:
        """Run the loop until everything that happened so far has been told."""
        mark = self.root / f"{MARK}{time.monotonic_ns()}"
        mark.touch()
        self.until(lambda: mark in {each.path for told in self.sets for each in told})

    def restart(self) -> None:
        """Forget what was told."""
        self.sets.clear()


@dataclass
class Project:
    """Makes watchers for one folder and closes them at the end."""

    root: Path
    loop: asyncio.AbstractEventLoop
    backend: str
    open: list[Watching] = field(default_factory=list)

    def watch(self) -> Watching:
        """Watch from here on."""
        watching = Watching(self.root, self.loop, self._backend())
        self.open.append(watching)
        watching.watcher.start()
        return watching

    def write(self, files: dict[str, str]) -> None:
        """Write files, with the folders they need."""
        write(self.root, files)

    def _backend(self) -> object:
        if self.backend == "polling":
            return PollingBackend(self.loop, delay_s=0.02)
        if self.backend == "recursive":
            return PortableBackend(self.loop, str(self.root), is_recursive=True)
        return self.backend


def write(root: Path, files: dict[str, str]) -> None:
    """Write `{path: content}` below a folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def replace(path: Path, content: str) -> None:
    """Save by writing a file beside it and renaming."""
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(content)
    beside.replace(path)


def git(root: Path, *words: str) -> str:
    """Run git in a folder, without the user's own settings."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.org",
    }
    done = subprocess.run(
        ("git", *words), cwd=root, env=env, capture_output=True, text=True, check=True
    )
    return done.stdout
