from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import UsageError
from sceneshift.dev.output.lines import LogLine
from sceneshift.dev.output.logs import LogQuery, find_names, parse_since, read_logs
from sceneshift.dev.output.rotation import RotatingLog

if TYPE_CHECKING:
    from pathlib import Path

AT = 1_700_000_000.0


def write_log(folder: Path, name: str, *lines: tuple[float, bytes]) -> None:
    """Write a log of lines at their times."""
    log = RotatingLog(folder / f"{name}.log")
    for at, data in lines:
        log.append(data, at)
    log.close()


def texts(lines: list[LogLine]) -> list[str]:
    """Return what the lines say."""
    return [line.text for line in lines]


def test_lines_of_all_processes_come_in_the_order_of_time(tmp_path: Path) -> None:
    """Several logs read like one."""
    write_log(tmp_path, "web", (AT, b"1\n"), (AT + 2, b"3\n"))
    write_log(tmp_path, "worker", (AT + 1, b"2\n"), (AT + 3, b"4\n"))
    lines = read_logs(tmp_path, LogQuery())
    assert [(x.name, x.text) for x in lines] == [
        ("web", "1"),
        ("worker", "2"),
        ("web", "3"),
        ("worker", "4"),
    ]


def test_names_since_pattern_and_limit_narrow_what_is_read(tmp_path: Path) -> None:
    """Each part of a query takes lines away."""
    write_log(tmp_path, "web", *((AT + n, b"GET /%d\n" % n) for n in range(10)))
    write_log(tmp_path, "worker", (AT + 5, b"job\n"))
    assert texts(read_logs(tmp_path, LogQuery(names=("worker",)))) == ["job"]
    assert texts(read_logs(tmp_path, LogQuery(since=AT + 8))) == ["GET /8", "GET /9"]
    assert texts(read_logs(tmp_path, LogQuery(pattern=re.compile("jo")))) == ["job"]
    assert texts(read_logs(tmp_path, LogQuery(limit=1))) == ["GET /9"]


def test_a_flood_over_several_files_is_read_whole(tmp_path: Path) -> None:
    """Lines without a time of their own have that of the first read with them."""
    log = RotatingLog(tmp_path / "web.log", max_bytes=400_000)
    for step in range(5):
        block = b"".join(b"line %d-%05d\n" % (step, n) for n in range(20_000))
        log.append(block, AT + step)
    log.close()
    lines = read_logs(tmp_path, LogQuery(since=AT + 3))
    expected = [f"line {step}-{n:05}" for step in (3, 4) for n in range(20_000)]
    assert texts(lines) == expected
    assert {x.at for x in lines} == {AT + 3, AT + 4}


def test_notes_bad_bytes_and_progress_bars_are_read_as_they_were_shown(
    tmp_path: Path,
) -> None:
    """Reading back gives text, whatever is in the file."""
    log = RotatingLog(tmp_path / "web.log")
    log.append(b"\xff\0\n10%\r99%\r\n", AT)
    log.note("restarted", AT)
    log.close()
    lines = read_logs(tmp_path, LogQuery())
    assert texts(lines) == ["\ufffd\\x00", "99%", "restarted"]
    assert [x.is_note for x in lines] == [False, False, True]


def test_a_line_that_a_rotation_parted_is_joined(tmp_path: Path) -> None:
    """What began in one file and ended in the next is one line."""
    log = RotatingLog(tmp_path / "web.log", max_bytes=1_000)
    for _ in range(5):
        log.append(b"x" * 500, AT)
    log.append(b"end\n", AT)
    log.close()
    assert texts(read_logs(tmp_path, LogQuery())) == ["x" * 2_500 + "end"]


def test_a_line_of_many_blocks_and_an_unended_last_one_are_whole(
    tmp_path: Path,
) -> None:
    """The file is read in blocks, which no line notices."""
    log = RotatingLog(tmp_path / "web.log")
    log.append(b"y" * 1_000_000 + b"\nz", AT)
    assert texts(read_logs(tmp_path, LogQuery())) == ["y" * 1_000_000, "z"]
    log.close()


def test_an_empty_log_has_no_lines(tmp_path: Path) -> None:
    """A process that said nothing is no error."""
    (tmp_path / "web.log").touch()
    assert read_logs(tmp_path, LogQuery(names=("web",))) == []
    assert find_names(tmp_path) == ["web"]


def test_a_log_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    """The error says what could have been meant, or what there is."""
    with pytest.raises(UsageError) as caught:
        read_logs(tmp_path, LogQuery(names=("wep",)))
    assert caught.value.hint == "there are none yet"
    write_log(tmp_path, "web", (AT, b"x\n"))
    with pytest.raises(UsageError) as caught:
        read_logs(tmp_path, LogQuery(names=("wep",)))
    assert "`wep`" in caught.value.message
    assert caught.value.hint == "did you mean `web`?"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1.5m", 90), ("2h", 7200), (" 1d ", 86400)]
)
def test_a_span_is_before_now(text: str, seconds: float) -> None:
    """A number with a unit, or of seconds."""
    assert parse_since(text, AT) == AT - seconds


def test_an_iso_time_is_itself() -> None:
    """With its zone, or local without one."""
    assert parse_since("2023-11-14T22:13:20Z", 0) == AT
    local = datetime.fromisoformat("2023-11-14T22:13").timestamp()
    assert parse_since("2023-11-14T22:13", 0) == local


def test_what_is_neither_span_nor_time_is_a_usage_error() -> None:
    """The error repeats the value."""
    with pytest.raises(UsageError, match="yesterday"):
        parse_since("yesterday", AT)


def test_a_line_as_json_has_an_iso_time() -> None:
    """The shape that `dev.logs --json` prints."""
    line = LogLine(name="web", at=AT + 0.25, text="x")
    assert line.as_json() == {
        "process": "web",
        "time": "2023-11-14T22:13:20.250Z",
        "text": "x",
        "note": False,
    }
