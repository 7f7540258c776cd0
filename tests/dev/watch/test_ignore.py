from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.watch.ignore import IgnoreRules, is_temporary
from watching import git, write

if TYPE_CHECKING:
    from pathlib import Path

RULES = {
    ".gitignore": "*.log\n!keep.log\n/build/\ndata/*\n!data/keep/\n"
    "doc/**/gen\nall/**\nstar/*/\n!star/a/\n"
    "# comment\n\\#odd\n*.py[co]\ntrail \nfoo/*.txt\n!/foo/a.txt\n",
    "pkg/.gitignore": "!debug.log\n/local\nbuild/\n",
    "white/.gitignore": "*\n!*/\n!*.py\n!.gitignore\n",
}
FILES = [  # each is there for one of the rules
    "a.log",
    "keep.log",
    "build/x.py",
    "pkg/build/x.py",
    "pkg/debug.log",
    "pkg/other.log",
    "pkg/local/x.py",
    "pkg/deep/local/x.py",
    "data/x.csv",
    "data/keep/x.csv",
    "data/drop/x.csv",
    "doc/a/b/gen/x",
    "doc/gen/x",
    "gen/x",
    "#odd",
    "m.pyc",
    "m.py",
    "foo/a.txt",
    "foo/b.txt",
    "foo/deep/b.txt",
    "white/x.py",
    "white/x.txt",
    "white/deep/y.py",
    "white/deep/er/z.py",
    "all/x.py",
    "all/deep/x.py",
    "star/a/b/c.txt",
    "white/deep/y.txt",
    "caf\u00e9.log",
    "caf\u00e9.py",
]


def told(root: Path) -> set[str]:
    """Return the files that are reached when no ignored folder is entered."""
    rules = IgnoreRules(str(root))
    found: set[Path] = set()
    queue = [root]
    while queue:
        for path in queue.pop().iterdir():
            is_folder = path.is_dir()
            if not rules.is_ignored(str(path), is_folder=is_folder):
                (queue.append if is_folder else found.add)(path)
    return {path.relative_to(root).as_posix() for path in found}


