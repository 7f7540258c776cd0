from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.ide.files import File, Section
from sceneshift.ide.jsonc import JsoncError, parse
from sceneshift.ide.merging import Base, Merged, merge

if TYPE_CHECKING:
    from collections.abc import Mapping

API = {
    "name": "API",
    "type": "debugpy",
    "args": ["-m", "x"],
    "env": {"APP_ENV": "development", "PORT": "8000"},
}
TESTS = {"name": "Tests", "type": "debugpy"}
HEAD = {"version": "0.2.0"}


def launch(*entries: Mapping[str, Any]) -> File:
    """Return what is made: entries of `launch.json`."""
    named = {entry["name"]: entry for entry in entries}
    section = Section(path=("configurations",), key="name", entries=named)
    return make(section, head=HEAD)


def make(*sections: Section, head: Mapping[str, Any] = {}, **values: Any) -> File:
    """Return what is made: sections."""
    return File(
        path=".vscode/x.json",
        template="x.jinja",
        head=head,
        sections=sections,
        **values,
    )


def scripts(**entries: Any) -> File:
    """Return what is made: an object of `package.json`."""
    return make(Section(path=("scripts",), key=None, entries=entries), is_strict=True)


def wanted(*values: Any) -> File:
    """Return what is made: plain values of `extensions.json`."""
    named = {str(value): value for value in values}
    return make(Section(path=("recommendations",), key="", entries=named))


def again(file: File, merged: Merged, **asked: Any) -> Merged:
    """Merge what is there already: nothing becomes another, to the byte."""
    second = merge(file, merged.content, merged.base, **asked)
    assert second.content == merged.content
    assert second.base == merged.base
    assert not [each for each in second.changes if each.is_written]
    return second


def list_outcomes(merged: Merged) -> list[tuple[str, str | None, str]]:
    """Return what became of which key of which entry."""
    return [(x.identity, x.key, x.outcome.value) for x in merged.changes]


def read(merged: Merged) -> Any:
    """Return what the file says."""
    return parse(merged.content, name="x").value


def change(merged: Merged, old: str, new: str) -> bytes:
    """Return the file as a person has left it."""
    assert merged.content.count(old.encode()) == 1
    return merged.content.replace(old.encode(), new.encode())


@pytest.fixture
def first() -> Merged:
    """Return a file as it is made first."""
    return merge(launch(API, TESTS), None, {})


@pytest.mark.parametrize(
    "found", [None, b"", b" \n", b"{}", b"// mine\r\n", b"\xef\xbb\xbf"]
)
def test_a_file_is_made_below_what_comments_there_are(found: bytes | None) -> None:
    """With what it begins with; that it was made before is no reason not to."""
    base = {"configurations": {"API": API}} if found != b"{}" else {}
    made = merge(launch(API, TESTS), found, base)
    assert read(made) == {**HEAD, "configurations": [API, TESTS]}
    assert list_outcomes(made) == [("API", None, "added"), ("Tests", None, "added")]
    assert made.base == {"configurations": {"API": API, "Tests": TESTS}}
    if found != b"{}":
        assert made.content.startswith(found or b"")
    again(launch(API, TESTS), made)


@pytest.mark.parametrize("found", [None, b"", b"// mine", b"{ }", b'{"a": 1}'])
def test_nothing_is_made_of_nothing(found: bytes | None) -> None:
    """An empty list would be one more thing to read."""
    made = merge(launch(), found, {})
    assert made == Merged(content=found or b"", base={}, changes=())


def test_a_new_entry_is_added_behind_those_by_hand() -> None:
    """They stay as they are, and so does the version."""
    found = b'{\n\t"configurations": [\n\t\t{"name": "Mine"}, // :)\n\t],\n}\n'
    made = merge(launch(TESTS), found, {})
    written = b'\n\t\t{\n\t\t\t"name": "Tests",\n\t\t\t"type": "debugpy",\n\t\t},'
    assert made.content == found.replace(b" // :)", b" // :)" + written)
    assert made.changes[0].message == "`Tests` is added"
    again(launch(TESTS), made)


