"""What the templates make, before it meets what people have written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


class Section(Struct, frozen=True, kw_only=True):
    """Entries of ours in one place of a file.

    Attributes:
        path: Keys from the top of the file down to the array or object that they are
            in; empty for the file's own object.
        key: What tells entries of an array apart, `name`, `label` or `id`; empty where
            they are plain values, each once; None where `path` leads to an object,
            whose keys do.
        entries: Each as JSON has it, by what tells it apart.
    """

    path: tuple[str, ...]
    key: str | None
    entries: Mapping[str, Any]


class File(Struct, frozen=True, kw_only=True):
    """A file for an editor, or for what else reads JSON.

    Attributes:
        path: Where it is, relative to the project, with `/`.
        template: What it was rendered from, for errors.
        head: Keys that it begins with where it is not there yet.
        is_strict: Whether it must have no comments and no trailing commas.
        is_text: Whether it is no JSON, and all of it is the one entry.
        sections: What is ours in it.
    """

    path: str
    template: str
    head: Mapping[str, Any] = {}
    is_strict: bool = False
    is_text: bool = False
    sections: tuple[Section, ...] = ()
