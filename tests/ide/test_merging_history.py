from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sceneshift.ide.files import File, Section
from sceneshift.ide.jsonc import Document, parse
from sceneshift.ide.jsonc.comparing import is_same
from sceneshift.ide.merging import Base, merge

if TYPE_CHECKING:
    from collections.abc import Mapping

LIST, OBJECT, PLAIN = ("configurations",), ("tools", "scripts"), ("recommendations",)
IDENTITIES: dict[tuple[str, ...], str | None] = {LIST: "name", OBJECT: None, PLAIN: ""}
PATHS = st.sampled_from((LIST, OBJECT))
NAMES = st.sampled_from(("API", "Web", "Tests"))
KEYS = st.sampled_from(("type", "args", "env"))
VALUES = st.sampled_from(("a", 1, True, [], ["x"], ["x", "y"], {"a": [1]}, {"a": 2}))
ENTRIES = st.dictionaries(NAMES, st.dictionaries(KEYS, VALUES), max_size=3)
PLAINS = st.frozensets(st.sampled_from(("p.a", "p.b", "p.c")))
BEGINNINGS = (
    None,
    b"",
    b"// mine",
    b"\xef\xbb\xbf{\r\n\t// mine\r\n}",
    b'{"configurations": [{"name": "mine"}], "recommendations": ["mine"]}',
    b'{\n "recommendations": [\n  "mine", // why\n ],\n}\n',
)
_NOTE = re.compile(r"// ?(?:note \d+|mine|why)")
_MINE = re.compile(r'"mine \d+"')


