"""What tests of editors' files share: projects, and what is rendered for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sceneshift.ide.reading import read_model
from sceneshift.ide.rendering import render_files

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sceneshift.ide.files import File
    from sceneshift.ide.model import Model

REPOSITORY = Path(__file__).resolve().parent.parent
# Beside a checkout, and beside the folder that worktrees are in.
_PLACES = [each / "shared" / "vscode-schemas" for each in REPOSITORY.parents]
SCHEMAS = next((each for each in _PLACES if each.is_dir()), None)
# What `inv --list` shows of this repository's own.
TASKS = ("bench.cli", "lock.lock", "test.lint", "test.run")


def make_project(root: Path, files: Mapping[str, str]) -> Path:
    """Make a project with these files; return its folder."""
    root.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def read(root: Path, tasks: Collection[str] = ()) -> Model:
    """Return the model of a project."""
    return read_model(root, tasks=tasks)


def render(
    root: Path, tasks: Collection[str] = (), editors: Sequence[str] = ()
) -> dict[str, File]:
    """Return what is rendered for a project, by path."""
    files = render_files(read(root, tasks), root, editors=editors)
    return {file.path: file for file in files}


def collect_array(file: File) -> list[dict[str, Any]]:
    """Return the entries of a file that is one array."""
    (section,) = file.sections
    assert section.path == ()
    entries: list[dict[str, Any]] = json.loads(json.dumps([*section.entries.values()]))
    return entries


def collect(file: File) -> dict[str, Any]:
    """Return a file as an editor would read it, made of its sections."""
    whole: dict[str, Any] = {**file.head}
    for section in file.sections:
        place = whole
        for key in section.path[:-1]:
            place = place.setdefault(key, {})
        if not section.path:
            whole |= section.entries
        elif section.key is None:
            place[section.path[-1]] = dict(section.entries)
        else:
            place[section.path[-1]] = [*section.entries.values()]
    value: dict[str, Any] = json.loads(json.dumps(whole))
    return value
