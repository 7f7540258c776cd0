"""Steps that run once for each content of their files."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import StateFolder
from sceneshift.dev.model import SetupStep
from sceneshift.dev.setup import SetupError, plan_setup, run_setup
from spawning import PlainSpawner
from support import until

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.dev.setup import SetupAction

COUNT = "echo x >> count"


class Project:
    """A folder with set-up steps."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = StateFolder(root)
        self.spawner = PlainSpawner()
        self.output: list[bytes] = []

    def plan(
        self, run: str = COUNT, *when: str, name: str = "web", cwd: str = "."
    ) -> SetupAction | None:
        """Plan a step."""
        step = SetupStep(run=run, when=when)
        folder = self.root if cwd == "." else self.root / cwd
        return plan_setup(step, name=name, cwd=folder, state=self.state)

    async def apply(self, action: SetupAction | None) -> None:
        """Run what was planned."""
        assert action is not None
        env = {"PATH": os.environ["PATH"]}
        await run_setup(action, spawn=self.spawner, env=env, output=self.output.append)

    def run(self, run: str = COUNT, *when: str, name: str = "web") -> None:
        """Plan a step, which has to run, and run it."""
        asyncio.run(self.apply(self.plan(run, *when, name=name)))

    def reason(self, run: str = COUNT, *when: str, name: str = "web") -> str | None:
        """Say why a step would run."""
        action = self.plan(run, *when, name=name)
        return None if action is None else action.reason

    @property
    def runs(self) -> int:
        """How often the counting step ran."""
        return len((self.root / "count").read_text().split())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project."""
    return Project(tmp_path)


def test_a_step_without_files_runs_once_for_its_command(project: Project) -> None:
    """The command itself is what it is keyed on."""
    assert project.reason() == "it never ran"
    project.run()
    assert project.reason() is None
    assert project.reason("echo other") == "its command changed"


def test_a_step_runs_again_when_a_file_has_another_content(project: Project) -> None:
    """The content counts, and not the time."""
    file = project.root / "lock"
    file.write_text("1")
    project.run(COUNT, "lock")
    os.utime(file, (1, 1))
    assert project.reason(COUNT, "lock") is None
    file.write_text("2")
    assert project.reason(COUNT, "lock") == "lock changed"


def test_a_missing_file_is_a_content_of_its_own(project: Project) -> None:
    """A file that comes or goes is a change."""
    project.run(COUNT, "lock")
    assert project.reason(COUNT, "lock") is None
    (project.root / "lock").touch()
    assert project.reason(COUNT, "lock") == "lock changed"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.txt", {"a.txt"}),
        ("**/*.txt", {"a.txt", "one/b.txt", "one/two/c.txt"}),
        ("one/**", {"one/b.txt", "one/two/c.txt", "one/d.md"}),
        ("one/*/?.txt", {"one/two/c.txt"}),
        ("one/../[a].txt", {"a.txt"}),
        ("**/two/**", {"one/two/c.txt"}),
        ("none/*", set[str]()),
    ],
)
def test_globs_name_files(pattern: str, found: set[str], project: Project) -> None:
    """`**` is any number of folders, but not those that steps fill."""
    for name in ("a.txt", "one/b.txt", "one/two/c.txt", "one/d.md"):
        (project.root / name).parent.mkdir(parents=True, exist_ok=True)
        (project.root / name).touch()
    (project.root / "node_modules").mkdir()
    (project.root / "node_modules" / "e.txt").touch()
    action = project.plan(COUNT, pattern)
    assert action is not None
    assert set(action.files) == found


def test_a_glob_sees_a_new_file(project: Project) -> None:
    """A migration that comes in is a change."""
    (project.root / "a.sql").touch()
    project.run(COUNT, "*.sql")
    (project.root / "b.sql").touch()
    assert project.reason(COUNT, "*.sql") == "b.sql changed"


def test_a_file_outside_of_the_folder_counts(project: Project) -> None:
    """Workspaces keep their lock file further up."""
    (project.root / "web").mkdir()
    action = project.plan(COUNT, "../lock", cwd="web")
    assert action is not None
    assert action.files == {"../lock": "absent"}


def test_what_cannot_be_read_is_an_error(project: Project) -> None:
    """A folder has no content of its own."""
    (project.root / "folder").mkdir()
    with pytest.raises(SceneshiftError, match=r"cannot be read: .*folder"):
        project.plan(COUNT, "folder")


def test_a_failed_step_is_run_again(project: Project) -> None:
    """Only success is remembered; the error has the code and the last words."""
    with pytest.raises(
        SetupError, match=r"of `web` ended with exit code 3: .*: no\."
    ) as e:
        project.run("echo hm; echo; echo no. >&2; exit 3")
    assert e.value.status == 3
    assert e.value.tail == ("hm", "no.")
    assert b"".join(project.output) == b"hm\n\nno.\n"
    assert project.reason("exit 3") == "it never ran"


def test_a_step_that_says_nothing_fails_too(project: Project) -> None:
    """A signal is named, and there are no last words."""
    with pytest.raises(SetupError, match=r"ended with signal 9: `kill -9 \$\$`$") as e:
        project.run("kill -9 $$")
    assert e.value.tail == ()


def test_a_step_that_failed_over_a_success_is_run_again(project: Project) -> None:
    """Going back to the old content does not undo what it left half done."""
    file = project.root / "lock"
    file.write_text("good")
    step = "grep -q good lock"
    project.run(step, "lock")
    file.write_text("bad")
    with pytest.raises(SetupError):
        project.run(step, "lock")
    file.write_text("good")
    assert project.reason(step, "lock") == "it never ran"


def test_a_cancelled_step_is_run_again(project: Project) -> None:
    """Ctrl-C in the middle of it is no success."""

    async def cancel() -> None:
        task = asyncio.create_task(project.apply(project.plan("sleep 600")))
        await until(lambda: project.spawner.children)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert project.reason("sleep 600") == "it never ran"


def test_two_processes_share_a_step(project: Project) -> None:
    """The same command in the same folder runs once, also when both want it at once."""

    async def both() -> None:
        plans = [project.plan(name=name) for name in ("web", "worker")]
        await asyncio.gather(*(project.apply(plan) for plan in plans))

    asyncio.run(both())
    assert project.runs == 1
    assert project.reason(name="another") is None


def test_a_step_is_shared_by_who_had_another_before(project: Project) -> None:
    """It ran for this command, whichever process it ran for."""
    project.run("true # ci", name="worker")
    project.run("true # install", name="web")
    assert project.reason("true # install", name="worker") is None


def test_a_shared_step_follows_the_files(project: Project) -> None:
    """One that ran for the new content counts for the other, too."""
    file = project.root / "lock"
    for text in ("1", "2"):
        file.write_text(text)
        project.run(COUNT, "lock", name="web")
    assert project.reason(COUNT, "lock", name="worker") is None
    file.write_text("1")
    assert project.reason(COUNT, "lock", name="worker") == "it never ran"


def test_the_way_back_to_an_old_command_is_a_change(project: Project) -> None:
    """What ran last is what the folder looks like."""
    project.run("true # a")
    project.run("true # b")
    assert project.reason("true # a") == "its command changed"


def test_another_folder_is_another_step(project: Project) -> None:
    """The same command does something else elsewhere."""
    project.run()
    (project.root / "sub").mkdir()
    assert project.plan(cwd="sub") is not None


@pytest.mark.parametrize("lock", ["package-lock.json", "pnpm-lock.yaml", "yarn.lock"])
def test_node_modules_that_vanished_are_made_again(project: Project, lock: str) -> None:
    """Who removes them means it; a step that never made them is not blamed."""
    (project.root / lock).write_text("{}")
    step = "mkdir node_modules"
    project.run(step, lock)
    assert project.reason(step, lock) is None
    (project.root / "node_modules").rmdir()
    assert project.reason(step, lock) == "node_modules is missing"
    project.run("true", lock)
    assert project.reason("true", lock) is None


@pytest.mark.parametrize(
    ("lock", "is_again"),
    [("uv.lock", False), ("ui/pnpm-lock.yaml", False), ("make.sql", True)],
)
def test_packages_are_the_same_for_all_databases(
    project: Project, lock: str, *, is_again: bool
) -> None:
    """What fills a database has not filled another."""
    project.run("true", lock)
    step = SetupStep(run="true", when=(lock,))
    env = {"DATABASE_URL": "sqlite:///other.db"}
    planned = plan_setup(
        step, name="web", cwd=project.root, state=project.state, env=env
    )
    assert (planned is not None) is is_again


@pytest.mark.parametrize(
    "text", ["", "[]", '{"run": 1}', '{"run": "", "cwd": "", "files": [], "made": []}']
)
def test_a_broken_record_is_none(text: str, project: Project) -> None:
    """What cannot be read is taken as never run, and replaced."""
    project.run()
    marker = project.root / ".sceneshift" / "setup" / "web.json"
    marker.write_text(text)
    assert project.reason() == "it never ran"
    project.run()
    assert json.loads(marker.read_text())["run"] == COUNT
    assert sorted(path.name for path in marker.parent.iterdir()) == ["lock", "web.json"]