class History(RuleBasedStateMachine):
    """Templates change, people edit, and both meet again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.content: bytes | None = None
        self.base: Base = {}
        self.made: dict[tuple[str, ...], Mapping[str, Any]] = {}
        self.deleted: set[tuple[tuple[str, ...], str]] = set()
        self.touched: set[tuple[tuple[str, ...], str, str | None]] = set()
        self.numbers = count()

    @rule(content=st.sampled_from(BEGINNINGS))
    @precondition(lambda self: self.content is None)
    def begin(self, content: bytes | None) -> None:
        """There may have been a file before."""
        self.content = content

    @rule(entries=ENTRIES, tools=ENTRIES, plain=PLAINS)
    def change_templates(
        self,
        entries: dict[str, Any],
        tools: dict[str, Any],
        plain: frozenset[str],
    ) -> None:
        """Something else is to be made."""
        named = {name: {"name": name, **each} for name, each in entries.items()}
        self.made = {
            LIST: named,
            OBJECT: tools,
            PLAIN: {each: each for each in sorted(plain)},
        }

    @rule(path=PATHS, name=NAMES)
    def add_by_hand(self, path: tuple[str, ...], name: str) -> None:
        """A person makes an entry, maybe of a name that is ours."""
        if self.content is None or name in self.find(path):
            return
        value = {"by": self.mine()}
        if path == LIST:
            self.content = self.read().append(path, {"name": name, **value})
        else:
            self.content = self.read().set((*path, name), value)
        self.touched.add((path, name, None))

    @rule()
    def add_plain_by_hand(self) -> None:
        """A person writes a value into the set."""
        if self.content is not None:
            self.content = self.read().append(PLAIN, self.mine())

    @rule(path=PATHS, name=NAMES, key=KEYS, is_below=st.booleans())
    def edit(
        self, path: tuple[str, ...], name: str, key: str, *, is_below: bool
    ) -> None:
        """A person sets a key of an entry, or one below it."""
        place = self.find(path).get(name)
        if place is None or self.content is None:
            return
        where = (*path, place, key)
        document = self.read()
        if is_below and document.has(where) and isinstance(document.get(where), dict):
            where = (*where, "below")
        self.content = document.set(where, self.mine())
        self.touched.add((path, name, key))

    @rule(path=PATHS, name=NAMES, key=KEYS)
    def delete_key(self, path: tuple[str, ...], name: str, key: str) -> None:
        """A person takes a key out."""
        place = self.find(path).get(name)
        if place is not None and self.read().has((*path, place, key)):
            self.content = self.read().remove((*path, place, key))
            self.touched.add((path, name, key))

    @rule(path=st.sampled_from(tuple(IDENTITIES)), name=st.data())
    def delete(self, path: tuple[str, ...], name: st.DataObject) -> None:
        """A person takes an entry out."""
        found = self.find(path)
        if not found:
            return
        chosen = name.draw(st.sampled_from(sorted(found)))
        self.content = self.read().remove((*path, found[chosen]))
        self.forget(path, chosen)
        if chosen in self.base.get("/".join(path), {}):
            self.deleted.add((path, chosen))

    @rule(where=st.integers(min_value=0))
    def comment(self, where: int) -> None:
        """A person writes something down at the end of a line."""
        lines = (self.content or b"").split(b"\n")
        index = where % len(lines)
        is_cut = lines[index].endswith(b"\r")
        text = f" // note {next(self.numbers)}".encode() + b"\r" * is_cut
        lines[index] = lines[index].removesuffix(b"\r") + text
        self.content = b"\n".join(lines)

    @rule()
    def delete_file(self) -> None:
        """A person begins anew, and so do we."""
        self.content = None
        self.touched.clear()
        self.deleted = {
            (path, name)
            for path in IDENTITIES
            for name in self.base.get("/".join(path), {})
        }

    @rule()
    def lose_base(self) -> None:
        """All that is not as it is made now is a person's."""
        self.base = {}
        self.deleted.clear()
        for path in IDENTITIES:
            self.touched |= {(path, name, None) for name in self.find(path)}

    @rule()
    def merge(self) -> None:
        """Ours follow the templates, and nothing of anybody else's is lost."""
        before = self.content or b""
        was_empty = parse(before, name="x").is_empty
        if was_empty:
            self.deleted.clear()
        sections = tuple(
            Section(path=path, key=IDENTITIES[path], entries=entries)
            for path, entries in self.made.items()
        )
        file = File(path="x", template="x", head={"version": 1}, sections=sections)
        merged = merge(file, self.content, self.base)
        second = merge(file, merged.content, merged.base)
        assert (second.content, second.base) == (merged.content, merged.base)
        texts = before.decode(), merged.content.decode()
        for pattern in (_NOTE, _MINE):
            old, new = (set(pattern.findall(text)) for text in texts)
            assert old == new
        self.content, self.base = merged.content, merged.base
        self.compare()

    def compare(self) -> None:
        """Demand that what nobody has touched is as it is made."""
        self.deleted &= {
            (path, name) for path, made in self.made.items() for name in made
        }
        for path in IDENTITIES:
            found, made = self.find(path), self.made.get(path, {})
            gone = {name for where, name in self.deleted if where == path}
            assert not gone & found.keys() - self.names_by_hand(path)
            assert made.keys() - gone <= found.keys()
        for path in (LIST, OBJECT):
            for name, place in self.find(path).items():
                self.compare_entry(path, name, self.read().get((*path, place)))
        mine = {x for x in self.find(PLAIN) if x.startswith("mine")}
        mine |= self.names_by_hand(PLAIN)
        gone = {name for where, name in self.deleted if where == PLAIN}
        ours = self.made.get(PLAIN, {}).keys() - gone
        assert self.find(PLAIN).keys() - mine == ours - mine

    def compare_entry(self, path: tuple[str, ...], name: str, value: Any) -> None:
        """Demand that all keys are as made that nobody has touched."""
        if name == "mine" or (path, name, None) in self.touched:
            return
        place = self.find(path)[name]
        if self.read().edit().has_comment((*path, place), with_key=True):
            self.touched.add((path, name, None))
            return
        keys = {key for where, who, key in self.touched if (where, who) == (path, name)}
        made = self.made.get(path, {}).get(name)
        if made is None:
            assert keys
            return
        rest = {key: each for key, each in value.items() if key not in keys}
        assert is_same(rest, {key: x for key, x in made.items() if key not in keys})

    @invariant()
    def it_can_be_read(self) -> None:
        """Whatever was done."""
        self.read()

    def names_by_hand(self, path: tuple[str, ...]) -> set[str]:
        """Return the names of entries that a person has made."""
        return {x for where, x, key in self.touched if where == path and key is None}

    def forget(self, path: tuple[str, ...], name: str) -> None:
        """An entry that comes again is another one."""
        self.touched = {x for x in self.touched if x[:2] != (path, name)}

    def mine(self) -> str:
        """Return what nobody else would write."""
        return f"mine {next(self.numbers)}"

    def read(self) -> Document:
        """Return the file."""
        return parse(self.content or b"", name="x")

    def find(self, path: tuple[str, ...]) -> dict[str, str | int]:
        """Return the place of each entry."""
        document = self.read()
        if not document.has(path):
            return {}
        found = document.get(path)
        if isinstance(found, dict):
            return {key: key for key in found}
        names = (x if isinstance(x, str) else x["name"] for x in found)
        return {name: index for index, name in enumerate(names)}


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
