from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.dev.watch import Watcher
from sceneshift.dev.watch.watcher import _reporter, choose_backend, read_mounts
from watching import Project, git, write

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path


@pytest.fixture(params=["inotify", "portable"])
def backend(request: pytest.FixtureRequest) -> str:
    """Those that hear of a change at once."""
    return str(request.param)


def make_branches(root: Path) -> list[str]:
    """Make two branches that differ in 500 files; return them, `two` checked out."""
    names = [f"p{i % 20}/m{i}.py" for i in range(500)]
    git(root, "init", "-q", "-b", "main")
    for branch, content in (("main", "1"), ("two", "22")):
        git(root, "checkout", "-q", "-B", branch)
        write(root, {**dict.fromkeys(names, content), f"only-{branch}/x.py": ""})
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", branch)
    return names


def checkout(project: Project, root: Path, branch: str) -> list[set[str]]:
    """Check a branch out while the watcher is at work, and return what it told."""
    project.root = root
    watching = project.watch()
    process = subprocess.Popen(["git", "checkout", "-q", branch], cwd=root)
    watching.until(lambda: process.poll() is not None)
    assert process.returncode == 0
    watching.pass_by()
    return [shown for each in watching.sets if (shown := watching.show(each))]


def test_a_checkout_of_500_files_is_one_set(project: Project) -> None:
    """However long git takes, it is one reload; folders come and go with it."""
    names = make_branches(project.root)
    sets = checkout(project, project.root, "main")
    assert len(sets) == 1
    assert {f"*{name}" for name in names} <= sets[0]


def test_a_checkout_in_a_worktree_is_one_set(project: Project) -> None:
    """Its lock lies in the main repository's folder."""
    names = make_branches(project.root)
    other = project.root.with_name("other")
    git(project.root, "worktree", "add", "-q", "-b", "three", str(other), "two")
    sets = checkout(project, other, "two~1")
    assert len(sets) == 1
    assert {f"*{name}" for name in names} <= sets[0]


def test_changes_wait_for_git(project: Project) -> None:
    """While its lock is there nothing is told, then everything at once."""
    git(project.root, "init", "-q")
    project.write({"a.py": ""})
    watching = project.watch()
    lock = project.root / ".git" / "index.lock"
    lock.touch()
    began = time.monotonic()
    project.write({"a.py": "new"})
    watching.until(lambda: time.monotonic() > began + 0.2)
    assert watching.sets == []
    project.write({"b.py": "new"})
    lock.unlink()
    watching.until_told("*a.py", "+b.py")
    assert len(watching.sets) == 1


def test_a_formatter_over_all_files_is_one_set(project: Project) -> None:
    """Two hundred saves in a row, heard while they happen or after."""
    names = [f"m{i}.py" for i in range(200)]
    project.write(dict.fromkeys(names, "1"))
    watching = project.watch()
    project.write(dict.fromkeys(names, "22"))
    watching.until_told(*(f"*{name}" for name in names))
    assert len(watching.sets) == 1


def test_a_callback_that_fails_costs_only_its_own_set(
    project: Project, loop: asyncio.AbstractEventLoop
) -> None:
    """The loop's handler hears of it, and the next set is told."""
    told: list[str] = []
    failures: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: failures.append(context))
    watching = project.watch()

    def fail_once(changes: Any) -> None:
        told.extend(each.path.name for each in changes)
        if len(told) == 1:
            raise ValueError(told[0])

    watcher = Watcher(project.root, fail_once, loop=loop)
    watcher.start()
    project.write({"a.py": ""})
    watching.until(lambda: told == ["a.py"])
    project.write({"b.py": ""})
    watching.until(lambda: told == ["a.py", "b.py"])
    watcher.close()
    assert [str(each["exception"]) for each in failures] == ["a.py"]


def test_saves_during_the_start_are_not_lost(project: Project) -> None:
    """What is written while the tree is taken in is either known or told."""
    project.write({f"p{i}/m.py": "0" for i in range(200)})
    stop = threading.Event()

    def write_on() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            write(project.root, {f"p{number % 200}/m.py": "x" * (number % 50)})

    writer = threading.Thread(target=write_on)
    writer.start()
    watching = project.watch()
    stop.set()
    writer.join()
    project.write({f"p{i}/m.py": "last" for i in range(200)})
    watching.until_told(*(f"*p{i}/m.py" for i in range(200)))


