from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.scribbles import change, scribble
from bench.strays import count_stray_bytes
from sceneshift.ide.jsonc import JsoncError, parse
from sceneshift.ide.jsonc.comparing import is_same

if TYPE_CHECKING:
    from random import Random

FILE = b"""\
// Use IntelliSense.
{
    "version": "0.2.0", // as VS Code wants it
    "flat": [1, 2],
    "configurations": [
        // by hand
        {"name": "x", "port": 1e3}, // tail
        {
            "name": "y",
            "args": [ "a" ],
        },
    ],
}
"""


def test_a_value_is_read_as_json_has_it() -> None:
    """Comments and trailing commas mean nothing."""
    document = parse(FILE, name="launch.json")
    assert document.get(("configurations", 1)) == {"name": "y", "args": ["a"]}
    assert document.has(("configurations", 0, "port"))
    assert not document.has(("configurations", 0, "port", "x"))
    assert not document.has(("configurations", 2))
    assert not document.has(("version", 0))


@pytest.mark.parametrize("data", [b"", b" \r\n", b"// c", b"\xef\xbb\xbf/* c */\n"])
def test_a_file_may_have_no_value(data: bytes) -> None:
    """What is not there is not null."""
    document = parse(data, name="x")
    assert document.is_empty
    assert not document.has(())
    assert document.edit().finish() == data


REFUSED = [
    (b'{\n "a": 1, "b": {"c": 1,\n  "c": 2}}', 3, 3, "`c` is there twice"),
    (b'[{}, {"a": 1, "\\u0061": 2}]', 1, 15, "`a` is there twice"),
    (b'{"a": [true, NaN]}', 1, 14, "`NaN` is no value of JSON"),
    (b"[-Infinity]", 1, 2, "`-Infinity` is no value of JSON"),
    (b"[,]", 1, 2, "a value is expected, found `,`"),
    (b"{ /* c */ ,}", 1, 11, "a key in double quotes is expected, found `,`"),
    (b", // c\n]", 1, 1, "a value is expected, found `,`"),
    (b"[1,,]", 1, 4, "a value is expected, found `,`"),
    (b'{"a": ,}', 1, 7, "a value is expected, found `,`"),
    (b'{"a" 1}', 1, 6, "a colon is expected, found `1`"),
    (b'{"a": 1\r\n\r "b": 2}', 3, 2, 'a comma or the end is expected, found `"b"`'),
    (b'{"a": 1', 1, 8, "a comma or the end is expected, the file ends"),
    (b"{'a': 1}", 1, 2, "a key in double quotes is expected, found `'a'`"),
    (b"[1] // c\n 2", 2, 2, "something follows after the end"),
    (b'{}\n/* "c"', 2, 1, "something follows after the end"),
    (b"/* c", 1, 1, "this comment does not end"),
    (b'["a, // b]', 1, 2, "this string does not end"),
    (b'["a\n"]', 1, 4, "a control character is in a string"),
    (rb'["\q"]', 1, 3, "this escape means nothing"),
    (rb'["\u12"]', 1, 4, "this escape means nothing"),
    (b"[1] \xef\xbb\xbf", 1, 5, "something follows after the end"),
    (b'\xef\xbb\xbf["\xc3\xa4\xff"]', 1, 4, "it is not UTF-8"),
    (b"[" + b"1" * 5000 + b"]", 1, 2, "a number has more digits than can be read"),
    (b"[" + b"/* " * 200_000, 1, 2, "this comment does not end"),
    (b'["' + b'\\"' * 200_000, 1, 2, "this string does not end"),
    (b"[\n" * 20_000, 20_000, 1, "nested too deeply: 20000 levels"),
    (b'{"a":' * 20_000, 1, 99_996, "nested too deeply: 20000 levels"),
    (b"[" * 9999 + b"]}" * 9999 + rb'"\q":', 1, 9999, "nested too deeply: 9999 levels"),
    (
        b"{\n<<<<<<< HEAD\n}\n=======\n>>>>>>> other\n",
        *(2, 1, "a conflict of a merge is not solved here"),
    ),
    (b"/*\r\n>>>>>>> other\r\n*/", 2, 1, "a conflict of a merge is not solved here"),
]


