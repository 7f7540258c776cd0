"""`inv env.validate`: whether an environment holds."""

from __future__ import annotations

import importlib
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from sceneshift.core.check import Check, Subject, fail, ok
from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.core.project import load_project
from sceneshift.env.inspection import Result, print_results, run_checks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sceneshift.core.check import Maker
    from sceneshift.core.project import Project


def validate(
    root: Path,
    environ: Mapping[str, str],
    *,
    name: str | None,
    providers: Sequence[str],
    as_json: bool,
) -> None:
    """Run the checks of an environment and print what they found.

    Args:
        root: The project's folder.
        environ: The process environment.
        name: Name or alias of the environment; None means the active one.
        providers: Modules with a function `list_checks`.
        as_json: Whether JSON is printed.

    Raises:
        DriftError: A check has failed.
        UsageError: There is no such environment.
    """
    known, results = examine(root, environ, name=name, providers=providers)
    print_results(results, {"environment": known}, as_json=as_json)


def examine(  # noqa: PLR0913 - options, each by its name
    root: Path,
    environ: Mapping[str, str],
    *,
    name: str | None,
    providers: Sequence[str],
    is_next: bool = False,
    is_migrated: bool = False,
) -> tuple[str | None, list[Result]]:
    """Run the checks of an environment.

    Args:
        root: The project's folder.
        environ: The process environment.
        name: Name or alias of the environment; None means the active one.
        providers: Modules with a function `list_checks`, and `list_makers` where they
            know what makes what is missing.
        is_next: Whether it is about to take the place of what runs here.
        is_migrated: Whether its migrations are applied before that.

    Returns:
        The environment's name, None where its files cannot be read, and what was
        found.

    Raises:
        UsageError: There is no such environment.
    """
    configuration, project = _read_configuration(root, environ, name)
    if project is None:
        return None, [configuration]
    subject = Subject(
        project=project, environ=environ, is_next=is_next, is_migrated=is_migrated
    )
    finder = partial(_find_makers, subject, providers)
    subject = replace(subject, find_makers=finder)
    found = run_checks(_collect(subject, providers))
    return project.environment.name, [configuration, *found]


def _read_configuration(
    root: Path, environ: Mapping[str, str], name: str | None
) -> tuple[Result, Project | None]:
    """Read the project; None where that cannot be: everything else would be guessing.

    Raises:
        UsageError: There is no such environment, which is no finding.
    """
    began = time.monotonic()
    project = None
    try:
        project = load_project(root, environ=environ, environment=name, is_looking=True)
        active = project.environment
        verdict = ok(f"{active.name}, by {active.chosen_by}")
    except SceneshiftError as error:
        if type(error) is UsageError:
            raise
        verdict = fail(error.message, error.hint or "mend it there")
    took_s = time.monotonic() - began
    return Result(name="configuration", verdict=verdict, time_s=took_s), project


def _collect(subject: Subject, providers: Sequence[str]) -> Iterator[Check]:
    """Yield the checks of all modules; what is wrong with one hides no other."""
    for provider in providers:
        try:
            yield from importlib.import_module(provider).list_checks(subject)
        except Exception as error:  # noqa: BLE001 - it becomes a check that has failed
            yield Check(name=f"checks of {provider}", look=partial(_raise, error))


def _raise(error: Exception) -> NoReturn:
    raise error


def _find_makers(subject: Subject, providers: Sequence[str]) -> Iterator[Maker]:
    for provider in providers:
        find = getattr(importlib.import_module(provider), "list_makers", None)
        if find is not None:
            yield from find(subject)
