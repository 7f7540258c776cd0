from __future__ import annotations

from pathlib import Path

import pytest

from sceneshift.core.envfile import load_env_file
from sceneshift.core.errors import ConfigError

FILE = Path(".env")


def load(root: Path, text: str | bytes) -> dict[str, tuple[str, int]]:
    """Write an env file and read it: text and line by key."""
    (root / FILE).write_bytes(text if isinstance(text, bytes) else text.encode())
    return {line.key: (line.text, line.number) for line in load_env_file(root, FILE)}


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("A=hello world", "A", "hello world"),
        ("C=abc#def", "C", "abc#def"),
        ("export E=1", "E", "1"),
        ("L=", "L", ""),
        (r"K=C:\new", "K", r"C:\new"),
        ("Q=it's", "Q", "it's"),
        ('M="one\ntwo"', "M", "one\ntwo"),
    ],
)
def test_what_honcho_misreads_is_read(
    tmp_path: Path, line: str, key: str, value: str
) -> None:
    """Words, `#`, export, empty values, backslashes, quotes and several lines hold."""
    assert load(tmp_path, line + "\n") == {key: (value, 1)}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_each_value_knows_its_line(tmp_path: Path, end: str) -> None:
    """Lines count as in an editor, whatever ends them."""
    text = end.join(["# first", "", "A=1", "", "", 'B="x', 'y"', "C=2"])
    read = load(tmp_path, text)
    assert {key: line for key, (_, line) in read.items()} == {"A": 3, "B": 6, "C": 8}


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    """Editors of Windows write one."""
    assert load(tmp_path, b"\xef\xbb\xbfA=1") == {"A": ("1", 1)}


def test_a_name_alone_says_nothing(tmp_path: Path) -> None:
    """`NAME` without `=` is left to the shell."""
    assert load(tmp_path, "A\nB=1") == {"B": ("1", 2)}


def test_a_missing_file_says_nothing(tmp_path: Path) -> None:
    """A fresh clone has no `.env`."""
    assert load_env_file(tmp_path, FILE) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "A=1\n\nhello world\n",
            ".env:3: no assignment can be read here: `hello world`",
        ),
        ("A='x\n", ".env:1: no assignment can be read here: `A=…`"),
        (b"A=1\nB=\xff", ".env:2: is not UTF-8"),
    ],
)
def test_a_line_without_meaning_is_refused(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    """Nothing is dropped in silence: the error says file:line."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert caught.value.message == message
    assert caught.value.hint


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """An unreadable file is not taken for a missing one."""
    (tmp_path / FILE).symlink_to(FILE)
    with pytest.raises(ConfigError, match=r"\.env: cannot be read: .+") as caught:
        load_env_file(tmp_path, FILE)
    assert caught.value.hint == "make it readable, or remove it: ls -ld .env"
