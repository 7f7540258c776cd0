"""Which entries a section of a file has, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sceneshift.ide.files import Section
from sceneshift.ide.jsonc.comparing import is_same

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sceneshift.ide.jsonc import Edits

    Places = dict[str, tuple[str | int, Any]]
    _Known = tuple[Mapping[str, Any], Mapping[str, Any]]

_IDENTITIES = ("name", "label", "id")
# What a person does not want to be told of again, as VS Code writes it down.
_UNWANTED: Mapping[tuple[str, ...], str] = {
    ("recommendations",): "unwantedRecommendations"
}


def recall_section(name: str, entries: Mapping[str, Any], value: Any) -> Section:
    """Return a section that no template makes now, as its entries show it.

    Args:
        name: Its path, joined by `/`.
        entries: What was made last.
        value: Of the whole file.
    """
    path = tuple(name.split("/")) if name else ()
    key = None
    if isinstance(_look(value, path), list):
        key = next((each for each in _IDENTITIES if _tells(each, entries)), "")
    return Section(path=path, key=key, entries={})


def find_entries(
    section: Section, base: Mapping[str, Any], value: Any, edits: Edits
) -> Places:
    """Return the place and the value of each entry that has a name.

    Args:
        section: What is made now.
        base: What was made last.
        value: Of the whole file.
        edits: Of the same file.

    Raises:
        JsoncError: Something else is where the entries should be.
    """
    there = _look(value, section.path)
    kind = dict if section.key is None else list
    if not isinstance(there, kind):
        if section.entries:
            edits.check_container(section.path, kind)
        return {}
    if isinstance(there, dict):
        return {key: (key, each) for key, each in there.items()}
    known = (section.entries, base)
    if section.key:
        return _find_named(section.key, there, known)
    return _find_plain(there, known)


def list_unwanted(section: Section, value: Any) -> Sequence[Any]:
    """Return what is not to be among plain values, though it never was."""
    key = _UNWANTED.get(section.path) if section.key == "" else None
    found = value.get(key) if key and isinstance(value, dict) else None
    return found if isinstance(found, list) else ()


def _look(value: Any, path: Sequence[str]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _tells(key: str, entries: Mapping[str, Any]) -> bool:
    """Say whether entries are told apart by a key."""
    return all(
        isinstance(each, dict) and each.get(key) == identity
        for identity, each in entries.items()
    )


def _find_named(key: str, there: Sequence[Any], known: _Known) -> Places:
    """Return entries by name; of several that have one, that which is as was made."""
    found: Places = {}
    for index, each in enumerate(there):
        name = each.get(key) if isinstance(each, dict) else None
        if not isinstance(name, str):
            continue
        if name not in found or _rank(each, name, known) < _rank(
            found[name][1], name, known
        ):
            found[name] = (index, each)
    return found


def _rank(entry: Any, name: str, known: _Known) -> int:
    """Return 0 for what is made now, 1 for what was made last, 2 for all else."""
    same = (is_same(entry, entries.get(name)) for entries in known)
    return next((rank for rank, is_it in enumerate(same) if is_it), 2)


def _find_plain(there: Sequence[Any], known: _Known) -> Places:
    """Return plain values by the names that they have here: what is made now first."""
    found: Places = {}
    for entries in reversed(known):
        for identity, value in entries.items():
            places = (i for i, each in enumerate(there) if is_same(each, value))
            index = next(places, None)
            if index is not None:
                found[identity] = (index, value)
    return found
