"""Where each value of a generated entry comes from."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from sceneshift.core.errors import UsageError
from sceneshift.core.wording import quote, suggest
from sceneshift.ide import jsonc
from sceneshift.ide.base import OWN_PATH, PATH, parse_bases
from sceneshift.ide.origins import describe_fact
from sceneshift.ide.reading import read_model
from sceneshift.ide.rendering import render_files
from sceneshift.ide.texts import normalize
from sceneshift.ide.tracing import find_entries, flatten, trace
from sceneshift.ide.writing import read_place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sceneshift.ide.files import File, Section
    from sceneshift.ide.generation import GenerateRequest
    from sceneshift.ide.model import Model
    from sceneshift.ide.tracing import Fact


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


def explain(request: GenerateRequest, name: str) -> tuple[Origin, ...]:
    """Return where all values of an entry come from.

    Args:
        request: The project.
        name: The entry's name, label, id or key.

    Raises:
        UsageError: No entry is called so, or a file cannot be understood.
    """
    root = request.root.resolve()
    model = read_model(root, tasks=request.tasks)
    files = render_files(model, root, editors=request.editors)
    holding = {files[entry.file].template for entry in find_entries(files, name)}
    if not holding:
        known = [n for f in files for s in f.sections for n in s.entries]
        raise UsageError(f"no entry is called {quote(name)}", hint=suggest(name, known))
    files = tuple(file for file in files if file.template in holding)
    render = partial(
        render_files,
        root=root,
        editors=request.editors,
        templates=holding,
        is_kept=False,
    )
    shared, own = (
        parse_bases(read_place(root, path).found, path) for path in (PATH, OWN_PATH)
    )
    bases = {**shared, **own}
    origins: list[Origin] = []
    for entry, found in trace(model, files, name, render).items():
        file = files[entry.file]
        section = file.sections[entry.section]
        base = bases.get(file.path, {}).get("/".join(section.path), {})
        gone = "removed by hand" if name in base else "not generated yet"
        there = _read(root, file, section, name)
        reasons = _describe_facts(model, root, found)
        made = dict(flatten(section.entries[name]))
        origins += _describe(file, made, there, reasons, gone=gone)
    return tuple(origins)


def _describe_facts(
    model: Model, root: Path, found: Mapping[str, Sequence[Fact]]
) -> dict[str, list[str]]:
    """Return, by key, what its value depends on, each once."""
    known = {
        fact: describe_fact(model, root, fact)
        for fact in {fact for facts in found.values() for fact in facts}
    }
    return {
        key: list(dict.fromkeys(known[fact] for fact in facts))
        for key, facts in found.items()
    }


def _describe(
    file: File,
    made: Mapping[str, Any],
    there: Mapping[str, Any] | None,
    reasons: Mapping[str, Sequence[str]],
    *,
    gone: str,
) -> Iterator[Origin]:
    for key, value in made.items():
        sources = [*reasons[key]] or [file.template]
        if there is None:
            sources = [*sources, gone]
        elif there.get(key) != value:
            sources = [f"by hand; generated: {value!r}", *sources]
        shown = value if there is None else there.get(key)
        yield Origin(path=file.path, key=key, value=shown, sources=tuple(sources))
    for key, value in (there or {}).items():
        if key not in made:
            yield Origin(path=file.path, key=key, value=value, sources=("by hand",))


def _read(
    root: Path, file: File, section: Section, identity: str
) -> dict[str, Any] | None:
    """Return an entry as it stands in its file; None where it does not."""
    found = read_place(root, file.path).found
    if found is None:
        return None
    if file.is_text:
        return {"": normalize(found)}
    value: Any = jsonc.parse(found, name=file.path, is_strict=file.is_strict).value
    for key in section.path:
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, list):
        for each in value:
            name = each.get(section.key) if isinstance(each, dict) else str(each)
            if name == identity:
                return dict(flatten(each))
        return None
    if isinstance(value, dict) and identity in value:
        return dict(flatten(value[identity]))
    return None