def test_the_same_folder_is_counted_once(project: Project) -> None:
    """Whoever asks for it, and however often."""
    project.write({"pkg/a.py": ""})
    watching = project.watch()
    watcher = watching.watcher
    watcher.add_folder(project.root / "pkg")
    watcher.add_folder(project.root / "pkg")
    watcher.add_file(project.root / "pkg" / "a.py")
    assert watcher.folders == 2
    project.write({"pkg/a.py": "new"})
    watching.until_told("*pkg/a.py")


def test_rules_above_the_root_are_followed(project: Project) -> None:
    """A change of the repository's own `.gitignore` is heeded, and not told."""
    git(project.root, "init", "-q")
    project.write({"web/app.py": "", "web/gen/x.py": "", ".gitignore": ""})
    top, project.root = project.root, project.root / "web"
    watching = project.watch()
    write(top, {".gitignore": "gen/\n"})
    watching.until(lambda: watching.watcher.folders == 3)
    project.write({"gen/x.py": "ignored"})
    watching.pass_by()
    shutil.rmtree(top / ".git")
    watching.until_told("+gen/x.py")
    assert watching.told == {"+gen/x.py"}
    assert watching.watcher.folders == 2


def test_a_folder_of_rules_stays_watched_for_a_file_that_is_used(
    project: Project,
) -> None:
    """The repository is gone, and with it the rules, but not the other file."""
    git(project.root, "init", "-q")
    project.write({"web/app.py": "", "used.toml": ""})
    top, project.root = project.root, project.root / "web"
    watching = project.watch()
    watching.watcher.add_file(top / "used.toml")
    shutil.rmtree(top / ".git")
    watching.until(lambda: watching.watcher.folders == 2)
    write(top, {"used.toml": "new"})
    watching.until_told("*../used.toml")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "inotify" if sys.platform == "linux" else "portable"),
        ({"SCENESHIFT_WATCH": "portable"}, "portable"),
        ({"SCENESHIFT_WATCH": "polling"}, "polling"),
        ({"WATCHFILES_FORCE_POLLING": "1"}, "polling"),
        ({"WATCHFILES_FORCE_POLLING": "1", "SCENESHIFT_WATCH": "inotify"}, "inotify"),
    ],
)
def test_the_backend_is_chosen_by_wish_and_place(
    environ: dict[str, str], expected: str, tmp_path: Path
) -> None:
    """SCENESHIFT_WATCH comes first, then what watchfiles itself would heed."""
    assert choose_backend(str(tmp_path), environ) == expected


def test_a_system_without_a_table_of_mounts_has_none(tmp_path: Path) -> None:
    """Then nothing is taken for a share."""
    assert read_mounts(tmp_path / "absent") == ""


def test_an_unknown_way_of_watching_is_refused() -> None:
    """The hint names those there are."""
    with pytest.raises(UsageError, match="SCENESHIFT_WATCH names no way") as caught:
        choose_backend("/", {"SCENESHIFT_WATCH": "kqueue"})
    assert caught.value.hint == "it is one of auto, inotify, portable, polling"


def test_polling_by_the_environment_sees_saves(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the second one within a second."""
    monkeypatch.setenv("WATCHFILES_FORCE_POLLING", "1")
    monkeypatch.setenv("WATCHFILES_POLL_DELAY_MS", "10")
    project.write({"a.py": ""})
    project.backend = "auto"
    watching = project.watch()
    for number in range(5):
        watching.restart()
        project.write({"a.py": str(number)})
        watching.until_told("*a.py")


def test_trouble_nobody_asked_for_goes_to_the_loop(
    loop: asyncio.AbstractEventLoop,
) -> None:
    """A limit reached later is not silent."""
    heard: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: heard.append(context))
    _reporter(loop)(SceneshiftError("too many"))
    assert heard[0]["message"] == "too many"


def test_uvloop_serves_as_well(tmp_path: Path) -> None:
    """Any asyncio loop does."""
    uvloop = pytest.importorskip("uvloop")
    loop = uvloop.new_event_loop()
    watcher = Watcher(tmp_path, lambda _changes: loop.stop(), loop=loop)
    watcher.start()
    loop.call_soon((tmp_path / "a.py").touch)
    loop.run_forever()
    watcher.close()
    loop.close()
