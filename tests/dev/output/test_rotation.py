from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from sceneshift.dev.output.rotation import RotatingLog, rotated

if TYPE_CHECKING:
    from pathlib import Path

AT = 1_700_000_000.25
STAMP = b"2023-11-14T22:13:20.250Z "


def test_each_line_begins_with_its_time(tmp_path: Path) -> None:
    """A person and grep find the time of a line in the file."""
    log = RotatingLog(tmp_path / "web.log")
    log.append(b"a\nb\n", AT)
    log.close()
    assert log.path.read_bytes() == STAMP + b"a\n" + STAMP + b"b\n"


def test_a_flood_has_one_time_for_what_was_read_at_once(tmp_path: Path) -> None:
    """The lines after the first begin with a space."""
    log = RotatingLog(tmp_path / "web.log")
    log.append(b"x" * 20_000 + b"\ny\nz\n", AT)
    log.close()
    assert log.path.read_bytes() == STAMP + b"x" * 20_000 + b"\n y\n z\n"


def test_a_note_is_marked_and_ends_an_open_line(tmp_path: Path) -> None:
    """A line of ours can be told from the process's own."""
    log = RotatingLog(tmp_path / "web.log")
    log.append(b"half", AT)
    log.note("restarted", AT)
    log.append(b"new\n", AT)
    log.close()
    note = STAMP[:-1] + b"*restarted\n"
    assert log.path.read_bytes() == STAMP + b"half\n" + note + STAMP + b"new\n"


def test_bytes_are_kept_as_they_are_and_parts_of_a_line_joined(tmp_path: Path) -> None:
    """Invalid bytes are for the reader to judge; a long line is whole."""
    log = RotatingLog(tmp_path / "web.log")
    log.append(b"\xff\0" * 50_000, AT)
    log.append(b"end\nnext\n", AT)
    log.close()
    expected = STAMP + b"\xff\0" * 50_000 + b"end\n" + STAMP + b"next\n"
    assert log.path.read_bytes() == expected


def test_the_file_is_the_owners_alone(tmp_path: Path) -> None:
    """A log may hold what others must not read."""
    log = RotatingLog(tmp_path / "web.log")
    log.append(b"a\n", AT)
    log.close()
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


def test_a_later_run_appends_and_ends_what_a_crash_left(tmp_path: Path) -> None:
    """Nothing is lost, and no line is glued to another."""
    path = tmp_path / "web.log"
    path.write_bytes(b"crashed in the mid")
    log = RotatingLog(path)
    log.append(b"a\n", AT)
    log.close()
    log.append(b"b\n", AT)
    log.append(b"open", AT)
    log.close()
    assert path.read_bytes() == b"crashed in the mid\n" + b"".join(
        STAMP + text for text in (b"a\n", b"b\n", b"open\n")
    )


def test_files_are_rotated_at_line_ends_and_bounded(tmp_path: Path) -> None:
    """Three files of about the limit hold the newest lines, none of them cut."""
    log = RotatingLog(tmp_path / "web.log", max_bytes=1_000)
    for number in range(300):
        log.append(b"line %d\n" % number, AT)
    log.close()
    files = [rotated(log.path, number) for number in (2, 1, 0)]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert all(file.stat().st_size <= 1_100 for file in files)
    lines = b"".join(file.read_bytes() for file in files).splitlines()
    first = 300 - len(lines)
    assert lines == [STAMP + b"line %d" % number for number in range(first, 300)]


def test_one_block_is_spread_over_files_each_beginning_with_a_time(
    tmp_path: Path,
) -> None:
    """A flood does not make a file larger than a line beyond the limit."""
    log = RotatingLog(tmp_path / "web.log", max_bytes=10_000)
    log.append(b"0123456789\n" * 3_000, AT)
    log.close()
    for number in range(3):
        data = rotated(log.path, number).read_bytes()
        assert len(data) <= 10_000 + len(STAMP) + 12
        assert data.startswith(STAMP + b"0123456789\n 0123456789\n")


def test_a_line_without_end_cannot_fill_the_disk(tmp_path: Path) -> None:
    """Such a line is parted at twice the limit."""
    log = RotatingLog(tmp_path / "web.log", max_bytes=1_000)
    for _ in range(100):
        log.append(b"x" * 300, AT)
    log.close()
    assert all(file.stat().st_size <= 2_001 for file in tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == 3


def test_one_file_is_enough_where_only_one_is_wanted(tmp_path: Path) -> None:
    """With one file, rotation begins anew."""
    log = RotatingLog(tmp_path / "web.log", max_bytes=100, files=1)
    for _ in range(50):
        log.append(b"line\n", AT)
    log.close()
    assert [file.name for file in tmp_path.iterdir()] == ["web.log"]
    assert log.path.stat().st_size <= 130


def test_a_folder_that_is_gone_is_no_end(tmp_path: Path) -> None:
    """The reason is kept, and the next block tries again."""
    log = RotatingLog(tmp_path / "logs" / "web.log")
    log.append(b"lost\n", AT)
    assert isinstance(log.error, FileNotFoundError)
    log.path.parent.mkdir()
    log.append(b"kept\n", AT)
    assert log.error is None
    log.close()
    assert log.path.read_bytes() == STAMP + b"kept\n"


def test_a_log_that_is_removed_goes_on_in_a_new_file(tmp_path: Path) -> None:
    """What is written next can be read, though a person cleared the logs."""
    log = RotatingLog(tmp_path / "web.log")
    log.append(b"lost\n", AT)
    log.path.unlink()
    log.append(b"kept\n", AT)
    log.close()
    assert log.path.read_bytes() == STAMP + b"kept\n"