def test_sections_of_one_place_are_one() -> None:
    """Each environment may have its own."""
    file = make(*launch(API).sections, *launch(TESTS).sections)
    made = merge(file, None, {})
    assert read(made) == {"configurations": [API, TESTS]}
    again(file, made)


def test_missing_places_are_made() -> None:
    """Two sections may be within one that is not there."""
    file = make(
        Section(path=("a", "b"), key=None, entries={"x": 1}),
        Section(path=("a", "c"), key="", entries={"y": "y", "z": "z"}),
        Section(path=(), key=None, entries={"top": True}),
    )
    made = merge(file, b'{"mine": 1}', {})
    assert read(made) == {
        "mine": 1,
        "top": True,
        "a": {"b": {"x": 1}, "c": ["y", "z"]},
    }
    assert list(made.base) == ["a/b", "a/c", ""]
    again(file, made)


def test_ours_follow_the_templates_key_by_key(first: Merged) -> None:
    """Comments between keys stay, and so does how the rest is written."""
    new = {**API, "args": ["-m", "y"], "cwd": ".", "env": {"APP_ENV": "dev"}}
    del new["type"]
    found = change(first, '"args": ["-m", "x"]', '"args": [  "-m", "x" ] /* why */')
    made = merge(launch(new, TESTS), found, first.base)
    assert read(made)["configurations"][0] == new
    assert list_outcomes(made) == [
        ("API", "args", "updated"),
        ("API", "env.APP_ENV", "updated"),
        ("API", "env.PORT", "removed"),
        ("API", "cwd", "added"),
        ("API", "type", "removed"),
    ]
    assert b'"args": ["-m", "y"] /* why */' in made.content
    again(launch(new, TESTS), made)


def test_what_a_person_has_changed_stays(first: Merged) -> None:
    """It is said as long as it is so, and other keys go on."""
    found = change(first, '"8000"', '"9000", // mine\n        "MORE": "1"')
    new = {**API, "args": [], "env": {"APP_ENV": "development", "PORT": "8001"}}
    made = merge(launch(new, TESTS), found, first.base)
    api = read(made)["configurations"][0]
    assert api["env"] == {"APP_ENV": "development", "PORT": "9000", "MORE": "1"}
    assert api["args"] == []
    assert list_outcomes(made) == [
        ("API", "args", "updated"),
        ("API", "env.PORT", "kept_yours"),
    ]
    assert made.changes[1].message == "`env.PORT` of `API` stays as you have it"
    assert list_outcomes(again(launch(new, TESTS), made)) == [
        ("API", "env.PORT", "kept_yours")
    ]


def test_a_key_by_hand_is_not_taken_over(first: Merged) -> None:
    """The templates may come to make it, and may no longer."""
    found = change(first, '"name": "Tests"', '"name": "Tests", "cwd": "mine"')
    made = merge(launch(API, {**TESTS, "cwd": "ours"}), found, first.base)
    assert made.content == found
    assert list_outcomes(made) == [("Tests", "cwd", "kept_yours")]
    assert made.base["configurations"]["Tests"] == TESTS
    last = merge(launch(API, TESTS), found, made.base)
    assert last.content == found
    assert last.changes == ()


def test_a_key_that_a_person_has_deleted_stays_away(first: Merged) -> None:
    """Whatever the templates make of it meanwhile."""
    found = change(first, '"args": ["-m", "x"],', "")
    made = merge(launch({**API, "args": ["new"]}, TESTS), found, first.base)
    assert made.content == found
    assert list_outcomes(made) == [("API", "args", "kept_deleted")]
    made = again(launch({**API, "args": ["new"]}, TESTS), made)
    without = {key: value for key, value in API.items() if key != "args"}
    made = merge(launch(without, TESTS), found, made.base)
    assert made.base["configurations"]["API"] == without
    assert made.changes == ()


