"""What every backend keeps: the same tests for each."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from watching import Project, git, replace, write

if TYPE_CHECKING:
    from collections.abc import Callable


def save_as_vim(path: Path, content: str) -> None:
    """Vim with `backupcopy=no`: probe, rename away, write, remove the backup."""
    probe = path.with_name("4913")
    probe.touch()
    probe.unlink()
    backup = path.with_name(f"{path.name}~")
    path.rename(backup)
    path.write_text(content)
    backup.unlink()


def save_as_emacs(path: Path, content: str) -> None:
    """Emacs: a lock that is a dangling link, a backup by rename, write, unlock."""
    lock = path.with_name(f".#{path.name}")
    lock.symlink_to("me@here.1:1")
    path.rename(path.with_name(f"{path.name}~"))
    path.write_text(content)
    lock.unlink()


def save_as_vscode(path: Path, content: str) -> None:
    """VS Code: truncate, then write the same file."""
    with path.open("r+") as file:
        file.truncate(0)
        file.flush()
        file.write(content)


def save_as_jetbrains(path: Path, content: str) -> None:
    """JetBrains' safe write: temporary, old one aside, rename, remove."""
    temporary = path.with_name(f"{path.name}___jb_tmp___")
    old = path.with_name(f"{path.name}___jb_old___")
    temporary.write_text(content)
    path.rename(old)
    temporary.rename(path)
    old.unlink()


def save_by_sed(path: Path, content: str) -> None:
    """GNU sed -i, or BSD's."""
    suffix = [] if shutil.which("gsed") or os.uname().sysname == "Linux" else [""]
    subprocess.run(["sed", "-i", *suffix, f"s/.*/{content}/", str(path)], check=True)


SAVES = [save_as_vim, save_as_emacs, save_as_vscode, save_as_jetbrains, save_by_sed]


@pytest.mark.parametrize("save", [replace, *SAVES])
def test_every_save_of_an_editor_is_one_modification(
    project: Project, save: Callable[[Path, str], None]
) -> None:
    """However an editor saves, each time the file alone is told of, as modified."""
    project.write({"app.py": "0"})
    watching = project.watch()
    for number in range(1, 21):
        watching.restart()
        save(project.root / "app.py", str(number))
        watching.until_told("*app.py")
        watching.pass_by()
        assert {each[1:] for each in watching.told} <= {
            "app.py",
            "app.py.new",
        }


def test_a_save_in_place_is_told(project: Project) -> None:
    """Truncating and writing is a modification."""
    project.write({"app.py": "old"})
    watching = project.watch()
    (project.root / "app.py").write_text("new")
    watching.until_told("*app.py")


def test_what_is_appended_to_an_open_file_is_told(project: Project) -> None:
    """A writer that flushes and never closes is heard."""
    project.write({"data.csv": ""})
    watching = project.watch()
    with (project.root / "data.csv").open("a") as file:
        file.write("line\n")
        file.flush()
        watching.until_told("*data.csv")
        watching.restart()
        file.write("line\n")
        file.flush()
        watching.until_told("*data.csv")


def test_files_in_new_folders_are_told(project: Project) -> None:
    """Folders that appear are watched, and what they already hold is told."""
    watching = project.watch()
    project.write({"a/b/c/one.py": "1", "a/two.py": "2"})
    watching.until_told("+a/b/c/one.py", "+a/two.py")
    project.write({"a/b/c/one.py": "longer", "a/b/three.py": "3"})
    watching.until_told("*a/b/c/one.py", "+a/b/three.py")


def test_no_file_is_missed_while_folders_are_made(project: Project) -> None:
    """Files that are written the moment their folder exists are all told."""
    watching = project.watch()
    names = {f"d{i}/e{j}/f.py": "x" for i in range(20) for j in range(5)}
    writer = threading.Thread(target=write, args=(project.root, names))
    writer.start()
    watching.until_told(*(f"+{name}" for name in names))
    writer.join()


def test_deleted_files_are_told(project: Project) -> None:
    """A file, and the files of a folder, that are removed."""
    project.write({"gone.py": "", "pkg/a.py": "", "pkg/inner/b.py": ""})
    project.write({"pkg/a.log": "", ".gitignore": "*.log"})
    watching = project.watch()
    (project.root / "gone.py").unlink()
    shutil.rmtree(project.root / "pkg")
    watching.until_told("-gone.py", "-pkg/a.py", "-pkg/inner/b.py")
    watching.until(lambda: watching.watcher.folders == 1)
    assert watching.told == {"-gone.py", "-pkg/a.py", "-pkg/inner/b.py"}