@pytest.mark.parametrize(("data", "line", "column", "words"), REFUSED)
def test_what_is_wrong_is_said_with_its_place(
    data: bytes, line: int, column: int, words: str
) -> None:
    """Lines end as editors count them; a column is a character."""
    with pytest.raises(JsoncError) as caught:
        parse(data, name=".vscode/x.json")
    error = caught.value
    assert str(error) == f".vscode/x.json:{line}:{column}: {words}"
    assert (error.line, error.column, error.name) == (line, column, ".vscode/x.json")
    assert error.hint
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{\n"a": 1 // c\n}', "x:2:8: no comment may be here"),
        (b'{\n"a": [1 , ], /* c */\n}', "x:2:9: no comma may be before the end"),
    ],
)
def test_json_itself_has_neither_comments_nor_trailing_commas(
    data: bytes, words: str
) -> None:
    """`package.json` is read by those who know none."""
    assert parse(data, name="x").value
    with pytest.raises(JsoncError, match=words):
        parse(data, name="x", is_strict=True)


@pytest.mark.parametrize(
    "text", ["<<<<<<<<", "/* ======= */", '"<<<<<<< a"', "// >>>>>>> b"]
)
def test_what_only_looks_like_a_conflict_is_none(text: str) -> None:
    """A ruler in a comment, an arrow in a value."""
    if text.startswith("<"):
        text = f"/*\n{text}\n*/"
    parse(text.encode(), name="x")


def check(before: bytes, after: bytes, old: bytes, new: bytes) -> None:
    """Demand that one text has taken the place of another, and nothing else."""
    assert before.count(old) == 1
    assert after.decode() == before.replace(old, new).decode()


def test_a_new_value_is_written_as_its_neighbors_are() -> None:
    """Behind the comment of the one before, with the file's commas."""
    new = {"name": "z", "args": ["a", "b"], "env": {"A": "ü"}}
    after = parse(FILE, name="x").append(("configurations",), new)
    written = b"""
        {
            "name": "z",
            "args": ["a", "b"],
            "env": {
                "A": "\xc3\xbc",
            },
        },
    ],
}
"""
    check(FILE, after, b"\n    ],\n}\n", written)


def test_what_goes_leaves_comments_and_no_empty_line() -> None:
    """A comment beside it may be about more than it."""
    document = parse(FILE, name="x")
    first = b'        {"name": "x", "port": 1e3}, // tail'
    check(FILE, document.remove(("configurations", 0)), first, b"        // tail")
    after = document.remove(("configurations", 1))
    last = FILE[FILE.index(b"        {\n") : FILE.index(b"    ],")]
    check(FILE, after, last, b"")
    check(FILE, document.remove(("flat",)), b'    "flat": [1, 2],\n', b"")


@pytest.mark.parametrize(
    ("path", "index", "written"),
    [
        (("flat",), None, b"[1, 2, 7]"),
        (("flat",), 0, b"[7, 1, 2]"),
        (("flat",), 1, b"[1, 7, 2]"),
        (("configurations", 1, "args"), None, b'[ "a", 7 ]'),
        (("configurations", 1, "args"), 0, b'[ 7, "a" ]'),
    ],
)
def test_what_is_on_one_line_stays_there(
    path: tuple[str | int, ...], index: int | None, written: bytes
) -> None:
    """An array that a person has kept short."""
    document = parse(FILE, name="x")
    edits = document.edit()
    edits.insert(path, index, 7)
    old = b"[1, 2]" if path == ("flat",) else b'[ "a" ]'
    check(FILE, edits.finish(), old, written)


def test_a_value_comes_before_all_others() -> None:
    """Below the comment that is beside the bracket."""
    document = parse(b'{"a": [ // c\n\t1\n]}', name="x")
    assert document.insert(("a",), 0, 2) == b'{"a": [ // c\n\t2,\n\t1\n]}'


def test_a_comma_may_be_anywhere() -> None:
    """It goes with its value, and the comment between them stays."""
    document = parse(b"[1 /* c */, 2 // d\n, 3\n, 4]", name="x")
    assert document.remove((0,)) == b"[/* c */ 2 // d\n, 3\n, 4]"
    assert document.remove((1,)) == b"[1 /* c */, // d\n 3\n, 4]"
    assert document.remove((2,)) == b"[1 /* c */, 2 // d\n, 4]"


def test_a_value_on_one_line_is_replaced_on_one_line() -> None:
    """Whatever the new one is."""
    document = parse(FILE, name="x")
    after = document.set(("flat",), {"a": [1, {}]})
    check(FILE, after, b"[1, 2]", b'{"a": [1, {}]}')
    after = document.set(("configurations", 0, "port"), None)
    check(FILE, after, b"1e3", b"null")