def test_a_key_that_is_no_longer_made_goes_unless_it_was_changed(first: Merged) -> None:
    """It is said why it is there still."""
    found = change(first, '"-m", "x"', '"-m", "mine"')
    new = {"name": "API", "type": "debugpy", "env": API["env"]}
    made = merge(launch(new, TESTS), found, first.base)
    assert made.content == found
    assert made.changes[0].message == (
        "`args` of `API` stays as you have it: no template makes it now, but you have"
        " changed it"
    )
    again(launch(new, TESTS), made)


def test_an_object_that_a_person_has_made_another_thing_stays(first: Merged) -> None:
    """There are no keys to compare."""
    found = change(first, '"type": "debugpy",\n      "args"', '"type": {}, "args"')
    made = merge(launch({**API, "type": "x"}, TESTS), found, first.base)
    assert made.content == found
    assert list_outcomes(made) == [("API", "type", "kept_yours")]


def test_an_entry_deleted_by_hand_is_not_brought_back(first: Merged) -> None:
    """Not even when it is made differently, until it is asked for."""
    document = parse(first.content, name="x")
    found = document.remove(("configurations", 0))
    new = {**API, "cwd": "."}
    made = merge(launch(new, TESTS), found, first.base)
    assert made.content == found
    assert list_outcomes(made) == [("API", None, "kept_deleted")]
    again(launch(new, TESTS), made)
    forced = merge(launch(new, TESTS), found, made.base, force={"API"})
    assert read(forced)["configurations"] == [TESTS, new]


def test_an_entry_deleted_by_hand_stays_away_when_it_is_made_again(
    first: Merged,
) -> None:
    """As when its environment was away for a run."""
    found = parse(first.content, name="x").remove(("configurations", 0))
    away = merge(launch(TESTS), found, first.base)
    assert (away.content, away.changes) == (found, ())
    again(launch(TESTS), away)
    back = merge(launch(API, TESTS), away.content, away.base)
    assert back.content == found
    assert list_outcomes(back) == [("API", None, "kept_deleted")]


def test_a_list_deleted_by_hand_is_not_brought_back(first: Merged) -> None:
    """But what is new is added."""
    new = {"name": "New"}
    made = merge(launch(API, TESTS, new), b'{"version": "0.2.0"}', first.base)
    assert read(made) == {**HEAD, "configurations": [new]}
    again(launch(API, TESTS, new), made)


def test_an_entry_by_hand_of_the_same_name_is_not_taken_over() -> None:
    """Unless that is asked for: then it gets what it lacks."""
    found = b'{"configurations": [{"name": "API", "type": "node", "port": 1}]}'
    made = merge(launch(API), found, {})
    assert made == again(launch(API), made)
    assert made.content == found
    assert made.base == {}
    assert list_outcomes(made) == [("API", None, "kept_foreign")]
    adopted = merge(launch(API), found, {}, adopt={"API"})
    mine = {"name": "API", "type": "node", "port": 1}
    assert read(adopted)["configurations"] == [{**API, **mine}]
    assert list_outcomes(adopted) == [
        ("API", None, "adopted"),
        ("API", "type", "kept_yours"),
        ("API", "args", "added"),
        ("API", "env", "added"),
    ]
    again(launch(API), adopted)
    gone = merge(launch(), adopted.content, adopted.base)
    assert gone.content == adopted.content


def test_an_entry_that_is_the_same_is_ours() -> None:
    """So a lost base is found again."""
    found = json.dumps({"configurations": [TESTS, API]}).encode()
    made = merge(launch(API, TESTS), found, {})
    assert made.content == found
    assert made.changes == ()
    assert made.base == {"configurations": {"API": API, "Tests": TESTS}}