def told_by_git(root: Path) -> set[str]:
    """Return the files that git does not ignore."""
    listed = git(root, "ls-files", "-z", "--others", "--cached", "--exclude-standard")
    return set(filter(None, listed.split("\0")))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git repository."""
    git(tmp_path, "init", "-q")
    return tmp_path


def test_the_rules_are_gits(checkout: Path) -> None:
    """Each file is ignored exactly where git ignores it."""
    write(checkout, {**RULES, **dict.fromkeys(FILES, "")})
    assert told(checkout) == told_by_git(checkout)


def test_a_folder_without_git_keeps_its_rules(tmp_path: Path) -> None:
    """`.gitignore` counts though there is no repository."""
    write(tmp_path, {".gitignore": "*.log\n", "a.log": "", "a.py": ""})
    assert told(tmp_path) == {".gitignore", "a.py"}
    assert IgnoreRules(str(tmp_path)).outside_files == ()


def test_rules_from_above_the_root_count(checkout: Path) -> None:
    """Those of the repository's top level, of folders between, and of git's own."""
    write(
        checkout,
        {
            ".gitignore": "*.log\n/apps/web/out/\n",
            "apps/.gitignore": "*.dat\n!b.log\n",
            ".git/info/exclude": "*.mine\n!a.log\n",
        },
    )
    names = ["a.log", "b.log", "c.dat", "d.mine", "e.py", "out/f.py"]
    write(checkout / "apps/web", dict.fromkeys(names, ""))
    root = checkout / "apps" / "web"
    assert told(root) == {"b.log", "e.py"} == told_by_git(root)
    assert IgnoreRules(str(root)).outside_files == (
        str(checkout / ".git/info/exclude"),
        str(checkout / ".gitignore"),
        str(checkout / "apps/.gitignore"),
    )


@pytest.mark.parametrize("rule", ["/apps/", "/apps/web/"])
def test_rules_that_ignore_the_root_do_not_count(checkout: Path, rule: str) -> None:
    """Who starts a project in an ignored folder wants to see it nonetheless."""
    write(checkout, {".gitignore": f"{rule}\n*.log\n", "apps/web/a.py": ""})
    assert told(checkout / "apps/web") == {"a.py"}


def test_a_repository_within_has_its_own_rules(checkout: Path) -> None:
    """A submodule does not inherit, and reads its own exclude file."""
    write(checkout, {".gitignore": "*.log\n", "lib/a.log": "", "lib/b.dat": ""})
    git(checkout / "lib", "init", "-q")
    write(checkout, {"lib/.git/info/exclude": "*.dat\n"})
    assert told(checkout) == {".gitignore", "lib/a.log"}


def test_a_worktree_shares_the_exclude_file(checkout: Path, tmp_path: Path) -> None:
    """Its `.git` is a file, and the shared folder is elsewhere."""
    write(checkout, {"a.py": "", ".git/info/exclude": "*.mine\n"})
    git(checkout, "add", "a.py")
    git(checkout, "commit", "-q", "-m", "one")
    other = tmp_path / "other"
    git(checkout, "worktree", "add", "-q", str(other))
    write(other, {"b.mine": ""})
    assert told(other) == {"a.py"}


def test_changed_rules_are_read_again_when_told(tmp_path: Path) -> None:
    """Until `forget`, what was read counts."""
    write(tmp_path, {".gitignore": "*.log\n"})
    rules = IgnoreRules(str(tmp_path))
    assert rules.is_ignored(str(tmp_path / "a.log"))
    write(tmp_path, {".gitignore": "*.dat\n"})
    assert rules.is_ignored(str(tmp_path / "a.log"))
    rules.forget()
    assert not rules.is_ignored(str(tmp_path / "a.log"))


def test_lines_that_git_does_not_understand_are_skipped(tmp_path: Path) -> None:
    """As are a byte order mark, carriage returns and bytes that are no UTF-8."""
    (tmp_path / ".gitignore").write_bytes(
        b"\xef\xbb\xbf*.log\r\n!\r\n  \n\xff\n*.dat\n"
    )
    write(tmp_path, {"a.log": "", "a.dat": "", "a.py": ""})
    assert told(tmp_path) == {".gitignore", "a.py"}


def test_well_known_names_are_always_ignored(tmp_path: Path) -> None:
    """Whatever the rules say; but only below the root."""
    root = tmp_path / "venv" / "node_modules"
    pruned = ["node_modules/x", ".venv/x", "a/__pycache__/x", "b.dist-info/x", ".git/x"]
    pruned += [".sceneshift/logs/web.log"]  # what is told of a change would be one
    write(root, {".gitignore": "!*\n", "a/x": "", **dict.fromkeys(pruned, "")})
    assert told(root) == {".gitignore", "a/x"}


@pytest.mark.parametrize(
    "name",
    [
        "4913",
        "a.py~",
        ".a.py.swp",
        ".a.py.swx",
        ".#a.py",
        "#a.py#",
        "a.tmp",
        "a.py___jb_tmp___",
        "a.py___jb_old___",
    ],
)
def test_temporaries_of_editors_are_ignored(name: str) -> None:
    """Every save makes and removes them."""
    assert is_temporary(name)


@pytest.mark.parametrize("name", ["a.py", "49130", ".env", "tmp", "#a", "a.swp"])
def test_other_files_are_no_temporaries(name: str) -> None:
    """A name that only resembles one is a file like any other."""
    assert not is_temporary(name)


def test_verdicts_are_remembered_within_bounds(tmp_path: Path) -> None:
    """Thousands of files neither fill the memory nor change a verdict."""
    write(tmp_path, {".gitignore": "*5\n"})
    rules = IgnoreRules(str(tmp_path))
    names = [str(tmp_path / f"f{i}") for i in range(5000)]
    assert sum(rules.is_ignored(name) for name in names) == 500
    assert len(rules._verdicts) <= 4096


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_is_what_the_rules_are_compared_with(checkout: Path) -> None:
    """The comparison is with `git`, not with a copy of our own reading."""
    done = subprocess.run(["git", "check-ignore", "a"], cwd=checkout, check=False)
    assert done.returncode == 1
