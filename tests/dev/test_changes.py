"""From changed files to the processes that they concern."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.paths import StateFolder
from sceneshift.dev.changes import Changes
from sceneshift.dev.model import ProcessSpec, SetupStep, StackSpec
from sceneshift.dev.routing import Router
from sceneshift.dev.run.base import Runner
from sceneshift.dev.watch import digest
from sceneshift.dev.watch.change import Change, ChangeKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Idle(Runner):
    """A runner that runs nothing."""

    def __init__(self) -> None:
        """Have no parts."""


@dataclass
class Told:
    """What was told: changes of processes, and files of the configuration."""

    changes: list[tuple[str, tuple[str, ...], bool]] = field(default_factory=list)
    rereads: list[tuple[list[str], bool]] = field(default_factory=list)
    is_refused: bool = False

    def change(self, name: str, files: Sequence[str], *, needs_setup: bool) -> None:
        """Take a word about a process."""
        self.changes.append((name, tuple(files), needs_setup))

    def reread(self, files: Sequence[str], *, is_again: bool) -> tuple[str, ...] | None:
        """Take a word about the configuration, which concerns no process."""
        self.rereads.append((list(files), is_again))
        return None if self.is_refused else ()


def make_changes(
    root: Path, told: Told, *processes: ProcessSpec, inputs: tuple[Path, ...] = ()
) -> Changes:
    """Return what tells of a project's changes; it does not watch yet."""
    router = Router(root, digest)
    for spec in processes:
        router.add(spec.name, spec.watch)
    return Changes(
        StackSpec(
            root=root, environment="development", processes=processes, inputs=inputs
        ),
        loop=asyncio.get_running_loop(),
        router=router,
        runners={spec.name: Idle() for spec in processes},
        state=StateFolder(root),
        changed=told.change,
        reread=told.reread,
        renew=lambda _files: None,
        restore=lambda: None,
    )


def make_spec(name: str, cwd: Path, *when: str, watch: str = "") -> ProcessSpec:
    """Return a process with a run-once step for some files, or with a glob."""
    return ProcessSpec(
        name=name,
        label=f"{name}.1",
        command="c",
        cwd=cwd,
        env={},
        setup=SetupStep(run="make", when=when) if when else None,
        watch=(watch,) if watch else None,
    )


def modified(*paths: Path) -> frozenset[Change]:
    """Return the changes of files that were written."""
    return frozenset(Change(path, ChangeKind.MODIFIED) for path in paths)


@pytest.mark.parametrize(
    ("pattern", "name", "is_named"),
    [
        ("lock", "app/lock", True),
        ("./lock", "app/lock", True),
        ("../lock", "lock", True),
        ("../*/lock", "app/lock", True),
        ("**/*.sql", "app/one/two.sql", True),
        ("lock", "app/one/lock", False),
        ("../lock", "app/lock", False),
    ],
)
def test_a_step_runs_again_for_the_files_that_it_names(
    tmp_path: Path,
    pattern: str,
    name: str,
    is_named: bool,  # noqa: FBT001 - a column
) -> None:
    """Relative to the process's folder, and also above it: workspaces have such."""
    told = Told()

    async def use() -> None:
        changes = make_changes(tmp_path, told, make_spec("web", folder, pattern))
        changes.handle(modified(tmp_path / name))
        changes.close()

    folder = tmp_path / "app"
    (folder / "one").mkdir(parents=True)
    (tmp_path / name).touch()
    asyncio.run(use())
    assert told.changes == [("web", ("it never ran",), True)] * is_named


def test_a_setup_file_that_cannot_be_read_holds_up_no_other_change(
    tmp_path: Path,
) -> None:
    """Its own process is told too, whose step then says what is wrong."""
    lock, text = tmp_path / "lock", tmp_path / "a.txt"
    lock.mkdir()
    web = make_spec("web", tmp_path, "lock")
    job = make_spec("job", tmp_path, watch="*.txt")
    told = Told()

    async def use() -> None:
        changes = make_changes(tmp_path, told, web, job)
        changes.handle(modified(lock, text))
        changes.close()

    asyncio.run(use())
    (web_told, job_told) = told.changes
    assert job_told == ("job", ("a.txt",), False)
    assert (web_told[0], web_told[2]) == ("web", True)
    assert "cannot be read" in web_told[1][0]


