"""Commands that the files of a project declare, be they installed here or not.

What is installed tells more, and something else on each machine: the files of editors
are committed, and are to be the same for all.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sceneshift.core.packagejson import read_package

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_PYPROJECT = "pyproject.toml"
_FILES = (_PYPROJECT, "Pipfile", "setup.cfg")
_REQUIREMENTS = ("requirements*.txt", "requirements*.in", "requirements/*.*")
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*([\[(<>=!~;@,\s#]|$)", re.ASCII)
_SHEBANG = re.compile(rb"#![^\n]*\bpython[\d.t]*[ \t]*\n")
_LONGEST_SHEBANG = 256
# Packages of Python whose program of the same name is none: what they are clients of,
# or bring as a binary.
_FOREIGN = frozenset(
    """
    buf cmake consul deno docker esbuild etcd grafana kafka localtunnel meilisearch
    minio mongodb mosquitto mysql nats neo4j ngrok ninja node ollama postgres pulumi
    qdrant redis ruff sass stripe supabase tailwindcss temporal terraform ty typesense
    uv valkey vault watchexec weaviate
    """.split()  # noqa: SIM905 - a line for each word would hide the sense
)


def is_python(name: str, folder: Path, root: Path) -> bool:
    """Tell whether a command is one of Python, by what is declared.

    That is a script of the project or of a member of its workspace, or what is called
    like a package that it depends on.

    Args:
        name: The command's.
        folder: Where it runs.
        root: The project's folder.
    """
    wanted = _normalize(name)
    return any(
        name in _list_scripts(each)
        or (wanted not in _FOREIGN and wanted in _list_packages(each))
        for each in _list_folders(folder, root)
    )


def is_node(name: str, folder: Path, root: Path) -> bool:
    """Tell whether a command is a tool of a package.json: one of `devDependencies`.

    Other dependencies are libraries, some of them clients of what has their name.

    Args:
        name: The command's.
        folder: Where it runs.
        root: The project's folder.
    """
    found = (read_package(each) for each in _list_folders(folder, root))
    return any(name in (_get(each, "devDependencies") or ()) for each in found)


def is_script(path: Path) -> bool:
    """Tell whether a file of the project's own has Python in its first line.

    A file of a virtual environment is none: it is not there on each machine.
    """
    if (path.parent.parent / "pyvenv.cfg").exists():
        return False
    try:
        with path.open("rb") as file:
            return _SHEBANG.match(file.read(_LONGEST_SHEBANG)) is not None
    except OSError:
        return False


def _list_folders(folder: Path, root: Path) -> list[Path]:
    """Return the folders whose files count: from that of a program to the top."""
    above = [each for each in (folder, *folder.parents) if each.is_relative_to(root)]
    return above or [folder, root]


def _list_scripts(folder: Path) -> Iterator[str]:
    """Yield the names of commands that a project and its workspace have."""
    document = _read_file(folder / _PYPROJECT)
    yield from _get_scripts(document)
    members = _get(document, "tool", "uv", "workspace", "members")
    for pattern in members if isinstance(members, list) else ():
        for each in sorted(folder.glob(str(pattern))):
            yield from _get_scripts(_read_file(each / _PYPROJECT))
    said = _get(_read_file(folder / "setup.cfg"), "options.entry_points")
    for line in str(_get(said, "console_scripts") or "").splitlines():
        yield line.partition("=")[0].strip()


def _get_scripts(document: Any) -> Iterator[str]:
    for keys in (("project", "scripts"), ("tool", "poetry", "scripts")):
        found = _get(document, *keys)
        yield from found if isinstance(found, dict) else ()


def _list_packages(folder: Path) -> frozenset[str]:
    """Return the packages that a project depends on, for whatever it needs them."""
    requirements = (path for each in _REQUIREMENTS for path in folder.glob(each))
    found = [path for path in requirements if path.suffix in {".in", ".txt"}]
    names = (
        name
        for path in (*(folder / each for each in _FILES), *sorted(found))
        for name in _get_packages(path.name, _read_file(path))
    )
    return frozenset(map(_normalize, names))


def _get_packages(file: str, document: Any) -> Iterator[str]:
    """Yield the packages that one file names."""
    if file == _PYPROJECT:
        yield from _get_dependencies(document)
    elif file == "Pipfile":
        for key in ("packages", "dev-packages"):
            yield from _get(document, key) or ()
    elif file == "setup.cfg":
        said = _get(document, "options") or {}
        yield from _read_names(str(said.get("install_requires", "")).splitlines())
    else:
        yield from _read_names(document if isinstance(document, list) else ())


def _get_dependencies(document: Any) -> Iterator[str]:
    yield from _read_names(_get(document, "project", "dependencies"))
    yield from _read_names(_get(document, "tool", "uv", "dev-dependencies"))
    for keys in (("project", "optional-dependencies"), ("dependency-groups",)):
        groups = _get(document, *keys)
        for each in groups.values() if isinstance(groups, dict) else ():
            yield from _read_names(each)
    poetry = _get(document, "tool", "poetry")
    groups = _get(poetry, "group")
    for each in (poetry, *(groups.values() if isinstance(groups, dict) else ())):
        for key in ("dependencies", "dev-dependencies"):
            found = _get(each, key)
            yield from found if isinstance(found, dict) else ()


def _read_names(requirements: Iterable[Any] | None) -> Iterator[str]:
    for each in requirements or ():
        found = _REQUIREMENT.match(each) if isinstance(each, str) else None
        if found is not None:
            yield found[1]


def _get(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _normalize(name: str) -> str:
    """Return a package's name as all spell it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read_file(path: Path) -> Any:
    """Return what a file says; None where it is not there, or says nothing."""
    try:
        found = path.stat()
    except OSError:
        return None
    return _parse(path, (found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=64)
def _parse(path: Path, version: object) -> Any:  # noqa: ARG001 - a part of the key
    """Read a file once a command: each process of each environment asks for it."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.name == "setup.cfg":
            parser = configparser.RawConfigParser(strict=False)
            parser.read_string(text)
            return {each: dict(parser[each]) for each in parser.sections()}
        is_list = path.suffix in {".in", ".txt"}
        return text.splitlines() if is_list else tomllib.loads(text)
    except (OSError, ValueError, configparser.Error):
        return None
