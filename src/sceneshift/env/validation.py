"""`inv env.validate`: whether an environment holds."""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING

from sceneshift.core.check import Subject, fail, ok
from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.core.project import load_project
from sceneshift.env.inspection import Result, print_results, run_checks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sceneshift.core.check import Check


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
    began = time.monotonic()
    try:
        project = load_project(root, environ=environ, environment=name, is_looking=True)
    except SceneshiftError as error:
        if type(error) is UsageError:  # a name that was mistyped is no finding
            raise
        verdict = fail(error.message, error.hint or "mend it there")
        took_s = time.monotonic() - began
        broken = Result(name="configuration", verdict=verdict, time_s=took_s)
        print_results([broken], {"environment": None}, as_json=as_json)
        return
    environment = project.environment
    verdict = ok(f"{environment.name}, by {environment.chosen_by}")
    took_s = time.monotonic() - began
    configuration = Result(name="configuration", verdict=verdict, time_s=took_s)
    checks = _collect(Subject(project=project, environ=environ), providers)
    results = [configuration, *run_checks(checks)]
    print_results(results, {"environment": environment.name}, as_json=as_json)


def _collect(subject: Subject, providers: Sequence[str]) -> Iterator[Check]:
    for provider in providers:
        yield from importlib.import_module(provider).list_checks(subject)
