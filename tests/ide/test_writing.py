from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import BusyError, SceneshiftError
from sceneshift.ide.writing import read_place, sweep, write_all

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_written_with_its_folder(tmp_path: Path) -> None:
    """And nothing is left beside it."""
    place = read_place(tmp_path, "a/b/c.json")
    assert place.found is None
    write_all([(place, b"{}\r\n")])
    assert (tmp_path / "a/b/c.json").read_bytes() == b"{}\r\n"
    assert [each.name for each in (tmp_path / "a/b").iterdir()] == ["c.json"]


def test_a_mode_stays_what_it_was(tmp_path: Path) -> None:
    """Somebody may have had a reason."""
    file = tmp_path / "a.json"
    file.write_bytes(b"1")
    file.chmod(0o640)
    write_all([(read_place(tmp_path, "a.json"), b"2")])
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert file.read_bytes() == b"2"


def test_a_link_stays_one(tmp_path: Path) -> None:
    """What it leads to is written, where that is the project's own."""
    (tmp_path / "real.json").write_bytes(b"1")
    (tmp_path / "a.json").symlink_to("real.json")
    write_all([(read_place(tmp_path, "a.json"), b"2")])
    assert (tmp_path / "a.json").is_symlink()
    assert (tmp_path / "real.json").read_bytes() == b"2"


def test_a_link_out_of_the_project_is_told(tmp_path: Path) -> None:
    """It may be another project's file."""
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "other.json").write_bytes(b"1")
    (root / "a.json").symlink_to(tmp_path / "other.json")
    with pytest.raises(SceneshiftError, match="out of the project") as caught:
        read_place(root, "a.json")
    assert caught.value.hint == "replace the link: rm a.json"
    (root / ".vscode").symlink_to(tmp_path / "nowhere")
    with pytest.raises(SceneshiftError, match="out of the project") as caught:
        read_place(root, ".vscode/launch.json")
    assert caught.value.hint == "replace the link: rm .vscode"


def test_a_link_to_itself_is_told(tmp_path: Path) -> None:
    """In whatever way Python finds that out."""
    (tmp_path / "a.json").symlink_to("a.json")
    with pytest.raises(SceneshiftError, match=r"`a\.json` cannot be read: "):
        read_place(tmp_path, "a.json")


def test_a_draft_that_cannot_go_hinders_nobody(tmp_path: Path) -> None:
    """Somebody has made a folder of its name."""
    (tmp_path / ".a.json.draft").mkdir()
    sweep([read_place(tmp_path, "a.json")])
    with pytest.raises(SceneshiftError, match=r"`a\.json` cannot be written: is a dir"):
        write_all([(read_place(tmp_path, "a.json"), b"2")])


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    """Before anything is written."""
    (tmp_path / ".vscode").write_text("mine")
    with pytest.raises(SceneshiftError, match=r"`[.]vscode` is a file") as caught:
        read_place(tmp_path, ".vscode/launch.json")
    assert caught.value.hint == "give it another name: mv .vscode .vscode.old"
    (tmp_path / "folder").mkdir()
    with pytest.raises(SceneshiftError, match="`folder` cannot be read"):
        read_place(tmp_path, "folder")


def test_nothing_is_written_where_one_may_not_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All or none."""
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"1")
    places = [read_place(tmp_path, name) for name in ("a", "b")]
    # Root may write what is read-only.
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: path != places[1].file and access(path, mode)
    )
    with pytest.raises(SceneshiftError, match=r"`b` cannot be written: .* read-only"):
        write_all([(place, b"2") for place in places])
    assert (tmp_path / "a").read_bytes() == b"1"


def test_what_somebody_saves_meanwhile_is_not_lost(tmp_path: Path) -> None:
    """It is another than what was merged with."""
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"1")
    places = [read_place(tmp_path, name) for name in ("a", "b")]
    (tmp_path / "b").write_bytes(b"mine")
    with pytest.raises(BusyError, match="`b` was changed in this moment"):
        write_all([(place, b"2") for place in places])
    (tmp_path / "b").unlink()
    with pytest.raises(BusyError):
        write_all([(places[1], b"2")])
    assert (tmp_path / "a").read_bytes() == b"1"


def test_a_full_disk_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all files, be there room for some; nor is a draft left."""
    for name in "ab":
        (tmp_path / name).write_bytes(b"1")
    room = iter([True])
    sync = os.fsync

    def fill(number: int) -> None:
        if not next(room, False):
            raise OSError(28, "No space left on device")
        sync(number)

    monkeypatch.setattr(os, "fsync", fill)
    match = "`b` cannot be written: no space left"
    with pytest.raises(SceneshiftError, match=match) as caught:
        write_all([(read_place(tmp_path, name), b"2") for name in "ab"])
    assert caught.value.hint == "make room: df -h ."
    assert [(tmp_path / name).read_bytes() for name in "ab"] == [b"1", b"1"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "b"]
