"""`inv ide.*`: thin shells over generation and what explains it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.collection import Collection

from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.task import NamesTask, find_root, refuse_windows, task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.context import Context

    from sceneshift.ide.generation import GenerateRequest

_JSON = "print JSON"


def _split(texts: Sequence[str]) -> tuple[str, ...]:
    """Return names that were given one by one, or with commas between them."""
    return tuple(
        name for text in texts for name in map(str.strip, text.split(",")) if name
    )


def _ask(
    context: Context,
    editor: Sequence[str] = (),
    force: Sequence[str] = (),
    adopt: Sequence[str] = (),
) -> GenerateRequest:
    from sceneshift.ide.generation import GenerateRequest  # noqa: PLC0415 - 40 ms

    refuse_windows("inv ide")
    settings = context.config.sceneshift
    if settings.broken_tasks:
        files = ", ".join(f"tasks/{name}.py" for name in settings.broken_tasks)
        # Entries of these would go, on this machine alone.
        raise SceneshiftError(
            f"which commands the project has is not known: {files} cannot be loaded",
            hint="mend what is told above",
        )
    return GenerateRequest(
        root=find_root(context),
        editors=_split(editor),
        tasks=tuple(settings.own_tasks()),
        force=frozenset(force),
        adopt=frozenset(adopt),
    )


def _read_answer(text: str) -> tuple[str, str]:
    """Return what an answer is to, and the answer.

    Raises:
        UsageError: It is to nothing.
    """
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(
            f"an answer is written NAME=VALUE, found: {text}",
            hint="the name is an `id` of `inputs`: --answer environment=staging",
        )
    return name, value


@task(
    iterable=["editor", "force", "adopt"],
    help={
        "check": "write nothing; exit code 3 where a file is not as generated",
        "diff": "write nothing; show what would change",
        "dry_run": "write nothing; say what would be done",
        "editor": "only this one's files: vscode, package (again for more)",
        "force": "have this entry as generated, whatever was made of it",
        "adopt": "take over this entry, which was made by hand",
        "json": _JSON,
    },
)
def generate(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    editor: Sequence[str],
    force: Sequence[str],
    adopt: Sequence[str],
    check: bool = False,  # noqa: FBT001, FBT002 - a flag
    diff: bool = False,  # noqa: FBT001, FBT002
    dry_run: bool = False,  # noqa: FBT001, FBT002
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Write the editors' files, and leave what people wrote in them; `inv ide`."""
    from sceneshift.ide import action, generation, report  # noqa: PLC0415

    if diff and json:
        raise UsageError(
            "`--diff` is text, and `--json` is not",
            hint="take one: inv ide.generate --dry-run --json",
        )
    request = _ask(context, editor, force, adopt)
    if not (check or diff or dry_run):
        report.show_actions(generation.apply(request), as_json=json, is_done=True)
        return
    actions = generation.plan(request)
    if diff:
        report.show_difference(actions)
    elif json or dry_run:
        report.show_actions(actions, as_json=json)
    if check:
        action.refuse_drift(actions)


@task(
    klass=NamesTask,
    iterable=["names"],
    help={"names": "its name, label or key", "json": _JSON},
)
def explain(
    context: Context,
    names: list[str],
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Say where each value of a generated entry comes from."""
    from sceneshift.ide import explanation, report  # noqa: PLC0415

    if len(names) != 1:
        raise UsageError(
            f"one entry is to be named, found: {', '.join(names) or 'none'}",
            hint="in quotes where it has blanks: inv ide.explain 'Tests: all'",
        )
    origins = explanation.explain(_ask(context), names[0])
    report.show_origins(origins, as_json=json)


@task(klass=NamesTask, iterable=["names"], help={"names": "templates (default: list)"})
def eject(context: Context, names: list[str]) -> None:
    """Copy a template into the project's own `templates/`, to be changed there."""
    from sceneshift.ide import ejection  # noqa: PLC0415

    refuse_windows("inv ide")
    ejection.eject(find_root(context), names)


@task(
    klass=NamesTask,
    iterable=["names", "answer"],
    help={
        "names": "entries of launch.json (default: all but those of production)",
        "file": "the file that is open (default: one with tests)",
        "answer": "to what an entry asks for: environment=staging (again for more)",
        "look": "start nothing: say what can be seen in the files",
        "json": _JSON,
    },
)
def doctor(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    names: list[str],
    answer: Sequence[str],
    file: str = "",
    look: bool = False,  # noqa: FBT001, FBT002 - a flag
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Run entries of launch.json, and say whether a breakpoint is hit."""
    from sceneshift.ide import doctor as room  # noqa: PLC0415

    refuse_windows("inv ide")
    request = room.Request(
        environ=os.environ,
        file=Path(file).resolve() if file else None,
        answers=dict(map(_read_answer, answer)),
        is_looking=look,
    )
    examined = room.examine(find_root(context), names, request)
    room.report(examined, as_json=json)


ns = Collection("ide")
ns.add_task(generate, name="generate", default=True)
ns.add_task(explain)
ns.add_task(doctor)
ns.add_task(eject)
