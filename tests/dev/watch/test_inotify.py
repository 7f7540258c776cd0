from __future__ import annotations

import errno
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.watch.inotify import describe_failure

if TYPE_CHECKING:
    from pathlib import Path

    from watching import Project

LIMITED = """
    import asyncio, pathlib, sys
    from sceneshift.core.errors import SceneshiftError
    from sceneshift.dev.watch import Watcher

    root, wait = pathlib.Path(sys.argv[1]), "start" not in sys.argv
    loop = asyncio.new_event_loop()
    told, troubles = [], []
    def on_changes(changes):
        told.extend(each.path.name for each in changes)
        if len(told) >= 9:
            loop.stop()
    try:
        watcher = Watcher(
            root, on_changes, loop=loop, backend="inotify", on_trouble=troubles.append
        )
    except SceneshiftError as error:
        print(error.message, error.hint)
        sys.exit()
    for name in "abcdefghi" if not wait else "":
        (root / name).mkdir()
    try:
        watcher.start()
    except SceneshiftError as error:
        troubles.append(error)
    for name in "abcdefghi" if wait else "":
        (root / name).mkdir()
        (root / name / f"{name}.py").touch()
    if wait:
        loop.call_later(20, loop.stop)
        loop.run_forever()
    watcher.close()
    loop.close()
    print(len(told), [error.message for error in troubles], troubles[0].hint)
"""


def run_limited(root: Path, *words: str, limit: str = "watches", most: int = 5) -> str:
    """Run the program above where the kernel allows no more than that."""
    script = f'echo {most} > /proc/sys/user/max_inotify_{limit} && exec "$@"'
    program = textwrap.dedent(LIMITED)
    done = subprocess.run(
        [
            *("unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"),
            *(sys.executable, "-c", program, str(root), *words),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if "unshare" in done.stderr or "max_inotify" in done.stderr:
        pytest.skip(f"user namespaces are not allowed here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def backend() -> str:
    """Only the kernel's own."""
    return "inotify"


def test_a_tree_beyond_the_limit_is_refused_with_the_cure(tmp_path: Path) -> None:
    """The error names the setting and the command that mends it."""
    output = run_limited(tmp_path, "start")
    assert "fs.inotify.max_user_watches" in output
    assert "sudo sysctl fs.inotify.max_user_watches=524288" in output
    assert "SCENESHIFT_WATCH=polling" in output


def test_a_limit_that_is_reached_later_is_told_once(tmp_path: Path) -> None:
    """What the folders hold by then is told, and no event is lost over it."""
    output = run_limited(tmp_path)
    assert output.startswith("9 ")
    assert output.count("is reached at") == 1


def test_a_limit_of_watchers_has_its_own_cure(tmp_path: Path) -> None:
    """Opening fails by another limit than adding a folder."""
    output = run_limited(tmp_path, limit="instances", most=0)
    assert "fs.inotify.max_user_instances" in output


def test_another_failure_is_told_as_the_system_names_it() -> None:
    """There is no limit to raise; looking at intervals works everywhere."""
    other = describe_failure("open", errno.EPERM, "/here")
    assert other.message == "cannot watch `/here`: Operation not permitted"
    assert other.hint == "look at the files at intervals: SCENESHIFT_WATCH=polling"


def test_a_flood_beyond_the_kernels_queue_loses_nothing(project: Project) -> None:
    """When events are dropped, everything is compared with what was known."""
    project.write({"a/old.py": "", "b/old.py": "12", "gone/x.py": ""})
    watching = project.watch()
    names = [f"f{i}.py" for i in range(9000)]
    project.write(dict.fromkeys(names, ""))
    (project.root / "a").rename(project.root / "c")
    (project.root / "b").rename(project.root / "a")
    (project.root / "gone" / "x.py").unlink()
    (project.root / "gone").rmdir()
    project.write({"new/inner/y.py": ""})
    expected = {f"+{name}" for name in names}
    expected |= {"*a/old.py", "-b/old.py", "+c/old.py", "-gone/x.py", "+new/inner/y.py"}
    watching.until_told(*expected)
    assert watching.told == expected
    watching.restart()
    project.write({"a/old.py": "1", "c/old.py": "2", "new/inner/y.py": "3"})
    watching.until_told("*a/old.py", "*c/old.py", "*new/inner/y.py")


def test_a_root_that_is_removed_takes_its_files_along(project: Project) -> None:
    """Everything is told to be gone, and nothing fails."""
    project.write({"a.py": "", "p/b.py": ""})
    watching = project.watch()
    project.root.rename(project.root.with_name("elsewhere"))
    watching.until_told("-a.py", "-p/b.py")
    watching.until(lambda: watching.watcher.folders == 0)


def test_a_folder_that_moves_away_and_back_is_no_change(project: Project) -> None:
    """Only what differs in the end is told."""
    project.write({"a/m.py": ""})
    watching = project.watch()
    (project.root / "a").rename(project.root / "b")
    (project.root / "b").rename(project.root / "a")
    watching.until(lambda: watching.watcher._coalescer.ready_at() is not None)
    watching.until(lambda: watching.watcher._coalescer.ready_at() is None)
    assert watching.sets == []
    project.write({"a/m.py": "new"})
    watching.until_told("*a/m.py")
