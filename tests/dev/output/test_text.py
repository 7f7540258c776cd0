from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sceneshift.dev.output.text import (
    CUT_END,
    CUT_START,
    LONGEST_LINE,
    character_start,
    clean_block,
    complete_length,
    cut_long_lines,
)


@pytest.mark.parametrize(
    ("block", "shown"),
    [
        (b"plain\n", b"plain\n"),
        (b"gr\xc3\xbcn \xe2\x9c\x93\n", b"gr\xc3\xbcn \xe2\x9c\x93\n"),
        (b"a\xffb\n", b"a\xef\xbf\xbdb\n"),
        (b"a\0b\x0e\x7f\n", b"a\\x00b\\x0e\\x7f\n"),
        (b"\ttab \x1b[31mred\x1b[0m\a\b\n", b"\ttab \x1b[31mred\x1b[0m\a\b\n"),
        (b"windows\r\nline\r\n", b"windows\nline\n"),
        (b"10%\r50%\r100%\nnext\n", b"100%\nnext\n"),
        (b"10%\r100%\r\n", b"100%\n"),
        (b"old\x1b[2K\x1b[1Gnew\n", b"new\n"),
        (b"\r\n", b"\n"),
    ],
)
def test_a_block_is_made_fit_to_be_shown(block: bytes, shown: bytes) -> None:
    """ANSI and tabs pass; bad bytes are replaced, rewritten lines end rewritten."""
    assert clean_block(block) == shown


def test_a_line_of_a_megabyte_is_cut_with_marks_and_loses_nothing() -> None:
    """Every piece but the last ends with a mark, every one but the first begins so."""
    line = b"0123456789" * 100_000
    shown = clean_block(b"before\n" + line + b"\nafter\n")
    pieces = shown.split(b"\n")
    assert (pieces[0], pieces[-2], pieces[-1]) == (b"before", b"after", b"")
    assert all(len(x) <= LONGEST_LINE + 8 for x in pieces)
    assert shown.replace(CUT_END + b"\n" + CUT_START, b"")[7:-6] == line + b"\n"


def test_a_line_is_not_cut_within_a_character() -> None:
    """Each piece of a long line is valid UTF-8 by itself."""
    shown = clean_block(b"x" + "é".encode() * LONGEST_LINE + b"\n")
    assert shown.count(CUT_END) == 2
    assert "\ufffd" not in shown.decode()


def test_a_line_of_exactly_the_limit_is_left_whole() -> None:
    """The limit itself is allowed, among other lines too."""
    block = b"a\n" + b"x" * LONGEST_LINE + b"\n" + b"b\n" * LONGEST_LINE
    assert cut_long_lines(block) == block


@given(st.binary())
def test_any_bytes_become_lines_of_valid_text(data: bytes) -> None:
    """Whatever a child writes is shown as UTF-8 with the same number of lines."""
    shown = clean_block(data + b"\n")
    assert shown.decode().count("\n") == data.count(b"\n") + 1
    assert b"\0" not in shown
    assert b"\r" not in shown


@given(st.text(), st.integers(min_value=0, max_value=100))
def test_what_is_complete_of_a_cut_text_is_text(text: str, cut: int) -> None:
    """It decodes, and lacks less than a character."""
    data = text.encode()[:cut]
    length = complete_length(data)
    assert len(data) - length < 4
    assert text.startswith(data[:length].decode())


def test_bytes_that_are_no_text_are_never_waited_for() -> None:
    """Continuation bytes without a start are as complete as they will be."""
    assert complete_length(b"\x80\x80\x80\x80") == 4
    assert complete_length(b"") == 0
    assert character_start(b"\x80" * 10, 8) == 8
    assert character_start(b"abc", 3) == 3
