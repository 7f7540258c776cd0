"""`inv env.export`: an environment's variables, for a shell or a program.

Secrets come out as they are, for that is what it is for. They belong into a pipe or a
file: a terminal keeps what it shows, so a protected environment is not written to one
unless that is confirmed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import RefusedError, UsageError
from sceneshift.core.exported import EXPORTED_VARIABLE, list_exported, mark_exported
from sceneshift.core.project import load_project
from sceneshift.core.secrets import is_secret
from sceneshift.core.selection import VARIABLE
from sceneshift.core.value import SourceKind
from sceneshift.core.wording import find_nearest, name_few, quote
from sceneshift.env.formats import FORMATS, JSON, NAMES, render_json
from sceneshift.env.variables import list_own

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sceneshift.core.environment import Environment
    from sceneshift.env.formats import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What is to be exported, and to whom.

    Attributes:
        name: Name or alias of the environment; None means the active one.
        form: One of `formats.NAMES`.
        is_terminal: Whether a person will see it.
        is_confirmed: Whether secrets of a protected environment may be seen.
    """

    name: str | None
    form: str
    is_terminal: bool = False
    is_confirmed: bool = False


def export_variables(
    root: Path, environ: Mapping[str, str], request: ExportRequest
) -> None:
    """Print an environment's variables.

    Raises:
        UsageError: There is no such environment or format, or a file says what
            cannot be.
        RefusedError: A protected environment would be shown on a terminal.
    """
    if request.form not in NAMES:
        raise _unknown_format(request.form)
    project = load_project(
        root, environ=environ, environment=request.name, is_looking=True
    )
    environment = project.environment
    if environment.protected and request.is_terminal and not request.is_confirmed:
        raise RefusedError(
            f"{quote(environment.name)} is protected, and this would show its secrets",
            hint=f"look at it masked: inv env.show {environment.name}; "
            "or show it nevertheless: --yes",
        )
    values = {name: value.text for name, value in list_own(environment).items()}
    console = StreamConsole()
    if request.is_terminal:
        _warn(console, values)
    if request.form == JSON:
        console.secret_data(render_json(values))
        return
    _export(console, values, environ, environment, request)


def _export(
    console: StreamConsole,
    values: dict[str, str],
    environ: Mapping[str, str],
    environment: Environment,
    request: ExportRequest,
) -> None:
    form = FORMATS[request.form]
    values = _take_sayable(console, form, values)
    if form.is_lasting:
        values |= _mark(environment, [*values], is_named=request.name is not None)
    lines = [form.assign(name, text) for name, text in values.items()]
    if form.forget is not None:
        stale = list_exported(environ) - values.keys()
        lines = [*map(form.forget, sorted(stale)), *lines]
    console.secret_data("".join(lines))


def _unknown_format(asked: str) -> UsageError:
    nearest = find_nearest(asked, NAMES)
    hint = f"one of {', '.join(NAMES)}"
    if nearest is not None:
        hint = f"did you mean {quote(nearest)}? {hint}"
    return UsageError(f"there is no format {quote(asked)}", hint=hint)


def _warn(console: StreamConsole, values: Mapping[str, str]) -> None:
    """Say to whoever sees it what it shows."""
    shown = [name for name, text in values.items() if is_secret(name, text)]
    if shown:
        console.note(f"this shows secrets: {name_few(shown, 3)}; masked: inv env.show")


def _take_sayable(
    console: StreamConsole, form: Format, values: Mapping[str, str]
) -> dict[str, str]:
    """Return what the format can say, and tell what it cannot."""
    taken = {name: text for name, text in values.items() if form.can_say(name, text)}
    left_out = [quote(name) for name in values if name not in taken]
    if left_out:
        console.note(f"left out, for the format cannot say it: {', '.join(left_out)}")
    return taken


def _mark(
    environment: Environment, names: Sequence[str], *, is_named: bool
) -> dict[str, str]:
    """Return what a shell has besides, so that later commands understand it.

    An environment that was named stays the active one in that shell. One that was not
    does not: else a switch would not be seen there.
    """
    values = {name: environment.values[name] for name in names}
    ours = {
        name: value.text
        for name, value in values.items()
        if value.source.kind is not SourceKind.PROCESS  # else it is a person's word
    }
    marks = {EXPORTED_VARIABLE: mark_exported(ours)}
    return marks | ({VARIABLE: environment.name} if is_named else {})