def test_nothing_is_told_once_the_stack_is_being_closed(tmp_path: Path) -> None:
    """A save in the last moment starts nothing, while the runners are closed."""
    path = tmp_path / "pyproject.toml"
    told = Told()

    async def use() -> None:
        changes = make_changes(tmp_path, told, inputs=(path,))
        for text in ("first", "second"):
            path.write_text(text)
            changes.handle(modified(path))
            changes.close()

    asyncio.run(use())
    assert told.rereads == [(["pyproject.toml"], False)]


def test_what_is_used_once_the_stack_is_being_closed_is_not_watched(
    tmp_path: Path,
) -> None:
    """The last words of a process come while its runner is closed."""
    (tmp_path / "project").mkdir()
    watched = []

    async def use() -> None:
        changes = make_changes(tmp_path / "project", Told())
        changes.start()
        watched.append(changes.watcher.folders)
        changes.close()
        changes.add_use(str(tmp_path / "elsewhere/a.txt"))
        watched.append(changes.watcher.folders)

    asyncio.run(use())
    assert watched[0] == watched[1]


def test_a_configuration_that_is_refused_is_read_again_at_each_save(
    tmp_path: Path,
) -> None:
    """What it lacks may come with any file; taken once, it is left alone."""
    first, second, other = (tmp_path / name for name in ("a.toml", "b.env", "x.py"))
    told = Told(is_refused=True)

    async def use() -> None:
        changes = make_changes(tmp_path, told, inputs=(first, second))
        for path in (first, other, second, other):
            path.write_text("text")
            told.is_refused = len(told.rereads) < 3
            changes.handle(modified(path))
        changes.handle(modified(other))
        changes.close()

    asyncio.run(use())
    assert told.rereads == [
        (["a.toml"], False),
        (["a.toml"], True),
        (["a.toml", "b.env"], False),
        (["a.toml", "b.env"], True),
    ]


def test_what_changes_while_it_holds_is_told_afterwards(tmp_path: Path) -> None:
    """Once, all together; nothing where nothing has changed."""
    told = Told()

    async def use() -> None:
        changes = make_changes(tmp_path, told, make_spec("web", tmp_path, watch="*.c"))
        changes.hold()
        for name in ("one.c", "two.c"):
            (tmp_path / name).touch()
            changes.handle(modified(tmp_path / name))
        assert told.changes == []
        changes.release()
        changes.hold()
        changes.release()
        changes.close()

    asyncio.run(use())
    assert told.changes == [("web", ("one.c", "two.c"), False)]


def test_files_of_another_configuration_are_known_from_its_reading_on(
    tmp_path: Path,
) -> None:
    """An edit before it is taken is one afterwards; what is known is none."""
    told = Told()
    expected, known = tmp_path / ".env.other", tmp_path / "state"

    async def use() -> None:
        changes = make_changes(tmp_path, told)
        stack = StackSpec(
            root=tmp_path, environment="o", processes=(), inputs=(expected, known)
        )
        changes.expect(stack)
        expected.write_text("A=1\n")
        known.write_text("o\n")
        changes.know(known)
        changes.take(stack)
        changes.handle(modified(expected, known))
        changes.close()

    asyncio.run(use())
    assert told.rereads == [([".env.other"], False)]


def test_another_branch_is_told_before_all_else(tmp_path: Path) -> None:
    """What concerns a process then waits for what follows the branch."""
    head, text = tmp_path / ".git/HEAD", tmp_path / "a.txt"
    head.parent.mkdir()
    head.write_text("ref: refs/heads/main\n")
    text.touch()
    told = Told()

    def move() -> bool:
        told.change("head", (), needs_setup=False)
        return True

    async def use() -> None:
        changes = make_changes(tmp_path, told, make_spec("job", tmp_path, watch="*"))
        changes.watch_head(move)
        changes.handle(modified(text))
        text.write_text("another")
        changes.handle(modified(text, head))
        changes.close()

    asyncio.run(use())
    assert told.changes == [
        ("job", ("a.txt",), False),
        ("head", (), False),
        ("job", ("a.txt",), True),
    ]
