"""Reading package.json, and what it asks of Node."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def read_package(folder: Path) -> dict[str, Any]:
    """Read a folder's package.json; an empty one where none can be read."""
    return read_json(folder / "package.json")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; an empty one where there is none that can be read.

    A byte order mark is none of it, as for npm.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def read_engines(folder: Path) -> tuple[str, ...]:
    """Return the ranges of Node that a folder's package and what it uses ask for.

    They are `engines.node` of its package.json and, from its package-lock.json, of the
    packages that it names itself: a Vite that is too new for Node says so there.
    """
    package = read_package(folder)
    installed = read_json(folder / "package-lock.json").get("packages")
    names = [
        name
        for key in ("dependencies", "devDependencies")
        if isinstance(package.get(key), dict)
        for name in package[key]
    ]
    packages = [package]
    if isinstance(installed, dict):
        packages += [installed.get(f"node_modules/{name}", {}) for name in names]
    return tuple(dict.fromkeys(_read_ranges(packages)))


def _read_ranges(packages: Sequence[Any]) -> Iterator[str]:
    """Yield `engines.node` of each package that has one."""
    for package in packages:
        engines = package.get("engines") if isinstance(package, dict) else None
        wanted = engines.get("node") if isinstance(engines, dict) else None
        if isinstance(wanted, str):
            yield wanted


def fits(version: str, engines: Sequence[str]) -> bool:
    """Whether a Node is in all the ranges; an unreadable one asks for nothing."""
    from sceneshift.core.noderange import satisfies  # noqa: PLC0415 - where one asks

    for wanted in engines:
        with contextlib.suppress(ValueError):
            if not satisfies(version, wanted):
                return False
    return True