def test_a_renamed_folder_is_watched_under_its_new_name(project: Project) -> None:
    """Its files go and come, and later saves carry the new path."""
    project.write({"old/a.py": "a", "old/inner/b.py": "b"})
    watching = project.watch()
    (project.root / "old").rename(project.root / "new")
    watching.until_told("-old/a.py", "-old/inner/b.py", "+new/a.py", "+new/inner/b.py")
    watching.restart()
    project.write({"new/inner/b.py": "longer"})
    watching.until_told("*new/inner/b.py")
    assert watching.told == {"*new/inner/b.py"}


def test_a_folder_that_takes_anothers_name_is_watched(project: Project) -> None:
    """A folder is moved away and another is put in its place at once."""
    project.write({"pkg/a.py": "1", "next/a.py": "22"})
    watching = project.watch()
    (project.root / "pkg").rename(project.root / "before")
    (project.root / "next").rename(project.root / "pkg")
    watching.until_told("*pkg/a.py", "-next/a.py", "+before/a.py")
    watching.restart()
    project.write({"pkg/a.py": "333", "before/a.py": "4444"})
    watching.until_told("*pkg/a.py", "*before/a.py")


def test_a_folder_moved_into_a_new_one_is_watched(project: Project) -> None:
    """The kernel knows it by its old path when it is found at the new one."""
    project.write({"pkg/a.py": "1"})
    watching = project.watch()
    (project.root / "new").mkdir()
    (project.root / "pkg").rename(project.root / "new" / "pkg")
    watching.until_told("-pkg/a.py", "+new/pkg/a.py")
    project.write({"new/pkg/a.py": "22"})
    watching.until_told("*new/pkg/a.py")


def test_a_removed_folder_that_comes_back_is_watched(project: Project) -> None:
    """Removed and made again with the same files at once: modified, not gone."""
    project.write({"pkg/a.py": "1"})
    watching = project.watch()
    shutil.rmtree(project.root / "pkg")
    project.write({"pkg/a.py": "22"})
    watching.until_told("*pkg/a.py")
    watching.restart()
    project.write({"pkg/a.py": "333"})
    watching.until_told("*pkg/a.py")


def test_a_copied_tree_is_told(project: Project, tmp_path: Path) -> None:
    """`cp -r` of folders with files."""
    write(
        tmp_path / "other", {f"p{i}/m{j}.py": "x" for i in range(9) for j in range(9)}
    )
    watching = project.watch()
    subprocess.run(
        ["cp", "-r", str(tmp_path / "other"), str(project.root / "copy")], check=True
    )
    watching.until_told(*(f"+copy/p{i}/m{j}.py" for i in range(9) for j in range(9)))


def test_folders_of_dependencies_are_not_watched(project: Project) -> None:
    """What is pruned costs nothing, however much it is."""
    inner = {f"node_modules/p{i}/lib/x.js": "" for i in range(300)}
    project.write({"src/app.py": "", ".venv/lib/y.py": "", **inner})
    watching = project.watch()
    assert watching.watcher.folders == 2
    project.write({"node_modules/p1/lib/x.js": "new", "src/__pycache__/app.pyc": ""})
    watching.pass_by()
    assert watching.told == set()
    assert watching.watcher.folders == 2


def test_a_project_below_a_pruned_name_is_watched(
    project: Project, tmp_path: Path
) -> None:
    """Names count from the project down, not from the root of the disk."""
    project.root = tmp_path / "node_modules" / ".venv" / "project"
    project.write({"app.py": "1"})
    watching = project.watch()
    project.write({"app.py": "22"})
    watching.until_told("*app.py")


def test_a_changed_gitignore_prunes_anew(project: Project) -> None:
    """Folders go and come with the rules, and what came with them is told."""
    project.write({".gitignore": "out/\n", "out/a.txt": "", "gen/b.txt": ""})
    watching = project.watch()
    assert watching.watcher.folders == 2
    project.write({".gitignore": "gen/\n"})
    watching.until_told("*.gitignore", "+out/a.txt")
    assert watching.watcher.folders == 2
    watching.restart()
    project.write({"gen/b.txt": "new", "out/a.txt": "new"})
    watching.until_told("*out/a.txt")
    watching.pass_by()
    assert "*gen/b.txt" not in watching.told


def test_ignored_files_are_not_told(project: Project) -> None:
    """Neither by a name nor against a negation."""
    project.write({".gitignore": "*.log\n!keep.log\n"})
    watching = project.watch()
    project.write({"app.log": "x", "keep.log": "x"})
    watching.until_told("+keep.log")
    watching.pass_by()
    assert "+app.log" not in watching.told


def test_a_single_file_is_told_though_it_is_ignored(project: Project) -> None:
    """`add_file` outweighs the rules, each time, and before the file exists."""
    project.write({".gitignore": ".env*\n"})
    watching = project.watch()
    watching.watcher.add_file(project.root / ".env")
    project.write({".env": "A=1", ".env.other": "B=1"})
    watching.until_told("+.env")
    for number in range(5):
        watching.restart()
        replace(project.root / ".env", f"A={number}" * (number + 2))
        watching.until_told("*.env")
    watching.pass_by()
    assert not {each for each in watching.told if "other" in each}


