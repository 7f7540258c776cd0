from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import pytest
from msgspec import Meta, Struct

from sceneshift.core.errors import ConfigError
from sceneshift.core.schema import convert, join_keys

FILE = Path("some.toml")


class Plain(Struct, forbid_unknown_fields=True):
    """A table whose keys say nothing of what they expect."""

    number: int = 0
    below: dict[str, list[Annotated[int, Meta(ge=0)]]] = {}


def make_type() -> type[int]:
    """Stand for an annotation that takes its time to be read."""
    readings.append(threading.get_ident())
    started.wait(0.2)
    return int


readings: list[int] = []
started = threading.Event()


class Learned(Struct):
    """A struct whose field is of a type that is found at the first conversion."""

    number: make_type()  # type: ignore[valid-type]


def test_two_threads_convert_one_after_the_other() -> None:
    """The library crashes where both learn a struct."""

    def work() -> None:
        assert convert({"number": 1}, Learned, file=FILE, prefix=[]).number == 1

    threads = [threading.Thread(target=work) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(readings) == 1


def test_a_table_becomes_a_struct() -> None:
    """Types are those of the struct."""
    table = {"number": 1, "below": {"a": [2]}}
    expected = Plain(number=1, below={"a": [2]})
    assert convert(table, Plain, file=FILE, prefix=["tool"]) == expected


def test_without_a_description_the_type_is_expected() -> None:
    """There is always a word of what would do."""
    with pytest.raises(ConfigError) as caught:
        convert({"number": "x"}, Plain, file=FILE, prefix=["tool"])
    message = 'some.toml: `tool.number`: expected `int`, got `str`, found `"x"`'
    assert caught.value.message == message


def test_the_place_is_found_through_tables_and_lists() -> None:
    """Of several faults the first is told, with its whole path."""
    table = {"below": {"a": [1], "b.c": [1, -2], "d": [-1]}}
    with pytest.raises(ConfigError) as caught:
        convert(table, Plain, file=FILE, prefix=["tool"])
    assert caught.value.key == 'tool.below."b.c"[1]'
    assert caught.value.message.endswith(": expected `int` >= 0, found `-2`")


def test_a_key_path_is_written_as_toml_does() -> None:
    """So it can be copied."""
    assert join_keys(["a", "b c", 3, "d"]) == 'a."b c"[3].d'
