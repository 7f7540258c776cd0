from __future__ import annotations

import base64
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages import make_map
from sceneshift.ide.doctor.sourcemaps import (
    Locator,
    Segment,
    Source,
    decode_data,
    parse_source_map,
)

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def encode(number: int) -> str:
    """Return a number as source maps have it: five bits a digit, the lowest first."""
    rest, text = (abs(number) << 1) | (number < 0), ""
    while True:
        rest, digit = divmod(rest, 32)
        text += DIGITS[digit | (32 if rest else 0)]
        if not rest:
            return text


def encode_all(segments: list[Segment]) -> str:
    """Return the mappings of some segments, which are in order."""
    lines, source, source_line = [], 0, 0
    for line in range(max((each.line for each in segments), default=0) + 1):
        column, pieces = 0, []
        for each in segments:
            if each.line == line:
                lines_on = each.source_line - source_line
                deltas = [each.column - column, each.source - source, lines_on, 7]
                pieces.append("".join(map(encode, deltas)))
                column, source, source_line = each[1:]
        lines.append(",".join(pieces))
    return ";".join(lines)


places = st.tuples(st.integers(0, 20), st.integers(0, 10_000))
targets = st.tuples(st.integers(0, 3), st.integers(0, 10_000))


@given(st.dictionaries(places, targets, min_size=1))
def test_mappings_are_read_as_they_were_written(
    given_places: dict[tuple[int, int], tuple[int, int]],
) -> None:
    """Each place in the code belongs to the nearest one before it on its line."""
    segments = sorted(Segment(*place, *to) for place, to in given_places.items())
    value = {"sources": ["a", "b", "c", "d"], "mappings": encode_all(segments)}
    found = parse_source_map(json.dumps(value).encode())
    assert found is not None
    assert found.segments == segments
    for one, other in itertools.pairwise(segments):
        assert found.find(one.line, one.column) == one
        if other.line == one.line:
            assert found.find(one.line, other.column - 1) == one
    first = segments[0]
    if first.column:
        assert found.find(first.line, first.column - 1) is None
    assert found.find(21, 0) is None


def test_sections_are_one_map() -> None:
    """Each begins at its place, and has sources of its own."""
    one = make_map("one.ts", "1\n2\n", sourceRoot="/src")
    sections = [
        {"offset": {"line": 0, "column": 0}, "map": one},
        {"offset": {"line": 10, "column": 5}, "map": {**one, "sources": ["two.ts"]}},
    ]
    found = parse_source_map(b")]}'" + json.dumps({"sections": sections}).encode())
    assert found is not None
    assert found.sources == (Source("/src", "one.ts"), Source("/src", "two.ts"))
    assert found.find(3, 9) == Segment(3, 0, 0, 1)
    assert found.find(12, 0) == Segment(12, 0, 1, 0)


@pytest.mark.parametrize("data", [b"", b"<!doctype html>", b"[]", b'{"sources": 1}'])
def test_what_is_no_source_map_is_none(data: bytes) -> None:
    """As where a server answers each address with its page."""
    assert parse_source_map(data) is None


def test_code_that_comes_from_nowhere_has_no_source() -> None:
    """As what a bundler puts between modules."""
    found = parse_source_map(b'{"sources": ["a.ts"], "mappings": "A,CAAA"}')
    assert found is not None
    assert found.segments == [Segment(0, 1, 0, 0)]


def test_damaged_mappings_say_nothing() -> None:
    """The sources are known nevertheless."""
    found = parse_source_map(b'{"sources": ["a.ts"], "mappings": "!!"}')
    assert found is not None
    assert found.sources == (Source("", "a.ts"),)
    assert found.find(0, 0) is None


def test_a_map_may_be_within_the_code() -> None:
    """In either way of writing it."""
    data = b'{"x": "\xc3\xa4"}'
    encoded = base64.b64encode(data).decode()
    assert decode_data(f"data:application/json;charset=utf-8;base64,{encoded}") == data
    assert decode_data("data:application/json,%7B%22x%22%3A1%7D") == b'{"x":1}'
    assert decode_data("data:application/json;base64,x") is None
    assert decode_data("app.js.map") is None


