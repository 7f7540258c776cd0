from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "src" / "sceneshift"
# Dependencies of rooms that are not there yet. Whoever imports one takes it out.
FOR_LATER_ROOMS = {"docker"}
# The driver of a user's database; without it another way is taken.
USED_IF_THERE = {"psycopg", "pymysql"}
# Of the standard library in one Python, and of a distribution in an earlier one.
MOVED = {"backports": "backports.zstd", "compression": "backports.zstd"}
# Runs in the user's interpreter, and imports what is found there.
USERS_SIDE = PACKAGE / "dev" / "zygote"


def read_dependencies() -> set[str]:
    """Return the names of the runtime dependencies."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        lines = tomllib.load(file)["project"]["dependencies"]
    return {re.split(r"[<>=!~;\[ ]", line)[0] for line in lines}


def list_imports(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file with the top-level packages that it imports, wherever in it."""
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Import):
                yield from ((file, one.name.partition(".")[0]) for one in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                yield file, node.module.partition(".")[0]


def find_distributions() -> dict[str, set[str]]:
    """Return the packages that src imports, by the distributions that have them."""
    by_package = importlib.metadata.packages_distributions()
    found: dict[str, set[str]] = {}
    for file, package in list_imports(PACKAGE):
        is_theirs = file.is_relative_to(USERS_SIDE)
        if package in {*sys.stdlib_module_names, "sceneshift"} or is_theirs:
            continue
        for name in by_package.get(package, [MOVED.get(package, package)]):
            found.setdefault(name.lower(), set()).add(str(file.relative_to(ROOT)))
    return found


def test_what_is_imported_is_a_dependency() -> None:
    """Else it works here alone, where the tests' own packages are installed."""
    used = find_distributions()
    others = used.keys() - read_dependencies() - USED_IF_THERE
    assert {name: used[name] for name in others} == {}


def test_every_dependency_is_imported() -> None:
    """Or is for a room that comes later; what is imported is not."""
    unused = read_dependencies() - find_distributions().keys()
    assert unused == FOR_LATER_ROOMS
