from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import termios

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sceneshift.core.console import (
    StreamConsole,
    fit_widths,
    fold,
    wants_colour,
)
from sceneshift.core.errors import SceneshiftError


class Screen(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def make_console(
    stream: type[io.StringIO] = io.StringIO,
) -> tuple[StreamConsole, io.StringIO, io.StringIO]:
    """Return a console and what it writes to: data, then words."""
    out, err = stream(), stream()
    return StreamConsole(out, err, env={}), out, err


@pytest.mark.parametrize(
    ("env", "stream", "expected"),
    [
        ({}, Screen(), True),
        ({}, io.StringIO(), False),
        ({"NO_COLOR": "1"}, Screen(), False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, Screen(), False),
        ({"NO_COLOR": ""}, Screen(), True),
        ({"FORCE_COLOR": "1"}, io.StringIO(), True),
        ({"FORCE_COLOR": "0"}, Screen(), False),
        ({"TERM": "dumb"}, Screen(), False),
    ],
)
def test_colour_is_decided_by_environment_and_terminal(
    env: dict[str, str], stream: io.StringIO, *, expected: bool
) -> None:
    """NO_COLOR forbids, FORCE_COLOR forces, else a terminal has colours."""
    assert wants_colour(stream, env) is expected


def test_the_process_environment_decides_where_none_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A console without an environment of its own reads the process's."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert wants_colour(io.StringIO())


def test_an_error_is_a_sentence_and_a_hint() -> None:
    """People get `error:` and `hint:` on standard error, programs nothing."""
    console, out, err = make_console()
    console.error(SceneshiftError("no `Procfile` here", hint="write one"))
    assert err.getvalue() == "error: no `Procfile` here\nhint: write one\n"
    assert out.getvalue() == ""


def test_an_error_without_a_hint_is_one_line() -> None:
    """There is no empty hint."""
    console, _, err = make_console()
    console.error(SceneshiftError("it failed"))
    assert err.getvalue() == "error: it failed\n"


def test_messages_carry_a_word_as_well_as_a_colour() -> None:
    """Meaning is never by colour alone."""
    console, _, err = make_console(Screen)
    console.success("built")
    console.note("hello")
    assert err.getvalue() == ("\x1b[32mdone:\x1b[0m built\nhello\n")


def test_everything_printed_is_masked() -> None:
    """No way out of the console shows a password."""
    console, out, err = make_console()
    url = "pg://u:secret@h/d"
    console.data(url)
    console.json({"a": [url, (url, 1)], "b": None})
    console.table([["url"], [url]])
    console.note(url)
    console.error(SceneshiftError(url, hint=url))
    assert "secret" not in out.getvalue() + err.getvalue()
    assert (out.getvalue() + err.getvalue()).count("***") == 7


def test_json_is_data_that_can_be_read_back() -> None:
    """What is printed as JSON parses to what was given."""
    console, out, _ = make_console()
    console.json({"name": "é", "ports": [1, 2], "ok": True})
    assert json.loads(out.getvalue()) == {"name": "é", "ports": [1, 2], "ok": True}


def test_a_table_aligns_its_columns() -> None:
    """Columns are as wide as their widest cell, without spaces at the end."""
    console, out, _ = make_console()
    console.table([["name", "pid"], ["backend", 1], ["w", 22]])
    assert out.getvalue() == "name     pid\nbackend  1\nw        22\n"


def test_a_table_fits_into_its_terminal() -> None:
    """Cells are folded at spaces and slashes; the terminal folds no row itself."""
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (24, 40))
    with os.fdopen(slave, "w") as screen, os.fdopen(master, "rb") as viewer:
        console = StreamConsole(screen, env={"NO_COLOR": "1"})
        console.table(
            [["process", "state", "pid"], ["web", "at: demo/backend/overview.py:36", 5]]
        )
        shown = [viewer.readline().decode().rstrip() for _ in range(4)]
    assert shown == [
        "process  state                       pid",
        "web      at:                         5",
        "         demo/backend/",
        "         overview.py:36",
    ]


@given(st.lists(st.integers(0, 300), min_size=1, max_size=8), st.integers(1, 200))
def test_no_column_gives_way_without_need(needed: list[int], room: int) -> None:
    """A table uses its room; what cannot fit keeps columns that can be read."""
    widths = fit_widths(needed, room)
    total = sum(widths) + 2 * (len(widths) - 1)
    assert all(w == n or 16 <= w < n for w, n in zip(widths, needed, strict=True))
    if widths != needed:
        assert total == room or max(widths) == 16
    elif total > room:
        assert max(needed) <= 16


def test_of_the_widest_columns_the_last_one_gives_way() -> None:
    """An id in front stays in one piece."""
    assert fit_widths([20, 8, 40], 51) == [20, 8, 19]


@given(st.text("ab /", max_size=60), st.integers(1, 20))
def test_a_folded_text_loses_nothing_but_spaces(text: str, width: int) -> None:
    """No line is too long, and none is missing."""
    lines = fold(text, width)
    assert max(map(len, lines)) <= width
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_an_empty_table_prints_nothing() -> None:
    """No rows, no lines."""
    console, out, _ = make_console()
    console.table([])
    assert out.getvalue() == ""


def test_a_stream_of_another_encoding_gets_what_it_can_show() -> None:
    """A character that the stream lacks does not fail the command."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    StreamConsole(stream).data("é→")
    assert raw.getvalue() == b"\\xe9\\u2192\n"


def test_the_standard_streams_are_found_at_each_call(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Data goes to standard output, words to standard error."""
    console = StreamConsole(env={})
    console.data("data")
    console.note("words")
    assert capsys.readouterr() == ("data\n", "words\n")


def test_the_console_imports_nothing_slow() -> None:
    """Every command has the console in its way."""
    code = "import sys, sceneshift.core.console; print(*sorted(sys.modules))"
    env = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=env,
    )
    assert not {"json", "asyncio", "msgspec", "rich"} & set(done.stdout.split())