def test_what_is_no_longer_made_is_removed(first: Merged) -> None:
    """With the whole section, where the templates have none now."""
    made = merge(launch(API), first.content, first.base)
    assert read(made)["configurations"] == [API]
    assert list_outcomes(made) == [("Tests", None, "removed")]
    assert made.changes[0].message == "`Tests` is removed: no template makes it now"
    again(launch(API), made)
    for file in (launch(), make()):
        none = merge(file, first.content, first.base)
        assert read(none) == {**HEAD, "configurations": []}
        assert none.base == {}
        again(file, none)


def test_what_is_no_longer_made_stays_if_it_was_changed(first: Merged) -> None:
    """It goes when it is as it was made, or when that is asked for."""
    found = change(first, '"name": "Tests",', '"name": "Tests", "cwd": ".",')
    made = merge(launch(API), found, first.base)
    assert made.content == found
    assert list_outcomes(made) == [("Tests", None, "kept_yours")]
    again(launch(API), made)
    back = merge(launch(API), first.content, made.base)
    assert read(back)["configurations"] == [API]
    forced = merge(launch(API), found, made.base, force={"Tests"})
    assert read(forced)["configurations"] == [API]
    assert forced.base == {"configurations": {"API": API}}


def test_an_entry_with_a_comment_in_it_is_not_thrown_away(first: Merged) -> None:
    """Nobody else has written that down."""
    found = change(first, '"name": "Tests"', '"name": "Tests" /* why */')
    made = merge(launch(API), found, first.base)
    assert made.content == found
    assert made.changes[0].message.endswith(": a comment of yours is in it")
    again(launch(API), made)


@pytest.mark.parametrize("new", [["-m", "y"], "-m y"])
def test_a_value_with_a_comment_in_it_is_not_replaced(first: Merged, new: Any) -> None:
    """It is yours, and stays so."""
    found = change(first, '"-m", "x"', '"-m" /* why */, "x"')
    made = merge(launch({**API, "args": new}, TESTS), found, first.base)
    assert made.content == found
    assert list_outcomes(made) == [("API", "args", "kept_yours")]
    again(launch({**API, "args": new}, TESTS), made)
    later = merge(launch({**API, "args": new}, TESTS), first.content, made.base)
    assert list_outcomes(later) == [("API", "args", "updated")]


LINES = '[\n    "-m", // first\n    "x",\n    // then\n    {"a": [ 1 ]}, "y"\n    ]'


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (["-m", "z", {"a": [1]}, "y"], LINES.replace('"x"', '"z"')),
        (["-m", {"a": [1]}, "y"], LINES.replace('    "x",\n', "")),
        (["-m", "x", {"a": [1]}], LINES.replace(', "y"', "")),
        (
            ["-m", "x", "b", "c", {"a": [1]}, "y"],
            LINES.replace('"x",', '"x",\n    "b",\n    "c",'),
        ),
        (["-m", "b", "c", {"a": [1]}, "y"], LINES.replace('"x",', '"b",\n    "c",')),
        ("x", LINES),
        (["-m", "x", {"a": [2]}, "y"], LINES.replace("[ 1 ]", "[2]")),
    ],
)
def test_elements_on_lines_are_changed_one_by_one(new: Any, expected: str) -> None:
    """Comments beside them stay; one in what would go keeps it all."""
    old = {"name": "API", "args": ["-m", "x", {"a": [1]}, "y"]}
    text = '{"configurations": [{"name": "API", "args": %s}]}'
    base = {"configurations": {"API": old}}
    file = launch({"name": "API", "args": new})
    made = merge(file, (text % LINES).encode(), base)
    after = made.content.decode()
    assert after == text % expected.replace("[2]", "[2]") or new[2:3] == [{"a": [2]}]
    assert read(made)["configurations"][0]["args"] == (
        new if new != "x" else old["args"]
    )
    again(file, made)


