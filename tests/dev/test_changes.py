"""From changed files to the processes that they concern."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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

    from sceneshift.dev.history import Cause


class Idle(Runner):
    """A runner that runs nothing."""

    def __init__(self) -> None:
        """Have no parts."""


@dataclass
class Told:
    """What was told of which process."""

    changes: list[tuple[str, tuple[str, ...], bool]] = field(default_factory=list)

    def __call__(
        self,
        name: str,
        files: Sequence[str],
        *,
        cause: Cause = "change",
        needs_setup: bool = False,
    ) -> None:
        """Take a word."""
        assert cause == "change"
        self.changes.append((name, tuple(files), needs_setup))


def test_a_setup_file_that_cannot_be_read_holds_up_no_other_change(
    tmp_path: Path,
) -> None:
    """Its own process is told too, whose step then says what is wrong."""
    (tmp_path / "lock").mkdir()
    step = SetupStep(run="make", when=("lock",))
    web = ProcessSpec(
        name="web", label="web.1", command="w", cwd=tmp_path, env={}, setup=step
    )
    job = ProcessSpec(name="job", label="job.1", command="j", cwd=tmp_path, env={})
    told = Told()

    async def main() -> None:
        router = Router(tmp_path, digest)
        router.add("web")
        router.add("job", ("*.txt",))
        changes = Changes(
            StackSpec(root=tmp_path, environment="development", processes=(web, job)),
            loop=asyncio.get_running_loop(),
            router=router,
            runners={"web": Idle(), "job": Idle()},
            state=StateFolder(tmp_path),
            changed=told,
            reread=lambda _files: None,
            renew=lambda _files: None,
            restore=lambda: None,
        )
        lock, text = tmp_path / "lock", tmp_path / "a.txt"
        changes.handle(
            frozenset(Change(path, ChangeKind.MODIFIED) for path in (lock, text))
        )
        changes.close()

    asyncio.run(main())
    (web_told, job_told) = told.changes
    assert job_told == ("job", ("a.txt",), False)
    assert (web_told[0], web_told[2]) == ("web", True)
    assert "cannot be read" in web_told[1][0]


def test_nothing_is_told_once_the_stack_is_being_closed(tmp_path: Path) -> None:
    """A save in the last moment starts nothing, while the runners are closed."""
    path = tmp_path / "pyproject.toml"
    rereads: list[str] = []

    async def use() -> None:
        changes = Changes(
            StackSpec(
                root=tmp_path, environment="development", processes=(), inputs=(path,)
            ),
            loop=asyncio.get_running_loop(),
            router=Router(tmp_path, digest),
            runners={},
            state=StateFolder(tmp_path),
            changed=lambda *_args, **_options: None,
            reread=lambda _files: rereads.append(path.read_text()),
            renew=lambda _files: None,
            restore=lambda: None,
        )
        for text in ("first", "second"):
            path.write_text(text)
            changes.handle(frozenset({Change(path, ChangeKind.MODIFIED)}))
            changes.mute()
        changes.close()

    asyncio.run(use())
    assert rereads == ["first"]
