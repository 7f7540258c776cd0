"""Lines to stop at, found in the sources: routes, tests, functions."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Of Python's own tools, and what others have installed.
_FOREIGN = frozenset(
    {"__pycache__", "node_modules", "site-packages", "build", "dist", "venv", "env"}
)
_MOST_FILES = 3000
_PARAMETER = re.compile(r"\{[^}]*\}|<[^>]*>")
_ROUTES = frozenset({"get", "route", "api_route"})
# Reading is quick, parsing is not.
_ROUTING = re.compile(rb"\.(?:get|route|api_route)\(|\bpath\(|\(request\b")
# As Flask's and uvicorn's own documentation has it.
_SERVING = re.compile(rb"\b(?:app|application|uvicorn|hypercorn)\.run\(")
_DJANGO = frozenset({"path", "re_path"})
_TEST_FILE = re.compile(r"test_.*\.py|.*_test\.py|tests\.py")

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Place(Struct, frozen=True, kw_only=True):
    """A line that can be stopped at.

    Attributes:
        file: Absolute.
        line: Counted from 1.
        function: What it is in; empty outside of any.
        path: The path of a request that runs it; None where none is known.
    """

    file: Path
    line: int
    function: str = ""
    path: str | None = None


def find_files(folder: Path, *, most: int = _MOST_FILES) -> list[Path]:
    """Return the Python files below a folder that are the project's own."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        own = (name for name in sorted(folders) if name not in _FOREIGN)
        folders[:] = [
            name
            for name in own
            if not name.startswith(".") and not Path(place, name, "pyvenv.cfg").exists()
        ]
        found += [Path(place, name) for name in sorted(names) if name.endswith(".py")]
        if len(found) >= most:
            break
    return found[:most]


def is_test_file(file: Path) -> bool:
    """Tell whether pytest would take it."""
    return _TEST_FILE.fullmatch(file.name) is not None


def starts_server(file: Path) -> bool:
    """Tell whether a file that is run starts a web server by itself."""
    return _parse(file, _SERVING) is not None


def find_routes(files: Sequence[Path]) -> list[Place]:
    """Return the handlers of GET, those whose path has no parameters first."""
    read = ((file, _parse(file, _ROUTING)) for file in files)
    trees = {file: tree for file, tree in read if tree is not None}
    found = [place for file, tree in trees.items() for place in _decorated(file, tree)]
    found += _listed(trees)
    return sorted(found, key=lambda place: "1" in (place.path or "").split("/"))


def _decorated(file: Path, tree: ast.Module) -> Iterator[Place]:
    """Yield the handlers that Flask's and FastAPI's decorators name."""
    prefixes = _find_prefixes(tree)
    for function in _functions(tree):
        for each in function.decorator_list:
            if not isinstance(each, ast.Call) or not isinstance(
                each.func, ast.Attribute
            ):
                continue
            path = _first_text(each)
            if each.func.attr not in _ROUTES or path is None or not _takes_get(each):
                continue
            owner = each.func.value
            name = owner.id if isinstance(owner, ast.Name) else ""
            yield _place(file, function, prefixes.get(name, "") + path)


def _takes_get(call: ast.Call) -> bool:
    methods = [word.value for word in call.keywords if word.arg == "methods"]
    if not methods or not isinstance(methods[0], ast.List | ast.Tuple):
        return True
    return any(
        isinstance(one, ast.Constant) and str(one.value).upper() == "GET"
        for one in methods[0].elts
    )


def _find_prefixes(tree: ast.Module) -> dict[str, str]:
    """Return the prefixes of routers and blueprints by the name they are given."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            texts = {
                word.arg: word.value.value
                for word in node.value.keywords
                if isinstance(word.value, ast.Constant)
            }
            prefix = texts.get("prefix", texts.get("url_prefix"))
            for target in node.targets:
                if isinstance(target, ast.Name) and isinstance(prefix, str):
                    found[target.id] = prefix
    return found


def _listed(trees: dict[Path, ast.Module]) -> Iterator[Place]:
    """Yield the views that Django's `urlpatterns` name, where they are functions."""
    views = {
        function.name: (file, function)
        for file, tree in trees.items()
        for function in _functions(tree)
        if function.args.args and function.args.args[0].arg == "request"
    }
    for tree in trees.values():
        for node in ast.walk(tree):
            path, view = _read_pattern(node)
            if path is not None and view in views:
                yield _place(*views[view], "/" + path.strip("^$").lstrip("/"))


def _read_pattern(node: ast.AST) -> tuple[str | None, str]:
    """Return path and view of `path("orders/", views.show)`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return None, ""
    if node.func.id not in _DJANGO or len(node.args) < 2:
        return None, ""
    view = node.args[1]
    name = view.attr if isinstance(view, ast.Attribute) else ""
    return _first_text(node), view.id if isinstance(view, ast.Name) else name


def _first_text(call: ast.Call) -> str | None:
    first = call.args[0] if call.args else None
    value = first.value if isinstance(first, ast.Constant) else None
    return value if isinstance(value, str) else None


def _place(file: Path, function: _Function, path: str | None = None) -> Place:
    filled = None if path is None else "/" + fill_path(path).lstrip("/")
    line = _first_line(function.body)
    return Place(file=file, line=line, function=function.name, path=filled)


def fill_path(path: str) -> str:
    """Return a path with a value for each of its parameters."""
    return _PARAMETER.sub("1", path)


def find_tests(file: Path) -> list[Place]:
    """Return the first line of each test of a file."""
    tree = _parse(file)
    found = [] if tree is None else _functions(tree)
    return [_place(file, one) for one in found if one.name.startswith("test")]


def find_lines(file: Path) -> list[Place]:
    """Return the lines of a module that are surely or likely run.

    They are the first statement outside of functions that does something, and the
    first one of each function.
    """
    tree = _parse(file)
    if tree is None:
        return []
    places = [_place(file, function) for function in _functions(tree)]
    if tree.body and (line := _first_line(tree.body)):
        places.insert(0, Place(file=file, line=line))
    return places


def _first_line(body: Sequence[ast.stmt]) -> int:
    """Return the line of the first statement that does something: no docstring."""
    is_text = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    first = body[1] if is_text and len(body) > 1 else body[0]
    skipped = ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal
    doing = (each for each in body if each.lineno >= first.lineno)
    chosen = next((each for each in doing if not isinstance(each, skipped)), first)
    decorators = getattr(chosen, "decorator_list", None)
    return decorators[0].lineno if decorators else chosen.lineno


def _functions(tree: ast.Module) -> list[_Function]:
    return [node for node in ast.walk(tree) if isinstance(node, _Function)]


def _parse(file: Path, wanted: re.Pattern[bytes] | None = None) -> ast.Module | None:
    """Return a file's tree; None where it has none, or nothing that is wanted."""
    try:
        data = file.read_bytes()
        is_wanted = wanted is None or wanted.search(data) is not None
        return ast.parse(data) if is_wanted else None
    except (OSError, SyntaxError, ValueError):
        return None