def test_an_element_with_a_comment_in_it_is_not_replaced() -> None:
    """Nor is the array that it is in."""
    old = {"name": "API", "maps": [{"a": 1}, 2]}
    found = b'{"configurations": [{"name": "API", "maps": [{"a": 1 /* c */},\n2]}]}'
    new = {"name": "API", "maps": [{"a": 2}, 3]}
    made = merge(launch(new), found, {"configurations": {"API": old}})
    assert made.content == found
    assert list_outcomes(made) == [("API", "maps", "kept_yours")]


def test_by_force_an_entry_is_as_it_is_made(first: Merged) -> None:
    """Comments between its keys stay still."""
    found = change(first, '"8000"', '"9000", // mine\n        "MORE": "1"')
    found = found.replace(b'"-m", "x"', b'"-m" /* why */')
    found = found.replace(b'"name": "API"', b'"cwd": 1, "name": "API"')
    new = {**API, "env": {"PORT": "1", "NEW": 1}}
    made = merge(launch(new, TESTS), found, first.base, force={"API"})
    assert read(made)["configurations"] == [new, TESTS]
    assert b"// mine" in made.content
    assert list_outcomes(made) == [("API", None, "forced")]
    again(launch(new, TESTS), made)
    again(launch(new, TESTS), made, force={"API"})


def test_several_of_one_name_are_told_apart_by_what_was_made() -> None:
    """A copy that a person has changed is the person's."""
    copy = {**TESTS, "cwd": "mine"}
    found = json.dumps({"configurations": [7, {"name": 1}, copy, TESTS]}).encode()
    base = {"configurations": {"Tests": TESTS}}
    made = merge(launch({**TESTS, "cwd": "ours"}), found, base)
    assert read(made)["configurations"][2:] == [copy, {**TESTS, "cwd": "ours"}]
    twice = json.dumps({"configurations": [copy, copy]}).encode()
    made = merge(launch(TESTS), twice, {})
    assert list_outcomes(made) == [("Tests", None, "kept_foreign")]


def test_keys_of_an_object_are_entries() -> None:
    """Those of `scripts` in `package.json`, which has no comments."""
    found = b'{\r\n    "scripts": {\r\n        "dev": "vite"\r\n    }\r\n}\r\n'
    file = scripts(dev="inv dev", **{"quick:test": "inv test"})
    made = merge(file, found, {})
    written = b'"vite",\r\n        "quick:test": "inv test"'
    assert made.content == found.replace(b'"vite"', written)
    assert list_outcomes(made) == [
        ("dev", None, "kept_foreign"),
        ("quick:test", None, "added"),
    ]
    assert made.base == {"scripts": {"quick:test": "inv test"}}
    again(file, made)
    for new in ("inv test --all", {"a": 1}):
        next_one = merge(scripts(**{"quick:test": new}), made.content, made.base)
        assert read(next_one)["scripts"] == {"dev": "vite", "quick:test": new}
        assert list_outcomes(next_one) == [("quick:test", None, "updated")]
    mine = change(made, "inv test", "mine")
    kept = merge(scripts(**{"quick:test": "new"}), mine, made.base)
    assert kept.content == mine
    assert merge(scripts(), made.content, made.base).content == found
    assert merge(make(is_strict=True), made.content, made.base).content == found
    assert merge(make(is_strict=True), found, made.base).base == made.base


def test_a_plain_value_by_hand_is_adopted_as_it_is() -> None:
    """There is nothing that it lacks."""
    found = b'{"scripts": {"dev": "vite"}}'
    made = merge(scripts(dev="inv dev"), found, {}, adopt={"dev"})
    assert made.content == found
    assert list_outcomes(made) == [
        ("dev", None, "adopted"),
        ("dev", None, "kept_yours"),
    ]


