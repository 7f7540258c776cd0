"""What VS Code reads of a folder: entries, tasks, settings, recommendations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from sceneshift.core.errors import ConfigError
from sceneshift.ide.jsonc import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(".vscode")
LAUNCH = FOLDER / "launch.json"


class Workspace(Struct, frozen=True, kw_only=True):
    """What the files of `.vscode/` say.

    Attributes:
        root: The folder, absolute.
        configurations: Entries of launch.json, by name.
        compounds: Those that start several, by name.
        tasks: Tasks, by label.
        inputs: What is asked for in launch.json and tasks.json, by id.
        settings: Of the folder.
        recommended: Extensions, in small letters.
    """

    root: Path
    configurations: Mapping[str, Mapping[str, Any]]
    compounds: Mapping[str, Mapping[str, Any]]
    tasks: Mapping[str, Mapping[str, Any]]
    inputs: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, Any]
    recommended: frozenset[str]


def load_workspace(root: Path) -> Workspace:
    """Read the files; those that are not there say nothing.

    Raises:
        ConfigError: There is no launch.json, or a file cannot be read.
    """
    if not (root / LAUNCH).exists():
        raise ConfigError("is not there", file=LAUNCH, hint="inv ide.generate")
    launch = _read(root, "launch.json")
    tasks = _read(root, "tasks.json")
    extensions = _read(root, "extensions.json")
    return Workspace(
        root=root,
        configurations=_by_key(launch.get("configurations"), "name"),
        compounds=_by_key(launch.get("compounds"), "name"),
        tasks=_by_key(tasks.get("tasks"), "label"),
        inputs=_by_key(_list(tasks, "inputs") + _list(launch, "inputs"), "id"),
        settings=_read(root, "settings.json"),
        recommended=frozenset(
            str(name).lower() for name in _list(extensions, "recommendations")
        ),
    )


def _list(value: Mapping[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    return found if isinstance(found, list) else []


def _by_key(entries: Any, key: str) -> dict[str, Mapping[str, Any]]:
    if not isinstance(entries, list):
        return {}
    named = [each for each in entries if isinstance(each, dict)]
    return {str(each[key]): each for each in named if key in each}


def _read(root: Path, name: str) -> dict[str, Any]:
    file = FOLDER / name
    try:
        data = (root / file).read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as exc:
        hint = f"make it readable: ls -ld {file}"
        text = f"cannot be read: {exc.strerror}"
        raise ConfigError(text, file=file, hint=hint) from exc
    value = parse(data, name=str(file)).value
    return value if isinstance(value, dict) else {}
