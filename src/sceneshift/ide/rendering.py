"""From a project's model to the files of its editors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from sceneshift.core.config import PYPROJECT, TABLE, load_config
from sceneshift.core.errors import ConfigError, UsageError
from sceneshift.core.schema import key_error
from sceneshift.core.wording import quote, suggest
from sceneshift.ide import jsonc
from sceneshift.ide.files import File, Section
from sceneshift.ide.kept import render_all
from sceneshift.ide.templates import find_template

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from sceneshift.core.config import Config
    from sceneshift.ide.model import Model


_PACKAGE = "package"
_SETTINGS = ".vscode/settings.json"
# Objects that hold sections and no entries.
_NESTED = frozenset({("customizations",), ("customizations", "vscode")})
_IDENTITIES = ("label", "name", "id")


class _Target(Struct, frozen=True, kw_only=True):
    """A file that an editor reads.

    Attributes:
        path: Where it is.
        template: What it is rendered from.
        is_flat: Whether each key at its top is an entry of its own.
        has_settings: Whether each of those that is no array and no object is one.
        is_strict: Whether it must have no comments and no trailing commas.
    """

    path: str
    template: str
    is_flat: bool = False
    has_settings: bool = False
    is_strict: bool = False


def _vscode(name: str, *, is_flat: bool = False) -> _Target:
    return _Target(
        path=f".vscode/{name}", template=f"vscode/{name}.jinja", is_flat=is_flat
    )


_TARGETS = {
    "vscode": (
        _vscode("launch.json"),
        _vscode("tasks.json"),
        _vscode("settings.json", is_flat=True),
        _vscode("extensions.json"),
    ),
    "zed": (
        _Target(path=".zed/debug.json", template="zed/debug.json.jinja"),
        _Target(path=".zed/tasks.json", template="zed/tasks.json.jinja"),
    ),
    "devcontainer": (
        _Target(
            path=".devcontainer/devcontainer.json",
            template="devcontainer/devcontainer.json.jinja",
            has_settings=True,
        ),
    ),
}


_JETBRAINS = "jetbrains"
_RUNS = "jetbrains/run.xml.jinja"
_RUN = re.compile(r"<component\b.*?</component>", re.DOTALL)
_UNFIT = re.compile(r"[^\w() -]+")


def list_editors() -> tuple[str, ...]:
    """Return what `editors` and `--editor` may name."""
    return (*_TARGETS, _JETBRAINS, _PACKAGE)


def render_files(
    model: Model,
    root: Path,
    *,
    editors: Sequence[str] = (),
    templates: Collection[str] = (),
    is_kept: bool = True,
) -> tuple[File, ...]:
    """Render the files of editors, and the scripts of each package.json.

    Args:
        model: The project.
        root: Its folder, absolute.
        editors: Whose files, `package` for the scripts; where there are none, those
            of the configuration, and the scripts.
        templates: Those that are rendered, as files name them; all where there are
            none.
        is_kept: Whether the same will be asked for again, by another command.

    Raises:
        UsageError: There is no such editor.
        ConfigError: A template has an error: in which file, and on which line.
    """
    config = load_config(root)
    chosen = _choose(editors, config)

    def is_asked(template: str) -> bool:
        return not templates or str(find_template(root, template)) in templates

    listed = _list_targets(chosen, model, config)
    targets = [each for each in listed if is_asked(each.template)]
    names = [each.template for each in targets]
    if _JETBRAINS in chosen and is_asked(_RUNS):
        names.append(_RUNS)
    values = {"model": model, "settings": config.ide}
    texts = render_all(root, names, values, is_kept=is_kept)
    files = [_read(texts[each.template], each, root) for each in targets]
    if _RUNS in texts:
        files += _read_runs(texts[_RUNS], find_template(root, _RUNS))
    return tuple(files)


def _choose(editors: Sequence[str], config: Config) -> list[str]:
    known = list_editors()
    for name in editors:
        if name not in known:
            raise UsageError(
                f"there is no editor {quote(name)}", hint=suggest(name, known)
            )
    for place, name in enumerate(config.editors):
        if name not in known:
            keys = (*TABLE, "editors", place)
            problem = f"there is no editor {quote(name)}"
            raise key_error(PYPROJECT, keys, problem, hint=suggest(name, known))
    return list(dict.fromkeys(editors or (*config.editors, _PACKAGE)))


def _list_targets(
    editors: Sequence[str], model: Model, config: Config
) -> Iterator[_Target]:
    """Yield each file that is JSON."""
    for editor in editors:
        for target in _TARGETS.get(editor, ()):
            if target.path != _SETTINGS or config.ide.settings:
                yield target
        for folder in model.packages if editor == _PACKAGE else ():
            path = "package.json" if folder == "." else f"{folder}/package.json"
            template = "package.json.jinja"
            yield _Target(path=path, template=template, is_strict=True)


def _read(text: str, target: _Target, root: Path) -> File:
    """Read what was rendered as the entries of a file.

    Raises:
        ConfigError: It is no JSON, or no entries can be read off it.
    """
    place = find_template(root, target.template)
    document = _load(text, place)
    if not isinstance(document, dict | list):
        raise ConfigError(
            "makes no object and no array",
            file=place,
            hint="begin it with { or [, and end it with the same",
        )
    head, sections = _split(document, target, place)
    return File(
        path=target.path,
        template=str(place),
        head=head,
        is_strict=target.is_strict,
        sections=tuple(sections),
    )


def _read_runs(text: str, place: Path) -> Iterator[File]:
    """Yield a file for each configuration: there is no other kind of entry in it.

    Raises:
        ConfigError: One is no XML, or has no name.
    """
    import xml.etree.ElementTree as ET  # noqa: PLC0415 - one editor alone needs it

    for found in _RUN.finditer(text):
        try:
            run = ET.fromstring(found[0]).find("configuration")  # noqa: S314 - our own
        except (ET.ParseError, UnicodeError) as error:
            problem = f"makes no XML: {error}"
            hint = "put each value through the filter: {{ value | e }}"
            raise ConfigError(problem, file=place, hint=hint) from error
        name = None if run is None else run.get("name")
        if not name:
            problem = "a configuration has no name"
            raise ConfigError(problem, file=place, hint='give it one: name="…"')
        yield File(
            path=f".run/{_UNFIT.sub('', name)}.run.xml",
            template=str(place),
            is_text=True,
            sections=(Section(path=(), key=None, entries={name: f"{found[0]}\n"}),),
        )


def _load(text: str, place: Path) -> Any:
    """Return the value of JSON with comments and trailing commas.

    Raises:
        ConfigError: It is none.
    """
    try:
        data = text.encode(errors="backslashreplace")  # as JSON escapes surrogates
        return jsonc.parse(data, name="").value
    except jsonc.JsoncError as error:
        line = text.splitlines()[(error.line or 1) - 1 :][:1] or [""]
        problem = error.message.rpartition(f":{error.column}: ")[2]
        raise ConfigError(
            f"makes no JSON: {problem}: {quote(line[0].strip())}",
            file=place,
            hint="put each value through the filter: {{ value | json }}",
        ) from error


def _split(
    document: dict[str, Any] | list[Any], target: _Target, place: Path
) -> tuple[dict[str, Any], list[Section]]:
    """Return the keys that a file begins with, and the sections of its entries."""
    if isinstance(document, list):
        return {}, [_read_array((), document, place)]
    if target.is_flat:
        return {}, list(_split_flat(document))
    plain = {k: v for k, v in document.items() if not isinstance(v, dict | list)}
    sections = list(_split_sections(document, (), place))
    if target.has_settings:
        return {}, [Section(path=(), key=None, entries=plain), *sections]
    return plain, sections


def _split_sections(
    table: Mapping[str, Any], path: tuple[str, ...], place: Path
) -> Iterator[Section]:
    """Yield a section for each array and each object in an object."""
    for key, value in table.items():
        below = (*path, key)
        if isinstance(value, list):
            yield _read_array(below, value, place)
        elif below in _NESTED:
            yield from _split_sections(value, below, place)
        elif isinstance(value, dict):
            yield Section(path=below, key=None, entries=value)


def _split_flat(document: Mapping[str, Any]) -> Iterator[Section]:
    """Yield the keys at the top, and those of each object there for itself."""
    tables = {key: each for key, each in document.items() if isinstance(each, dict)}
    plain = {key: each for key, each in document.items() if key not in tables}
    yield Section(path=(), key=None, entries=plain)
    for key, table in tables.items():
        yield Section(path=(key,), key=None, entries=table)


def _read_array(path: tuple[str, ...], values: Sequence[Any], place: Path) -> Section:
    """Return the entries of an array.

    Raises:
        ConfigError: Two are called the same, or one is not called anything.
    """
    key = ".".join(path) or "the array"
    if not any(isinstance(each, dict) for each in values):
        entries = {str(each): each for each in values}
        return Section(path=path, key="", entries=entries)
    identity = next(
        (
            name
            for name in _IDENTITIES
            if all(isinstance(e, dict) and isinstance(e.get(name), str) for e in values)
        ),
        None,
    )
    if identity is None:
        problem = f"an entry of {quote(key)} has no name"
        hint = f"give each of them one: {', '.join(map(quote, _IDENTITIES))}"
        raise ConfigError(problem, file=place, hint=hint)
    entries = {}
    for each in values:
        if each[identity] in entries:
            problem = f"two entries of {quote(key)} are called {quote(each[identity])}"
            raise ConfigError(problem, file=place, hint="give one another name")
        entries[each[identity]] = each
    return Section(path=path, key=identity, entries=entries)