def test_a_single_file_whose_folders_do_not_exist_is_told(
    project: Project, tmp_path: Path
) -> None:
    """It is waited for where the nearest folder is."""
    watching = project.watch()
    watching.watcher.add_file(tmp_path / "far" / "off" / "settings.toml")
    write(tmp_path, {"far/off/other.toml": "", "far/off/settings.toml": "a"})
    watching.until_told("+../far/off/settings.toml")
    write(tmp_path, {"far/off/settings.toml": "bb"})
    watching.until_told("*../far/off/settings.toml")
    shutil.rmtree(tmp_path / "far")
    watching.until_told("-../far/off/settings.toml")
    write(tmp_path, {"far/off/settings.toml": "ccc"})
    watching.until(lambda: len([s for s in watching.sets if s]) >= 4)
    assert not {each for each in watching.told if "other" in each}


def test_a_single_folder_tells_of_its_own_entries_only(
    project: Project, tmp_path: Path
) -> None:
    """Files and folders in it, not what is in those."""
    outside = tmp_path / "site-packages"
    write(outside, {"old/x.py": ""})
    watching = project.watch()
    watching.watcher.add_folder(outside)
    write(outside, {"old/x.py": "new", "fresh/y.py": "", "top.pth": ""})
    watching.until_told("+../site-packages/fresh", "+../site-packages/top.pth")
    shutil.rmtree(outside / "old")
    watching.until_told("-../site-packages/old")
    assert not {each for each in watching.told if ".py" in each}


def test_an_ignored_folder_that_is_replaced_stays_watched(project: Project) -> None:
    """site-packages of an environment that is made anew."""
    project.write({".venv/lib/site-packages/a.pth": "1"})
    watching = project.watch()
    watching.watcher.add_folder(project.root / ".venv/lib/site-packages")
    (project.root / ".venv").rename(project.root / "venv")
    watching.until_told("-.venv/lib/site-packages/a.pth")
    project.write({".venv/lib/site-packages/b.pth": "1"})
    watching.until_told("+.venv/lib/site-packages/b.pth")


def test_symbolic_links_are_not_followed(project: Project, tmp_path: Path) -> None:
    """Neither out of the tree nor in a circle."""
    write(tmp_path / "other", {"a.py": ""})
    project.write({"app.py": ""})
    (project.root / "out").symlink_to(tmp_path / "other")
    (project.root / "circle").symlink_to(project.root)
    watching = project.watch()
    assert watching.watcher.folders == 1
    write(tmp_path / "other", {"a.py": "new"})
    (project.root / "again").symlink_to(project.root)
    watching.until_told("+again")
    watching.pass_by()
    assert not {each for each in watching.told if "a.py" in each}


def test_a_checkout_is_told_whole(project: Project) -> None:
    """`git checkout` of 500 changed files, with folders that come and go."""
    names = [f"p{i % 20}/m{i}.py" for i in range(500)]
    git(project.root, "init", "-q", "-b", "main")
    project.write({**dict.fromkeys(names, "1"), "old/x.py": ""})
    git(project.root, "add", ".")
    git(project.root, "commit", "-q", "-m", "one")
    git(project.root, "checkout", "-q", "-b", "two")
    shutil.rmtree(project.root / "old")
    project.write({**dict.fromkeys(names, "22"), "new/inner/y.py": ""})
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", "two")
    watching = project.watch()
    git(project.root, "checkout", "-q", "main")
    expected = {f"*{name}" for name in names} | {"+old/x.py", "-new/inner/y.py"}
    watching.until_told(*expected)
    watching.pass_by()
    assert watching.told == expected


def test_a_closed_watcher_leaves_nothing_behind(project: Project) -> None:
    """No descriptor, no thread, and nothing is told any more."""
    threads = threading.active_count()
    before = len(list(Path("/proc/self/fd").iterdir()))
    watching = project.watch()
    project.write({"a.py": ""})
    watching.until_told("+a.py")
    project.write({"b.py": ""})
    watching.watcher.close()
    watching.watcher.close()
    assert threading.active_count() == threads
    # The kernel, and a thread inside watchfiles, take a moment longer.
    watching.until(lambda: len(list(Path("/proc/self/fd").iterdir())) <= before)
    assert "+b.py" not in watching.told


def test_a_name_that_is_no_utf8_harms_nothing(project: Project) -> None:
    """Files with such names are told of, and the others go on being told of."""
    watching = project.watch()
    (project.root / os.fsdecode(b"caf\xe9.py")).write_text("x")
    watching.until(lambda: any("caf" in each for each in watching.told))
    project.write({"a.py": ""})
    watching.until_told("+a.py")
