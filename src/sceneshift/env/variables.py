"""`inv env.show`: what an environment's variables are, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sceneshift.core.console import StreamConsole
from sceneshift.core.project import load_project
from sceneshift.core.secrets import is_secret, mask_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sceneshift.core.environment import Environment
    from sceneshift.core.value import Source, Value


def list_own(environment: Environment) -> dict[str, Value]:
    """Return what the project defines, whoever has the last word on it."""
    return {name: value for name, value in environment.values.items() if value.is_own}


def show_variables(  # noqa: PLR0913 - options, each by its name
    root: Path,
    environ: Mapping[str, str],
    *,
    name: str | None,
    is_explained: bool,
    is_all: bool,
    as_json: bool,
) -> None:
    """Print the variables of an environment, secrets masked.

    Args:
        root: The project's folder.
        environ: The process environment.
        name: Name or alias of the environment; None means the active one.
        is_explained: Whether the table says where each comes from.
        is_all: Whether those of the shell are shown that the project does not define.
        as_json: Whether JSON is printed, which always says where each comes from.

    Raises:
        UsageError: There is no such environment, or a file says what cannot be.
    """
    project = load_project(root, environ=environ, environment=name, is_looking=True)
    environment = project.environment
    shown = environment.values if is_all else list_own(environment)
    variables = {key: shown[key] for key in sorted(shown)}
    console = StreamConsole()
    if as_json:
        console.json(
            {
                "environment": environment.name,
                "chosen_by": _describe_source(environment.chosen_by),
                "variables": [_describe(*item) for item in variables.items()],
            }
        )
        return
    console.note(f"environment: {environment.name} ({environment.chosen_by})")
    rows = _explain(variables) if is_explained else _list(variables)
    console.table(rows)


def _describe(name: str, value: Value) -> dict[str, Any]:
    return {
        "name": name,
        "value": mask_value(name, value.text),
        "is_secret": is_secret(name, value.text),
        "source": _describe_source(value.source),
        "overridden": [
            {
                "value": mask_value(name, one.text),
                "source": _describe_source(one.source),
            }
            for one in value.overridden
        ],
    }


def _describe_source(source: Source) -> dict[str, Any]:
    return {
        "kind": source.kind.value,
        "file": None if source.file is None else str(source.file),
        "line": source.line,
        "key": source.key,
    }


def _list(variables: Mapping[str, Value]) -> Iterator[tuple[str, ...]]:
    yield ("variable", "value")
    for name, value in variables.items():
        yield (name, _show(name, value.text))


def _explain(variables: Mapping[str, Value]) -> Iterator[tuple[str, ...]]:
    yield ("variable", "value", "from", "")
    for name, value in variables.items():
        yield (name, _show(name, value.text), str(value.source), "")
        for one in value.overridden:
            yield ("", _show(name, one.text), str(one.source), "overridden")


def _show(name: str, text: str) -> str:
    """Return a value on one line, as far as it may be shown."""
    shown = mask_value(name, text)
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in shown)
