"""Where each value of a generated entry comes from.

Nothing keeps track of that while templates are rendered: each fact about the project is
made another one, in turn, and what is another one then in the entry comes from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import fields, replace

from sceneshift.core.errors import UsageError
from sceneshift.core.wording import quote, suggest
from sceneshift.ide import jsonc
from sceneshift.ide.base import PATH as BASE
from sceneshift.ide.base import parse_bases
from sceneshift.ide.origins import describe_fact
from sceneshift.ide.reading import read_model
from sceneshift.ide.rendering import render_files
from sceneshift.ide.texts import normalize
from sceneshift.ide.writing import read_place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sceneshift.ide.files import File
    from sceneshift.ide.generation import GenerateRequest
    from sceneshift.ide.merging import Base
    from sceneshift.ide.model import Model

    Fact = tuple[str | int, ...]

_OTHER = "\u2026"  # what no name of a project ends with


class Origin(Struct, frozen=True, kw_only=True):
    """One value of an entry.

    Attributes:
        path: The file that it is in.
        key: Where in the entry: `args[1]`; empty for one that is a value itself.
        value: As it stands in the file; as it would be generated where it does not.
        sources: What it comes from.
    """

    path: str
    key: str
    value: Any
    sources: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "path": self.path,
            "key": self.key,
            "value": self.value,
            "sources": list(self.sources),
        }


class _Entry(Struct, frozen=True, kw_only=True):
    """An entry of a file: by its place, for another name may be among what is tried."""

    file: int
    section: int
    place: int


def explain(request: GenerateRequest, name: str) -> tuple[Origin, ...]:
    """Return where all values of an entry come from.

    Args:
        request: The project.
        name: The entry's name, label, id or key.

    Raises:
        UsageError: No entry is called so, or a file cannot be understood.
    """
    root = request.root.resolve()
    model = read_model(root, request.environ, tasks=request.tasks)
    files = render_files(model, root, editors=request.editors)
    entries = list(_find(files, name))
    if not entries:
        known = [n for f in files for s in f.sections for n in s.entries]
        raise UsageError(f"no entry is called {quote(name)}", hint=suggest(name, known))
    reasons = _try_all(model, root, request.editors, files, entries)
    bases = parse_bases(read_place(root, BASE).found)
    return tuple(
        origin
        for entry in entries
        for origin in _describe(files, entry, root, reasons[entry], bases)
    )


def _find(files: Sequence[File], name: str) -> Iterator[_Entry]:
    for number, file in enumerate(files):
        for part, section in enumerate(file.sections):
            for place, identity in enumerate(section.entries):
                if identity == name:
                    yield _Entry(file=number, section=part, place=place)


def _get(files: Sequence[File], entry: _Entry) -> Any:
    """Return an entry's value; None where there is none any more."""
    try:
        values = list(files[entry.file].sections[entry.section].entries.values())
        return values[entry.place]
    except IndexError:
        return None


def _try_all(
    model: Model,
    root: Path,
    editors: Sequence[str],
    files: Sequence[File],
    entries: Sequence[_Entry],
) -> dict[_Entry, dict[str, list[str]]]:
    """Return, by entry and key, what each value depends on."""
    from sceneshift.core.errors import SceneshiftError  # noqa: PLC0415

    found: dict[_Entry, dict[str, list[str]]] = {entry: {} for entry in entries}
    before = {entry: dict(_flatten(_get(files, entry))) for entry in entries}
    for fact, other in _vary(model, ()):
        try:
            tried = render_files(
                _with(model, fact, other), root, editors=editors, is_kept=False
            )
        except SceneshiftError:  # of a template that takes no such value
            continue
        if [len(f.sections) for f in tried] != [len(f.sections) for f in files]:
            continue
        for entry in entries:
            after = dict(_flatten(_get(tried, entry)))
            for key, value in before[entry].items():
                if after.get(key, value) != value:
                    source = describe_fact(model, root, fact)
                    found[entry].setdefault(key, []).append(source)
    return found


def _vary(value: Any, fact: Fact) -> Iterator[tuple[Fact, Any]]:
    """Yield each fact, and another one in its place."""
    if isinstance(value, Struct):
        for field in fields(value):
            yield from _vary(getattr(value, field.name), (*fact, field.name))
    elif isinstance(value, tuple):
        for place, each in enumerate(value):
            yield from _vary(each, (*fact, place))
    elif isinstance(value, str):
        yield fact, value + _OTHER
    elif isinstance(value, int) and not isinstance(value, bool):
        yield fact, value + 1


def _with(value: Any, fact: Fact, other: Any) -> Any:
    """Return the same with another fact."""
    if not fact:
        return other
    first, *rest = fact
    if isinstance(first, int):
        changed = _with(value[first], tuple(rest), other)
        return (*value[:first], changed, *value[first + 1 :])
    changed = _with(getattr(value, first), tuple(rest), other)
    return replace(value, **{first: changed})


def _flatten(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what is in a value that is nothing more itself, by where that is."""
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from _flatten(each, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and value:
        for place, each in enumerate(value):
            yield from _flatten(each, f"{key}[{place}]")
    else:
        yield key, value


def _describe(
    files: Sequence[File],
    entry: _Entry,
    root: Path,
    reasons: dict[str, list[str]],
    bases: dict[str, Base],
) -> Iterator[Origin]:
    file = files[entry.file]
    section = file.sections[entry.section]
    identity = list(section.entries)[entry.place]
    made = dict(_flatten(section.entries[identity]))
    there = _read(root, file, entry.section, identity)
    kept = bases.get(file.path, {}).get("/".join(section.path), {}).get(identity)
    for key, value in made.items():
        sources = list(dict.fromkeys(reasons.get(key, []))) or [f"{file.template}"]
        if there is None:
            gone = "removed by hand" if kept is not None else "not generated yet"
            sources = [*sources, gone]
        elif there.get(key) != value:
            sources = [f"by hand; generated: {value!r}", *sources]
        shown = value if there is None else there.get(key)
        yield Origin(path=file.path, key=key, value=shown, sources=tuple(sources))
    for key, value in (there or {}).items():
        if key not in made:
            yield Origin(path=file.path, key=key, value=value, sources=("by hand",))


def _read(root: Path, file: File, number: int, identity: str) -> dict[str, Any] | None:
    """Return an entry as it stands in its file; None where it does not."""
    found = read_place(root, file.path).found
    if found is None:
        return None
    if file.is_text:
        return {"": normalize(found)}
    section = file.sections[number]
    value: Any = jsonc.parse(found, name=file.path, is_strict=file.is_strict).value
    for key in section.path:
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, list):
        for each in value:
            name = each.get(section.key) if isinstance(each, dict) else str(each)
            if name == identity:
                return dict(_flatten(each))
        return None
    if isinstance(value, dict) and identity in value:
        return dict(_flatten(value[identity]))
    return None