def test_a_value_on_lines_is_replaced_on_lines() -> None:
    """With the indentation that it had."""
    after = parse(FILE, name="x").set(("configurations", 1), {"a": {"b": 1}})
    old = b'{\n            "name": "y",\n            "args": [ "a" ],\n        }'
    new = b"""{
            "a": {
                "b": 1,
            },
        }"""
    check(FILE, after, old, new)


@pytest.mark.parametrize("value", [1000, 1e3])
def test_a_number_keeps_its_spelling(value: float) -> None:
    """It is the same one."""
    document = parse(FILE, name="x")
    assert document.set(("configurations", 0, "port"), value) == FILE


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        (b"", ("a",), b'{\n  "a": [1]\n}\n'),
        (b"// c", ("a",), b'// c\n{\n  "a": [1]\n}\n'),
        (
            b"// c\r\n",
            ("a", "b"),
            b'// c\r\n{\r\n  "a": {\r\n    "b": [1]\r\n  }\r\n}\r\n',
        ),
        (b"\xef\xbb\xbf", (), b"\xef\xbb\xbf[1]\n"),
        (b"{}", ("a",), b'{\n  "a": [1]\n}'),
        (b"{/* c */ }\n", ("a",), b'{/* c */\n  "a": [1]\n}\n'),
        (b"{ // c\n}\n", ("a",), b'{ // c\n  "a": [1]\n}\n'),
        (b"{\n\t// c\n}\n", ("a",), b'{\n\t// c\n  "a": [1]\n}\n'),
        (b'{"v":1,"a":[]}', ("b", "c"), b'{"v":1,"a":[],"b":{"c":[1]}}'),
        (b'{ "v" : 1 }', ("b",), b'{ "v" : 1, "b" : [1] }'),
        (
            b'{\r\n\t"v": {},\r\n}',
            ("v", "w"),
            b'{\r\n\t"v": {\r\n\t\t"w": [1],\r\n\t},\r\n}',
        ),
        (b"{\n   }", ("a",), b'{\n  "a": [1]\n   }'),
        (b'{ "a": 2\n, "b": 3\n}', ("c",), b'{ "a": 2\n, "b": 3,\n  "c": [1]\n}'),
        (b'["a", {}]', (1, "b"), b'["a", {"b": [1]}]'),
        (b'{\n "a": 2 // c\n}', ("b",), b'{\n "a": 2, // c\n "b": [1]\n}'),
        (b'{\r "a": 2\r}', ("b",), b'{\r "a": 2,\r "b": [1]\r}'),
        (b"[\n  [2\n]]", (), b"[1]"),
        (b"2", (), b"[1]"),
        (b"// c\n[2] // d\n", (), b"// c\n[1] // d\n"),
    ],
)
def test_what_is_missing_is_made(
    before: bytes, path: tuple[str | int, ...], after: bytes
) -> None:
    """In the manner of the file, below the comments that it has."""
    assert parse(before, name="x").set(path, [1]).decode() == after.decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"a": []}', b'{"a": [{"n": 1}]}'),
        (b'{"a": [ ]}', b'{"a": [{"n": 1}]}'),
        (b'{\n "a": []\n}', b'{\n "a": [\n  {\n   "n": 1\n  }\n ]\n}'),
        (b'{\n "a": [{\n }]\n}', b'{\n "a": [{\n }, {\n  "n": 1\n }]\n}'),
        (
            b'{\n "a": [/* c */\n  ]\n}',
            b'{\n "a": [/* c */\n  {\n   "n": 1\n  }\n  ]\n}',
        ),
        (b'{"a": [1 /* c */]}', b'{"a": [1, /* c */ {"n": 1}]}'),
        (b'{"a": [1, ]}', b'{"a": [1, {"n": 1}, ]}'),
        (b'{"a": [1 // c\n]}', b'{"a": [1, {\n  "n": 1\n} // c\n]}'),
        (b"{}", b'{\n  "a": [\n    {\n      "n": 1\n    }\n  ]\n}'),
        (b"", b'{\n  "a": [\n    {\n      "n": 1\n    }\n  ]\n}\n'),
    ],
)
def test_an_array_gets_one_more(before: bytes, after: bytes) -> None:
    """As those are written that it has, and the file where it has none."""
    made = parse(before, name="x").append(("a",), {"n": 1})
    assert made.decode() == after.decode()


def test_long_arrays_have_lines() -> None:
    """What would be wider than a screen is not on one."""
    made = parse(b"", name="x").set((), {"a": ["word"] * 20, "b": [[1]]})
    assert made.count(b"\n") == 27


