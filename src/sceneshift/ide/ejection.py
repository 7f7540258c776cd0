"""Copies of the package's templates, for a project to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import UsageError
from sceneshift.core.wording import name_few, quote, suggest
from sceneshift.ide.templates import FOLDER, SUFFIX, list_templates, read_template
from sceneshift.ide.writing import read_place, write_all

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FEW = 4


def eject(root: Path, names: Sequence[str]) -> None:
    """Copy templates into the project's folder `templates/`; list them without a name.

    Args:
        root: The project's folder.
        names: `vscode/launch.json`, with or without `.jinja`.

    Raises:
        UsageError: There is no such template, or the project has one already.
        SceneshiftError: It cannot be written; none was.
    """
    console = StreamConsole()
    if not names:
        for name in list_templates():
            is_own = (root / FOLDER / name).exists()
            console.data(f"{name}{'  (the project has its own)' if is_own else ''}")
        return
    found = [_find(name) for name in names]
    places = [read_place(root, f"{FOLDER}/{name}") for name in found]
    taken = [each.path for each in places if each.found is not None]
    if taken:
        raise UsageError(
            f"{name_few(taken, _FEW)} {'is' if len(taken) == 1 else 'are'} there "
            "already",
            hint=f"start anew: rm {' '.join(taken)}",
        )
    write_all(
        [
            (place, read_template(name))
            for place, name in zip(places, found, strict=True)
        ]
    )
    console.success(f"written: {name_few([each.path for each in places], _FEW)}")
    console.note(
        'what is to stay as it is can go: {% extends "sceneshift/NAME" %} keeps the '
        "package's own, block by block"
    )


def _find(name: str) -> str:
    known = list_templates()
    for each in (name, f"{name}{SUFFIX}"):
        if each in known:
            return each
    raise UsageError(f"there is no template {quote(name)}", hint=suggest(name, known))
