"""`inv env.check-example`: `.env.example` in step with the env files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sceneshift.core.console import StreamConsole
from sceneshift.core.envfile import load_env_file
from sceneshift.core.errors import DriftError
from sceneshift.core.example import EXAMPLE, find_unfilled
from sceneshift.core.project import load_project

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from sceneshift.core.envfile import EnvLine
    from sceneshift.core.environment import Environment

_OPTIONAL = re.compile(r"^\s*#\s*(?:export\s+)?([A-Za-z_]\w*)=", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A variable, and where it stands."""

    name: str
    file: Path
    line: int

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"name": self.name, "file": str(self.file), "line": self.line}

    def __str__(self) -> str:
        return f"{self.name} ({self.file}:{self.line})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How the example and the env files of an environment differ.

    Attributes:
        problem: Why there is nothing to compare; None where there is.
        missing_in_example: What stands in the env files alone.
        missing_in_files: What stands in the example, and nothing else says.
        unfilled: What stands in the env files, and waits for a person.
    """

    problem: str | None = None
    missing_in_example: tuple[Place, ...] = ()
    missing_in_files: tuple[Place, ...] = ()
    unfilled: tuple[Place, ...] = ()

    @property
    def is_in_step(self) -> bool:
        """Whether nothing is missing on either side."""
        return not self.missing_in_example and not self.missing_in_files


def compare_example(root: Path, environment: Environment) -> Comparison:
    """Compare `.env.example` with what an environment has.

    A name in a comment, `# NAME=value`, is one that may be missing in the env files.
    What pyproject.toml or the shell says need not stand in a file.

    Raises:
        ConfigError: A file cannot be read.
    """
    if not (root / EXAMPLE).is_file():
        return Comparison(problem=f"there is no {EXAMPLE}")
    files = [file for file in environment.files if (root / file).is_file()]
    if not files:
        names = ", ".join(map(str, environment.files))
        return Comparison(
            problem=f"there is no env file of {environment.name}: {names}"
        )
    lines = [(file, line) for file in files for line in load_env_file(root, file)]
    example = load_env_file(root, EXAMPLE)
    text = (root / EXAMPLE).read_text(encoding="utf-8")
    known = {*(line.key for line in example), *_OPTIONAL.findall(text)}
    unfilled = [(file, line) for file, line in lines if find_unfilled([line])]
    return Comparison(
        missing_in_example=_list_places(
            (file, line) for file, line in lines if line.key not in known
        ),
        missing_in_files=_list_places(
            (EXAMPLE, line) for line in example if line.key not in environment.values
        ),
        unfilled=_list_places(unfilled),
    )


def _list_places(lines: Iterable[tuple[Path, EnvLine]]) -> tuple[Place, ...]:
    """Return each variable once, where it stands first."""
    found: dict[str, Place] = {}
    for file, line in lines:
        place = Place(name=line.key, file=file, line=line.number)
        found.setdefault(line.key, place)
    return tuple(found.values())


def check_example(
    root: Path, environ: Mapping[str, str], *, name: str | None, as_json: bool
) -> None:
    """Print how example and env files differ.

    Raises:
        DriftError: They do.
        UsageError: There is no such environment, or a file says what cannot be.
    """
    project = load_project(root, environ=environ, environment=name, is_looking=True)
    found = compare_example(root, project.environment)
    console = StreamConsole()
    if found.problem is not None:
        console.note(f"nothing to compare: {found.problem}")
    if as_json:
        console.json(_describe(project.environment.name, found))
    elif not found.is_in_step:
        head = ("variable", "stands in", "is missing in")
        console.table([head, *_list_rows(found, project.environment.name)])
    if found.unfilled:
        console.note(f"still to be filled in: {', '.join(map(str, found.unfilled))}")
    if not found.is_in_step:
        raise DriftError(
            f"{EXAMPLE} and the files of {project.environment.name} are out of step",
            hint="add each name where it is missing; "
            "`# NAME=` in the example is one that may be left out",
        )


def _describe(environment: str, found: Comparison) -> dict[str, Any]:
    return {
        "environment": environment,
        "is_in_step": found.is_in_step,
        "missing_in_example": [one.as_json() for one in found.missing_in_example],
        "missing_in_files": [one.as_json() for one in found.missing_in_files],
        "unfilled": [one.as_json() for one in found.unfilled],
    }


def _list_rows(found: Comparison, environment: str) -> list[tuple[str, str, str]]:
    return [
        (one.name, f"{one.file}:{one.line}", str(EXAMPLE))
        for one in found.missing_in_example
    ] + [
        (one.name, f"{one.file}:{one.line}", f"the env files of {environment}")
        for one in found.missing_in_files
    ]
