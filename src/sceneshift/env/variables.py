"""`inv env.show`: what an environment's variables are, and why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sceneshift.core.console import StreamConsole
from sceneshift.core.project import load_project
from sceneshift.core.secrets import MASK, is_secret_name, mask_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sceneshift.core.environment import Environment
    from sceneshift.core.value import Source, Value

_TELLING = 8  # a shorter one is as likely to be a word of another value


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
    mask = Mask(environment)
    console = StreamConsole()
    if as_json:
        console.json(
            {
                "environment": environment.name,
                "chosen_by": _describe_source(environment.chosen_by),
                "variables": [_describe(*item, mask) for item in variables.items()],
            }
        )
        return
    console.note(f"environment: {environment.name} ({environment.chosen_by})")
    rows = _explain(variables, mask) if is_explained else _list(variables, mask)
    console.table(rows)


class Mask:
    """Masks the variables of an environment.

    Other values may hold what a secret one holds: `OPTIONS=--key ${API_KEY}`.
    """

    def __init__(self, environment: Environment) -> None:
        texts = {
            value.text
            for name, value in environment.values.items()
            if is_secret_name(name) and len(value.text) >= _TELLING
        }
        longest_first = sorted(texts, key=len, reverse=True)
        patterns = "|".join(map(_find_within, longest_first))
        self._held = re.compile(patterns) if patterns else None

    def __call__(self, name: str, text: str) -> str:
        """Return what may be shown of a value."""
        shown = mask_value(name, text)
        return shown if self._held is None else self._held.sub(MASK, shown)


def _find_within(text: str) -> str:
    """Return the pattern of a secret in another value.

    A plain word, the password `postgres`, is none as a part of a longer one.
    """
    pattern = re.escape(text)
    return rf"(?<!\w){pattern}(?!\w)" if text.isalpha() else pattern


def _describe(name: str, value: Value, mask: Mask) -> dict[str, Any]:
    shown = mask(name, value.text)
    return {
        "name": name,
        "value": shown,
        "is_secret": shown != value.text,
        "source": _describe_source(value.source),
        "overridden": [
            {
                "value": mask(name, one.text),
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


def _list(variables: Mapping[str, Value], mask: Mask) -> Iterator[tuple[str, ...]]:
    yield ("variable", "value")
    for name, value in variables.items():
        yield (name, _flatten(mask(name, value.text)))


def _explain(variables: Mapping[str, Value], mask: Mask) -> Iterator[tuple[str, ...]]:
    yield ("variable", "value", "from", "")
    for name, value in variables.items():
        yield (name, _flatten(mask(name, value.text)), str(value.source), "")
        for one in value.overridden:
            shown = _flatten(mask(name, one.text))
            yield ("", shown, str(one.source), "overridden")


def _flatten(text: str) -> str:
    """Return a text on one line."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