def test_plain_values_are_a_set() -> None:
    """Each is there once, or was deleted by hand."""
    found = b'{"recommendations": ["a.mine", "b.both"]}'
    file = wanted("b.both", "c.ours")
    made = merge(file, found, {})
    assert read(made) == {"recommendations": ["a.mine", "b.both", "c.ours"]}
    assert list_outcomes(made) == [("c.ours", None, "added")]
    again(file, made)
    gone = merge(wanted("b.both"), made.content, made.base)
    assert gone.content == found
    gone = merge(make(), made.content, made.base)
    assert read(gone) == {"recommendations": ["a.mine"]}
    deleted = merge(file, found, made.base)
    assert deleted.content == found
    assert list_outcomes(deleted) == [("c.ours", None, "kept_deleted")]


def test_a_plain_value_may_be_another_of_the_same_name() -> None:
    """It takes the place of the old one."""
    entries = {"one": 2}
    file = make(Section(path=("list",), key="", entries=entries))
    made = merge(file, b'{"list": [0, 1]}', {"list": {"one": 1}})
    assert made.content == b'{"list": [0, 2]}'
    again(file, made)


def test_what_is_unwanted_is_not_recommended() -> None:
    """VS Code writes that down when a person says so."""
    found = b'{"unwantedRecommendations": ["a.b"]}'
    made = merge(wanted("a.b", "c.d"), found, {})
    assert read(made)["recommendations"] == ["c.d"]
    assert list_outcomes(made)[0] == ("a.b", None, "kept_deleted")
    again(wanted("a.b", "c.d"), made)
    odd = merge(wanted("a.b"), b'{"unwantedRecommendations": "a.b"}', {})
    assert read(odd)["recommendations"] == ["a.b"]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (b"[]", "1:1: the file should be an object, it is an array"),
        (b"null", "1:1: the file should be an object, it is null"),
        (
            b'{\n "configurations": {}}',
            "2:20: `configurations` should be an array, it is an object",
        ),
        (
            b'{"configurations": null}',
            "1:20: `configurations` should be an array, it is null",
        ),
        (b"{,}", "1:2: a key in double quotes is expected, found `,`"),
    ],
)
def test_what_is_not_as_it_should_be_is_refused(found: bytes, words: str) -> None:
    """With line and column."""
    with pytest.raises(JsoncError, match=f".vscode/x.json:{words}"):
        merge(launch(API), found, {})


def test_what_stands_in_the_way_is_refused() -> None:
    """On the path, too, and with comments where there may be none."""
    file = make(Section(path=("a", "b"), key=None, entries={"x": 1}))
    with pytest.raises(
        JsoncError, match=r"x\.json:1:7: `a` should be an object, it is a"
    ):
        merge(file, b'{"a": "b"}', {})
    with pytest.raises(JsoncError, match=r"x\.json:1:11: no comment may be here"):
        merge(scripts(a="b"), b'{"a": {}} // c', {})


def test_what_is_nested_too_deeply_is_refused() -> None:
    """No traceback, however deep it is."""
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(JsoncError, match="nested too deeply"):
        merge(launch({"name": "A", "deep": deep}), b"{}", {})
    with pytest.raises(JsoncError, match="nested too deeply"):
        merge(launch(API), b'{"a":' * 10_000, {})


def test_a_section_that_is_no_longer_made_is_told_by_its_entries() -> None:
    """By label, by id, or none of them; what a person took out stays known."""
    base: Base = {
        "tasks": {"a": {"label": "a"}},
        "inputs": {"b": {"id": "b"}},
        "plain": {"c": "c"},
        "gone/away": {"d": 1},
        "": {"top": 1},
    }
    value = {
        "tasks": [{"label": "a"}],
        "inputs": [{"id": "b"}],
        "plain": ["c"],
        "top": 1,
        "gone": 1,
    }
    found = json.dumps(value).encode()
    made = merge(make(), found, base)
    assert read(made) == {"tasks": [], "inputs": [], "plain": [], "gone": 1}
    assert made.base == {"gone/away": {"d": 1}}
