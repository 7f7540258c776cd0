from __future__ import annotations

import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import ConfigError
from sceneshift.core.example import ExampleCopy, apply_copy, plan_copy

if TYPE_CHECKING:
    from pathlib import Path

TABLE = "[tool.sceneshift.environments.development]\n"


def write(root: Path, example: str, settings: str = "") -> None:
    """Write an example, and settings."""
    (root / ".env.example").write_text(example)
    (root / "pyproject.toml").write_text(settings)


def test_a_first_start_begins_with_the_example(tmp_path: Path) -> None:
    """Word for word, for its owner's eyes, with what is left to do."""
    text = "# first\nLEVEL=debug\nAPI_KEY=changeme\nURL=\n"
    write(tmp_path, text)
    copy = plan_copy(tmp_path, {}, None)
    assert copy is not None
    assert str(copy) == (
        ".env is a copy of .env.example; you still have to fill in: "
        "API_KEY (.env:3), URL (.env:4)"
    )
    apply_copy(copy)
    file = tmp_path / ".env"
    assert file.read_text() == text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert plan_copy(tmp_path, {}, None) is None


def test_where_nothing_is_left_to_do_nothing_is_said_of_it(tmp_path: Path) -> None:
    """The example will do."""
    write(tmp_path, "LEVEL=debug\n")
    assert str(plan_copy(tmp_path, {}, None)) == ".env is a copy of .env.example"


def test_a_copy_that_git_would_take_in_is_told(tmp_path: Path) -> None:
    """Before anybody has filled in a secret."""
    write(tmp_path, "A=1")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    assert str(plan_copy(tmp_path, {}, None)) == (
        ".env is a copy of .env.example, and git does not ignore it: "
        "echo /.env >> .gitignore"
    )
    (tmp_path / ".gitignore").write_text("/.env\n")
    assert str(plan_copy(tmp_path, {}, None)) == ".env is a copy of .env.example"


@pytest.mark.parametrize("settings", ["env_files = ['other']", "protected = true"])
def test_an_environment_that_would_not_use_it_gets_none(
    tmp_path: Path, settings: str
) -> None:
    """It reads other files, or no example is good enough for it."""
    write(tmp_path, "A=1", TABLE + settings)
    assert plan_copy(tmp_path, {}, "dev") is None


def test_what_is_there_by_then_stays(tmp_path: Path) -> None:
    """Two starts at once do not harm each other; a dangling link is a word too."""
    write(tmp_path, "A=1")
    (tmp_path / ".env").write_text("A=2")
    apply_copy(ExampleCopy(root=tmp_path, unfilled=()))
    assert (tmp_path / ".env").read_text() == "A=2"
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").symlink_to("none")
    assert plan_copy(tmp_path, {}, None) is None


def test_a_broken_example_is_not_copied(tmp_path: Path) -> None:
    """The error says where it is broken."""
    write(tmp_path, "A=1\nhello world")
    with pytest.raises(ConfigError, match=r"^\.env\.example:2: no assignment"):
        plan_copy(tmp_path, {}, None)


# From within the folder: those above it are closed to others than its owner.
WITHOUT_RIGHTS = """
import os
from pathlib import Path
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.example import ExampleCopy, apply_copy
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    apply_copy(ExampleCopy(root=Path(), unfilled=()))
except SceneshiftError as error:
    print(error.message, error.hint, sep="; ")
"""


def test_a_copy_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """With where to look."""
    folder = tmp_path / "project"
    folder.mkdir()
    write(folder, "A=1")
    folder.chmod(0o555)
    said = subprocess.check_output(
        [sys.executable, "-c", WITHOUT_RIGHTS], cwd=folder, text=True
    )
    assert said == (
        ".env cannot be written: permission denied; is the folder yours? ls -ld .\n"
    )
