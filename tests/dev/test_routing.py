from __future__ import annotations

from pathlib import Path

import pytest

from sceneshift.dev.routing import Router

ROOT = Path("/project")
APP = ROOT / "app.py"


class Disk:
    """Contents by path; a content is its own digest."""

    def __init__(self) -> None:
        self.files: dict[Path, str] = {}
        self.router = Router(ROOT, self.files.get)

    def save(self, path: Path, content: str | None) -> set[str]:
        """Write or delete a file; return the processes that it concerns."""
        if content is None:
            self.files.pop(path, None)
        else:
            self.files[path] = content
        return set(self.router.affected([path]))


@pytest.fixture
def disk() -> Disk:
    """One file, used by one process of two."""
    disk = Disk()
    disk.files[APP] = "one"
    disk.router.add("web")
    disk.router.add("worker")
    disk.router.report("web", str(APP), "one")
    return disk


def test_a_change_concerns_those_who_use_the_file(disk: Disk) -> None:
    """A save with the content that is in use concerns nobody; a deletion does."""
    assert disk.save(APP, "one") == set()
    assert disk.save(APP, "two") == {"web"}
    assert disk.save(APP, "one") == set()
    assert disk.save(APP, None) == {"web"}
    assert disk.save(ROOT / "other.py", "new") == set()


def test_old_content_is_news_to_who_reads_newer(disk: Disk) -> None:
    """What counts is what the newest generation has read."""
    disk.save(APP, "two")
    disk.router.begin_generation("web")
    assert disk.save(APP, "three") == set()
    disk.save(APP, "two")
    disk.router.report("web", str(APP), "two")
    assert disk.save(APP, "one") == {"web"}


def test_a_file_without_a_digest_is_read_when_it_is_reported(disk: Disk) -> None:
    """So are data files: the process says only that it opened them."""
    disk.router.report("worker", str(APP), None)
    assert disk.save(APP, "one") == set()
    assert disk.save(APP, "two") == {"web", "worker"}


def test_what_a_process_writes_is_its_own_doing(disk: Disk) -> None:
    """Whether it reads it before or after."""
    disk.router.report("web", str(APP), "written")
    disk.router.report("web", str(APP), "one")
    assert disk.save(APP, "two") == set()


def test_any_new_source_may_mend_what_is_broken(disk: Disk) -> None:
    """The missing module may be the one that has just come; a text is none."""
    disk.router.mark_broken("worker", is_broken=True)
    new = ROOT / "new.py"
    assert disk.save(new, "x") == {"worker"}
    assert disk.save(new, "x") == set()
    assert disk.save(new, "y") == {"worker"}
    assert disk.save(ROOT / "notes.txt", "x") == set()
    disk.router.mark_broken("worker", is_broken=False)
    assert disk.save(new, "z") == set()


@pytest.mark.parametrize(
    ("glob", "path", "is_hit"),
    [
        ("*.py", "a/b/c.py", True),
        ("*.py", "a/b/c.js", False),
        ("a/*.py", "a/b.py", True),
        ("a/*.py", "a/b/c.py", False),
        ("a/**/*.py", "a/b.py", True),
        ("a/**/*.py", "a/b/c/d.py", True),
        ("**/c/*", "a/b/c/d", True),
        ("a/**", "a/b/c", True),
        ("a/**", "b/a/c", False),
        ("a/", "a/b/c", True),
        ("./a/b", "a/b", True),
        ("./*.py", "b/a.py", True),
        ("/a/b", "a/b", True),
        ("a/b", "a", False),
        ("**", "a/b", True),
        ("a//b", "a/b", True),
        ("a/./b", "a/b", True),
        (".", "a/b", True),
        ("", "a/b", True),
        ("a/..", "a/b", False),
    ],
)
def test_globs_are_relative_to_the_project(glob: str, path: str, is_hit: bool) -> None:  # noqa: FBT001 - a column
    """Without a slash they are names at any depth; `**` is any number of folders."""
    disk = Disk()
    disk.router.add("web", (glob,))
    assert disk.save(ROOT / path, "x") == ({"web"} if is_hit else set())


def test_globs_replace_what_a_process_reports(disk: Disk) -> None:
    """A file outside matches none, and an unchanged one is no change."""
    disk.router.add("web", ("**",))
    disk.router.report("web", "/elsewhere/x.py", "one")
    assert disk.save(Path("/elsewhere/x.py"), "two") == set()
    assert disk.save(ROOT / "a.txt", "one") == {"web"}
    assert disk.save(ROOT / "a.txt", "one") == set()
    disk.router.add("web", ())
    assert disk.save(APP, "three") == set()
