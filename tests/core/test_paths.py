from __future__ import annotations

import errno
import os
import socket
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import StateFolder, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 103  # what macOS holds, the closing NUL not counted


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that stands for `/tmp`: its path is shorter than pytest's own."""
    with tempfile.TemporaryDirectory(prefix="s") as folder:
        yield Path(folder)


@pytest.fixture
def deep(tmp_path: Path, shared: Path) -> StateFolder:
    """The state of a project whose path is too long for a socket."""
    return StateFolder(tmp_path / ("x" * 100), shared)


def mode(path: Path) -> int:
    """Return the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def private(shared: Path) -> Path:
    """Where sockets go that have no room in the project."""
    return shared / f"sceneshift-{os.getuid()}"


def test_the_folder_is_the_user_s_own_and_git_s_not(tmp_path: Path) -> None:
    """Whatever mode it had, and what is below it too."""
    (tmp_path / ".sceneshift").mkdir(mode=0o755)
    logs = StateFolder(tmp_path).make("logs", "old")
    assert logs == tmp_path / ".sceneshift" / "logs" / "old"
    assert mode(tmp_path / ".sceneshift") == mode(logs) == 0o700
    assert (tmp_path / ".sceneshift" / ".gitignore").read_text() == "*\n"


def test_what_a_person_wrote_into_the_folder_stays(tmp_path: Path) -> None:
    """Made again, it is as it was."""
    ignore = StateFolder(tmp_path).make() / ".gitignore"
    ignore.write_text("*\n!kept\n")
    StateFolder(tmp_path).make()
    assert ignore.read_text() == "*\n!kept\n"


def test_a_file_in_the_folder_s_place_is_named(tmp_path: Path) -> None:
    """It may be somebody's: nothing is removed."""
    (tmp_path / ".sceneshift").write_text("mine")
    with pytest.raises(SceneshiftError, match="the state folder cannot be made"):
        StateFolder(tmp_path).make()
    assert (tmp_path / ".sceneshift").read_text() == "mine"


def test_a_socket_lies_in_the_project_where_it_fits(
    tmp_path: Path, shared: Path
) -> None:
    """As far as the longest path that every system binds."""
    room = LONGEST - len(os.fsencode(tmp_path / ".sceneshift")) - 1
    name = "s" * room
    assert StateFolder(tmp_path).socket(name) == tmp_path / ".sceneshift" / name
    longer = StateFolder(tmp_path, shared).socket(name + "s")
    assert longer.parent == private(shared)


def test_a_long_path_has_a_short_socket_of_its_own(
    deep: StateFolder, shared: Path
) -> None:
    """The same each time, another for each project, and it can be bound."""
    path = deep.socket("dev.sock")
    assert path == deep.socket("dev.sock")
    assert path != StateFolder(deep.root / "y", shared).socket("dev.sock")
    assert path.parent == private(shared)
    assert mode(path.parent) == 0o700
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


@pytest.mark.parametrize("variable", ["XDG_RUNTIME_DIR", "TMPDIR"])
def test_every_terminal_finds_the_same_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Over ssh, in a nix-shell or by cron these variables are others."""
    state = StateFolder(tmp_path / ("x" * 100))
    path = state.socket("dev.sock")
    assert len(os.fsencode(path)) <= LONGEST
    monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)  # as in a new process
    assert state.socket("dev.sock") == path


def test_a_long_name_in_bytes_counts_as_long(tmp_path: Path, shared: Path) -> None:
    """The system counts bytes, not letters."""
    root = tmp_path / ("é" * ((LONGEST - len(str(tmp_path))) // 2))
    assert StateFolder(root, shared).socket("dev.sock").is_relative_to(shared)


@pytest.mark.parametrize("kind", ["open", "link", "file"])
def test_a_folder_that_others_may_use_is_refused(
    deep: StateFolder, shared: Path, kind: str
) -> None:
    """Who may write there might answer in the place of `inv dev`."""
    folder = private(shared)
    if kind == "open":
        folder.mkdir()
        folder.chmod(0o777)
    elif kind == "link":
        folder.symlink_to(shared)
    else:
        folder.touch(mode=0o600)
    with pytest.raises(SceneshiftError, match="is not yours alone") as caught:
        deep.socket("dev.sock")
    assert caught.value.hint == f"remove it: rm -r {folder}"


def test_a_full_disk_is_told_though_no_file_is_named(tmp_path: Path) -> None:
    """The system names none when a file is closed."""
    state = StateFolder(tmp_path)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(SceneshiftError) as caught, state.being_written():
        raise full
    assert caught.value.message == (
        f"the state of this checkout cannot be written: {state.path}: "
        "No space left on device"
    )


def test_an_error_elsewhere_is_not_the_state_s(tmp_path: Path) -> None:
    """What is no matter of the folder goes through."""
    with pytest.raises(FileNotFoundError), StateFolder(tmp_path).being_written():
        (tmp_path / "none" / "file").read_text()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """Whoever reads it meanwhile finds what it was, and nothing lies about."""
    file = tmp_path / "known.json"
    write_whole(file, "1")
    write_whole(file, "2")
    assert file.read_text() == "2"
    with pytest.raises(UnicodeEncodeError):
        write_whole(file, "\ud800")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "folder", "3")
    assert file.read_text() == "2"
    assert {each.name for each in tmp_path.iterdir()} == {"known.json", "folder"}
