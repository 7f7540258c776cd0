"""The templates: the project's own first, then the package's."""

from __future__ import annotations

import contextlib
import json
import os
import traceback
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sceneshift.core.errors import ConfigError, SceneshiftError
from sceneshift.core.paths import StateFolder
from sceneshift.core.wording import quote, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jinja2 import Environment as Jinja
    from jinja2 import FileSystemBytecodeCache

    _Entry = os.DirEntry[str]

FOLDER = "templates"
SUFFIX = ".jinja"
PREFIX = "sceneshift"
_OWN = Path(__file__).with_name(FOLDER)
CACHE = "templates"


@lru_cache(maxsize=1)
def list_templates() -> tuple[str, ...]:
    """Return the names of the package's templates: `vscode/launch.json.jinja`."""
    found = sorted(_OWN.rglob(f"*{SUFFIX}"))
    return tuple(path.relative_to(_OWN).as_posix() for path in found)


def read_template(name: str) -> bytes:
    """Return one of the package's templates, as it is.

    Raises:
        ConfigError: There is none of this name.
    """
    known = list_templates()
    if name not in known:
        problem = f"there is no template {quote(name)}"
        raise ConfigError(problem, hint=suggest(name, known))
    return (_OWN / name).read_bytes()


def find_template(root: Path, name: str) -> Path:
    """Return the file of a template, relative to the project where it is its own."""
    return Path(FOLDER if (root / FOLDER / name).is_file() else PREFIX, name)


def list_versions(root: Path) -> tuple[tuple[str, int, int], ...]:
    """Return each file that templates may be made of: its path, size and time."""
    return tuple(
        (entry.path, found.st_size, found.st_mtime_ns)
        for folder in (_OWN, root / FOLDER)
        for entry in sorted(_walk(folder), key=lambda each: each.path)
        for found in [entry.stat()]
    )


def _walk(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[_Entry]:
    """Yield the files below a folder, but not once more through a link to above."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    real = folder.resolve()
    for entry in entries if real not in above else ():
        with contextlib.suppress(OSError):  # a link that leads to itself is nothing
            if entry.is_dir():
                yield from _walk(Path(entry.path), above | {real})
            elif entry.is_file():
                yield entry


class Templates:
    """What renders templates for a project.

    Args:
        root: The project's folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._jinja = _make_jinja(root)

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """Return what a template makes of some values.

        Raises:
            ConfigError: It has an error: in which file, and on which line.
        """
        try:
            return self._jinja.get_template(name).render(values)
        except Exception as error:  # whatever a template's expressions raise
            raise self._explain(name, error) from error

    def _explain(self, name: str, error: Exception) -> SceneshiftError:
        """Return the error of a template: the innermost line of one that it is at."""
        from jinja2 import (  # noqa: PLC0415 - imported by then
            TemplateNotFound,
            TemplateSyntaxError,
            UndefinedError,
        )

        file, line = find_template(self._root, name), None
        if isinstance(error, TemplateSyntaxError):
            file, line = self._name(error.filename) or file, error.lineno
        else:
            for frame in traceback.extract_tb(error.__traceback__):
                place = self._name(frame.filename)
                if place is not None:
                    file, line = place, frame.lineno
        text = str(error).strip().rstrip(".").partition("\n")[0] or type(error).__name__
        if isinstance(error, TemplateNotFound):
            missing = str(error.name or name)
            text = f"there is no template {quote(missing)}"
            hint = suggest(missing, self._jinja.list_templates())
        elif isinstance(error, UnicodeDecodeError):
            text, hint = "is not UTF-8", "save it as UTF-8"
        elif isinstance(error, UndefinedError):
            hint = f"see what the package's own has: inv ide.eject {name}"
        else:
            hint = "mend it there, or remove it: the package's own is used then"
        return ConfigError(text, file=file, line=line, hint=hint)

    def _name(self, filename: str | None) -> Path | None:
        """Return how a template's file is named to people; None for any other file."""
        if filename is None or not filename.endswith(SUFFIX):
            return None
        path = Path(filename)
        if path.is_relative_to(_OWN):
            return PREFIX / path.relative_to(_OWN)
        return path.relative_to(self._root) if path.is_relative_to(self._root) else path


def _make_jinja(root: Path) -> Jinja:
    from jinja2 import (  # noqa: PLC0415 - 60 ms
        ChoiceLoader,
        Environment,
        FileSystemLoader,
        PrefixLoader,
        StrictUndefined,
    )

    own = FileSystemLoader(_OWN)
    places = [FileSystemLoader(root / FOLDER), PrefixLoader({PREFIX: own}), own]
    jinja = Environment(  # noqa: S701 - JSON and XML, each value through a filter
        loader=ChoiceLoader(places),
        undefined=StrictUndefined,
        bytecode_cache=_find_cache(root),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    jinja.filters["json"] = _dump
    return jinja


def _find_cache(root: Path) -> FileSystemBytecodeCache | None:
    """Return where compiled templates are kept; None where nothing can be written."""
    from jinja2 import FileSystemBytecodeCache  # noqa: PLC0415 - as above

    try:
        folder = StateFolder(root).make(CACHE)
    except SceneshiftError:
        return None
    return FileSystemBytecodeCache(str(folder)) if os.access(folder, os.W_OK) else None


def _dump(value: object) -> str:
    """Return a value as JSON, on one line."""
    return json.dumps(value, ensure_ascii=False, default=_refuse)


def _refuse(value: object) -> None:
    """Tell what is no JSON; what is not defined says by itself which it is."""
    what = type(value).__name__
    str(value)
    raise TypeError(f"a {what} is no JSON")
