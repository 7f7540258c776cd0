from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.launchfiles import make_launch_file
from sceneshift.ide.files import File, Section
from sceneshift.ide.jsonc import JsoncError, parse
from sceneshift.ide.jsonc.comparing import is_same
from sceneshift.ide.merging import Base, Merged, merge

MESSY = Path(__file__).parent / "messy"
SECTIONS: dict[str, tuple[tuple[str, ...], str | None]] = {
    "launch": (("configurations",), "name"),
    "tasks": (("tasks",), "label"),
    "settings": ((), None),
    "extensions": (("recommendations",), ""),
    "package": (("scripts",), None),
}
REFUSED = {
    "launch-array": "1:1: the file should be an object, it is an array",
    "launch-configurations-object": "2:21: `configurations` should be an array, it is"
    " an object",
    "launch-conflict": "4:1: a conflict of a merge is not solved here",
    "launch-duplicate-key": "4:5: `configurations` is there twice",
    "launch-missing-comma": "4:3: a comma or the end is expected, found `{`",
    "launch-single-quotes": "2:3: a key in double quotes is expected, found"
    " `'configurations'`",
    "launch-unclosed": "4:1: a value is expected, the file ends",
    "launch-unclosed-comment": "2:24: this comment does not end",
    "package-scripts-null": "1:13: `scripts` should be an object, it is null",
    "package-trailing-comma": "3:18: no comma may be before the end",
    "package-with-comment": "2:3: no comment may be here",
    "settings-duplicated-nested": "5:9: `editor.tabSize` is there twice",
    "settings-latin1": "2:11: it is not UTF-8",
    "settings-utf16": "1:1: it is not UTF-8",
    "tasks-tasks-string": "3:12: `tasks` should be an array, it is a string",
}
NAMES = sorted(path.stem for path in MESSY.iterdir())
READ = [name for name in NAMES if name not in REFUSED]
_WORD = re.compile(
    rb'//[^\r\n]*|/\*.*?\*/|"(?:[^"\\]|\\.)*"|[\[\]{}]|[^\s",:\[\]{}]+', re.DOTALL
)


def load(name: str) -> bytes:
    """Return a file, to the byte."""
    return (MESSY / f"{name}.json").read_bytes()


def make(name: str, entries: dict[str, Any]) -> File:
    """Return what is made for a file of that kind."""
    kind = name.partition("-")[0]
    path, key = SECTIONS[kind]
    if key == "":
        entries = {each: each for each in entries}
    elif key:
        entries = {each: {key: each, **value} for each, value in entries.items()}
    section = Section(path=path, key=key, entries=entries)
    return File(
        path=f"{kind}.json",
        template="x",
        sections=(section,),
        is_strict=kind == "package",
    )


FIRST = {"ours: one": {"type": "debugpy", "args": ["-m", "x"], "env": {"A": "1"}}}
BOTH = {**FIRST, "ours: two": {"type": "node", "cwd": "."}}
CHANGED = {
    "ours: one": {"type": "debugpy", "args": [], "env": {"A": "2", "B": "ü"}},
    "ours: three": {"type": "chrome"},
}


def merge_twice(file: File, found: bytes, base: Base) -> Merged:
    """Merge, and demand that a second time changes nothing."""
    merged = merge(file, found, base)
    second = merge(file, merged.content, merged.base)
    assert second.content == merged.content
    assert second.base == merged.base
    return merged


def read(file: File, data: bytes) -> Any:
    """Return the value of a file."""
    return parse(data, name=file.path, is_strict=file.is_strict).value


def put(file: File, value: Any) -> Any:
    """Return a value with all entries of ours behind those that it has."""
    (section,) = file.sections
    top = value = json.loads(json.dumps(value)) or {}
    for key in section.path[:-1]:
        value = value.setdefault(key, {})
    if section.key is not None:
        found = value.setdefault(section.path[-1], [])
        found += section.entries.values()
    elif section.path:
        value.setdefault(section.path[-1], {}).update(section.entries)
    else:
        value.update(section.entries)
    return top


def assert_all_there(before: bytes, after: bytes) -> None:
    """Each word and each comment of a file is there still."""
    lost = Counter(_WORD.findall(before)) - Counter(_WORD.findall(after))
    assert not lost


def test_there_are_many() -> None:
    """As people leave them."""
    assert len(NAMES) >= 60
    assert REFUSED.keys() <= set(NAMES)


@pytest.mark.parametrize("name", READ)
def test_a_messy_file_is_edited_and_stays_what_it_is(name: str) -> None:
    """Nothing, add, update, remove: what people wrote is there after each."""
    before = load(name)
    none, first, both, changed = (
        make(name, entries) for entries in ({}, FIRST, BOTH, CHANGED)
    )
    value = read(none, before)
    assert merge_twice(none, before, {}).content == before
    assert parse(before, name="x").edit().finish() == before
    added = merge_twice(both, before, {})
    assert is_same(read(both, added.content), put(both, value))
    assert_all_there(before, added.content)
    updated = merge_twice(changed, added.content, added.base)
    assert is_same(read(changed, updated.content), put(changed, value))
    assert_all_there(before, updated.content)
    fewer = merge_twice(first, added.content, added.base)
    assert is_same(read(first, fewer.content), put(first, value))
    removed = merge_twice(none, updated.content, updated.base)
    assert removed.base == {}
    if value and _has_entries(none, value):
        assert removed.content == before
    else:
        assert_all_there(before, removed.content)


def _has_entries(file: File, value: Any) -> bool:
    """Say whether there is something that ours are put beside."""
    for key in file.sections[0].path:
        value = value.get(key)
    return bool(value)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_meant_is_refused(name: str) -> None:
    """With file, line and column."""
    file = make(name, BOTH)
    with pytest.raises(JsoncError) as caught:
        merge(file, load(name), {})
    assert str(caught.value) == f"{file.path}:{REFUSED[name]}"


def test_git_leaves_them_as_they_are() -> None:
    """A checkout would make them tidy."""
    assert b"\r\n" in load("launch-crlf-bom")
    assert load("launch-mixed-ends").count(b"\r") == 4


def test_two_hundred_configurations_are_kept() -> None:
    """Every other one is ours, and is made differently; the others are not touched."""
    found = make_launch_file(200)
    value: Any = parse(found, name="x").value
    ours = {each["name"]: each for each in value["configurations"][::2]}
    old = Section(path=("configurations",), key="name", entries=ours)
    file = File(path="launch.json", template="x", sections=(old,))
    base = merge(file, found, {}).base
    new = {name: {**each, "cwd": "new"} for name, each in ours.items()}
    new_section = Section(path=("configurations",), key="name", entries=new)
    file = File(path="launch.json", template="x", sections=(new_section,))
    merged = merge_twice(file, found, base)
    pairs = zip(merged.content.splitlines(), found.splitlines(), strict=True)
    assert sum(one != other for one, other in pairs) == 100
