"""How a project is tested, by what its files say of pytest."""

from __future__ import annotations

import configparser
import re
import shlex
from typing import TYPE_CHECKING, Any

from sceneshift.ide.model import Tests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# In pytest's own order; a file that has no such section says nothing.
_FILES = (
    ("pytest.ini", "pytest"),
    (".pytest.ini", "pytest"),
    ("tox.ini", "pytest"),
    ("setup.cfg", "tool:pytest"),
)
_FOLDERS = ("tests", "test")
_COVERAGE = re.compile(r"--cov(=|-|$)")
_PROCESSES = re.compile(r"(-n|--numprocesses|--dist)(\W|\d|auto|logical|$)")


def find_tests(root: Path) -> Tests | None:
    """Return how the project is tested with pytest; None where it is not.

    On Python 3.11 and older no breakpoint is hit where coverage is measured, and
    nowhere in another process of pytest-xdist's. Both are turned off where the
    project's settings turn them on: without the plugin the option is an error.
    """
    said = list(_read_options(root))
    has_folder = any(
        next((root / folder).rglob("test_*.py"), None) for folder in _FOLDERS
    )
    if not said and not has_folder and not (root / "conftest.py").is_file():
        return None
    words = [word for options in said for word in options]
    arguments: tuple[str, ...] = ()
    if any(map(_COVERAGE.match, words)):
        arguments += ("--no-cov",)
    if any(map(_PROCESSES.match, words)):
        arguments += ("-n", "0")
    return Tests(arguments=arguments)


def _read_options(root: Path) -> Iterator[list[str]]:
    """Yield what each file that configures pytest gives it as options."""
    for name, section in _FILES:
        parser = configparser.RawConfigParser(strict=False)
        try:
            text = (root / name).read_text(encoding="utf-8", errors="replace")
            parser.read_string(text)
        except (OSError, configparser.Error):
            continue
        if parser.has_section(section):
            yield _split(parser.get(section, "addopts", fallback=""))
        elif name.endswith("pytest.ini"):
            yield []
    yield from _read_pyproject(root)


def _read_pyproject(root: Path) -> Iterator[list[str]]:
    import tomllib  # noqa: PLC0415 - the configuration has imported it, or there is none

    try:
        document: Any = tomllib.loads((root / "pyproject.toml").read_text("utf-8-sig"))
        table = document["tool"]["pytest"]
    except (OSError, ValueError, LookupError, TypeError):
        return
    for each in (table, table.get("ini_options")) if isinstance(table, dict) else ():
        options = each.get("addopts", "") if isinstance(each, dict) else ""
        yield (
            [str(each) for each in options]
            if isinstance(options, list)
            else _split(str(options))
        )


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
