"""Which lines an entry is tried with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.ide.doctor.sources import (
    Place,
    find_files,
    find_lines,
    find_routes,
    find_tests,
    is_test_file,
    starts_server,
)
from sceneshift.ide.doctor.target import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from sceneshift.ide.doctor.target import Target

_MOST_ROUTES = 12  # each file is another request to each process
_MOST_TEST_FILES = 40
_MOST_FILES = 100


def choose_places(root: Path, target: Target) -> list[Place]:
    """Return lines that the program surely runs, or runs when it is asked.

    Those of a web server are its handlers, where any are found, else the lines of its
    own module, which it runs when it starts.
    """
    if target.role is Role.TESTS:
        return choose_tests(root, target)
    own = target.find_file()
    if target.role is Role.WEB and (routes := choose_routes(root, own)):
        return routes
    return [] if own is None else find_lines(own)


def find_role(root: Path, target: Target) -> Role:
    """Return how a program is made to run a line; it may be a web server by itself."""
    own = target.find_file()
    if target.role is not Role.PROGRAM or own is None:
        return target.role
    is_server = starts_server(own) and choose_routes(root, own)
    return Role.WEB if is_server else target.role


def choose_routes(root: Path, own: Path | None) -> list[Place]:
    """Return handlers: those beside a file and below it, else all of the project."""
    near = [] if own is None else find_routes(_list_sources(own.parent))
    chosen = near or find_routes(_list_sources(root))
    return chosen[:_MOST_ROUTES]


def _list_sources(folder: Path) -> list[Path]:
    return [file for file in find_files(folder) if not is_test_file(file)]


def choose_functions(root: Path, own: Path | None) -> list[Place]:
    """Return lines of a file and of all the project's, of which any may be run."""
    files = _list_sources(root)
    given = [own] if own is not None else []
    chosen = dict.fromkeys([*given, *files[:_MOST_FILES]])
    return [place for file in chosen for place in find_lines(file)]


def choose_tests(root: Path, target: Target) -> list[Place]:
    """Return the first lines of tests: of those that are named, or of the first."""
    named = [word.partition("::")[0] for word in target.words[1:]]
    paths = [folder / word for folder in target.folders for word in named if word]
    given = [path for path in paths if path.exists() and not path.samefile(root)]
    files = [path for path in given if path.suffix == ".py"]
    for folder in [path for path in given if path.is_dir()]:
        files += filter(is_test_file, find_files(folder))
    if not files:
        files = [file for file in find_files(root) if is_test_file(file)]
    return [place for file in files[:_MOST_TEST_FILES] for place in find_tests(file)]


def find_test_file(root: Path) -> Path | None:
    """Return a file with tests, as if it were the one that is open."""
    files = (file for file in find_files(root) if is_test_file(file))
    return next((file for file in files if find_tests(file)), None)


def group_lines(places: Iterable[Place]) -> dict[str, list[int]]:
    """Return the lines of each file."""
    lines: dict[str, list[int]] = {}
    for place in places:
        lines.setdefault(str(place.file), []).append(place.line)
    return lines


def list_functions(places: Sequence[Place]) -> list[str]:
    """Return the names of their functions, each once."""
    return list(dict.fromkeys(place.function for place in places if place.function))