ROOT = Path("/shop/web")
PAGE = "http://127.0.0.1:5173"


@pytest.mark.parametrize(
    ("script", "source", "file"),
    [
        (f"{PAGE}/src/main.tsx?t=1", Source("", "main.tsx"), "/shop/web/src/main.tsx"),
        (f"{PAGE}/src/a%20b.ts", Source("", "a%20b.ts"), "/shop/web/src/a b.ts"),
        (f"{PAGE}/a/b.js", Source("", "../src/b.ts"), "/shop/web/src/b.ts"),
        (f"{PAGE}/a/b.js", Source("../src", "b.ts"), "/shop/web/src/b.ts"),
        (f"{PAGE}/a/b.js", Source("/src/", "b.ts"), "/shop/web/src/b.ts"),
        (f"{PAGE}/a/b.js", Source("file:///src", "b.ts"), "/src/b.ts"),
        (f"{PAGE}/b.js", Source("", "/shop/web/src/b.ts"), "/shop/web/src/b.ts"),
        (f"{PAGE}/b.js", Source("", "file:///x%20y/b.ts"), "/x y/b.ts"),
        (f"{PAGE}/b.js", Source("", f"{PAGE}/src/b.ts"), "/shop/web/src/b.ts"),
        (f"{PAGE}/b.js", Source("", "webpack:///./src/b.ts"), "/shop/web/src/b.ts"),
        (f"{PAGE}/b.js", Source("", "webpack://shop/./src/b.ts"), "/shop/web/src/b.ts"),
        (
            f"{PAGE}/b.js",
            Source("", "webpack:///./~/react/index.js"),
            "/shop/web/node_modules/react/index.js",
        ),
        (f"{PAGE}/b.js", Source("", "webpack:////shop/b.ts"), "/shop/b.ts"),
        (
            "webpack-internal:///./a",
            Source("", "webpack://x/./a.ts?1"),
            "/shop/web/a.ts",
        ),
        (f"{PAGE}/b.js", Source("", "turbopack://[project]/a.ts"), "/shop/a.ts"),
    ],
)
def test_a_source_is_where_js_debug_looks_for_it(
    script: str, source: Source, file: str
) -> None:
    """Beside its code, as `webRoot` has it, or by what is written for bundlers."""
    assert Locator(ROOT, root=Path("/shop")).find_source(script, source) == Path(file)


def test_what_an_entry_says_of_sources_replaces_the_rest() -> None:
    """The longest pattern that fits wins."""
    overrides: dict[str, Any] = {"app:///*": "${webRoot}/src/*", "app:///x/*": "/x/*"}
    locator = Locator(ROOT, root=ROOT, overrides=overrides)
    found = [
        locator.find_source(f"{PAGE}/b.js", Source("", name))
        for name in ("app:///a.ts", "APP:///x/a.ts")
    ]
    assert found == [ROOT / "src/a.ts", Path("/x/a.ts")]


def test_code_without_a_map_is_a_file_by_its_path(tmp_path: Path) -> None:
    """By the end of it, where a server has it in a folder of its own."""
    (tmp_path / "web/src").mkdir(parents=True)
    file, other = tmp_path / "web/src/app.js", tmp_path / "other.js"
    file.touch()
    other.touch()
    mapping = {"static/all": str(tmp_path)}
    locator = Locator(tmp_path / "web", root=tmp_path, mapping=mapping)
    assert locator.find_script(f"{PAGE}/src/app.js?v=1") == file
    assert locator.find_script(f"{PAGE}/else/src/app.js") == file
    assert locator.find_script(f"{PAGE}/other.js") is None
    assert locator.find_script(f"{PAGE}/static/all/other.js") == other
    assert locator.find_script(f"{PAGE}/static/all") is None
    assert locator.find_script(file.as_uri()) == file
    assert locator.find_script("webpack-internal:///src/app.js") is None