@pytest.mark.parametrize("path", [("a", "b"), ("a", 0), ("a", "b", "c")])
def test_what_is_no_container_is_refused(path: tuple[str | int, ...]) -> None:
    """A person wrote it; it is not for us to say what was meant."""
    document = parse(b'{\n  "a": "b"\n}', name="x")
    kind = "an array" if path[1] == 0 else "an object"
    with pytest.raises(
        JsoncError, match=f"x:2:8: `a` should be {kind}, it is a string"
    ):
        document.set(path, 1)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b"null", "null"),
        (b"true", "a boolean"),
        (b"1.5", "a number"),
        (b"{}", "an object"),
    ],
)
def test_an_array_is_not_made_of_something_else(value: bytes, kind: str) -> None:
    """The whole file may be that."""
    document = parse(value, name="x")
    with pytest.raises(
        JsoncError, match=f"x:1:1: the file should be an array, it is {kind}"
    ):
        document.append((), 1)


@pytest.mark.parametrize("path", [(), ("b",), ("flat", 2), ("flat", 0, "x")])
def test_what_is_not_there_cannot_go(path: tuple[str | int, ...]) -> None:
    """Nor can the whole of a file."""
    with pytest.raises(LookupError):
        parse(FILE, name="x").remove(path)


def test_half_a_pair_of_surrogates_stays_an_escape() -> None:
    """UTF-8 has no way to write it."""
    made = parse(b"{}", name="x").set(("\udc00",), "a\ud800")
    assert made == b'{\n  "\\udc00": "a\\ud800"\n}'


def test_many_changes_are_made_at_once() -> None:
    """Each at the place that the file has before all of them."""
    edits = parse(FILE, name="x").edit()
    assert not edits.has_changes
    edits.set(("flat", 0), 9)
    edits.remove(("flat",))
    edits.append(("configurations",), 1)
    edits.remove(("configurations", 1))
    edits.set(("configurations", 0, "name"), "z")
    edits.append(("new", "list"), 1)
    edits.append(("new", "list"), 2)
    edits.set(("new", "key"), True)
    edits.set(("new", "key"), False)
    edits.set(("configurations", 0, "port"), 7)
    edits.remove(("configurations", 0, "port"))
    edits.set(("version",), {"a": 1})
    edits.set(("version", "b"), 2)
    assert edits.has_changes
    assert parse(edits.finish(), name="x").value == {
        "version": {"a": 1, "b": 2},
        "configurations": [{"name": "z"}, 1],
        "new": {"list": [1, 2], "key": False},
    }


def test_what_was_removed_can_be_put_there_again() -> None:
    """The last word holds."""
    edits = parse(FILE, name="x").edit()
    edits.remove(("flat",))
    edits.append(("flat",), 3)
    edits.set(("version",), 1)
    edits.remove(("version",))
    edits.set(("version",), "0.2.0")
    check(FILE, edits.finish(), b"[1, 2]", b"[3]")


def test_booleans_are_no_numbers() -> None:
    """Python says that they are."""
    assert is_same({"a": [1, 2.0]}, {"a": [1.0, 2]})
    assert not is_same({"a": [1]}, {"a": [True]})
    assert not is_same({"a": False}, {"a": 0})


@settings(max_examples=300, deadline=None)
@given(random=st.randoms(use_true_random=False), is_strict=st.booleans())
def test_a_change_changes_nothing_else(random: Random, *, is_strict: bool) -> None:
    """No byte outside of it, no comment, and the value is the one expected."""
    data = scribble(random, is_strict=is_strict)
    assert parse(data, name="x", is_strict=is_strict).edit().finish() == data
    made = change(random, data, is_strict=is_strict)
    assert is_same(parse(made.after, name="x", is_strict=is_strict).value, made.value)
    assert count_stray_bytes(made) == 0


@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_changes_follow_upon_changes(random: Random) -> None:
    """What was written is a file like any other."""
    data = scribble(random)
    for _ in range(10):
        made = change(random, data)
        assert is_same(parse(made.after, name="x").value, made.value)
        assert count_stray_bytes(made) == 0
        data = made.after
        if not made.value or not isinstance(made.value, dict | list):
            break


@given(st.binary() | st.text(alphabet='{}[],:"\\/*\n 1ae').map(str.encode))
def test_anything_is_read_or_refused(data: bytes) -> None:
    """No other error leaves it, and nothing that is read is written differently."""
    try:
        document = parse(data, name="x")
    except JsoncError:
        return
    assert document.edit().finish() == data
