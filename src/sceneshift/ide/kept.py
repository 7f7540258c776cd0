"""What templates have made before: the same is not made again.

Jinja alone takes 75 ms to import. A command that finds nothing changed does without.
"""

from __future__ import annotations

import contextlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from sceneshift.core.blake2 import digest
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import StateFolder
from sceneshift.ide.templates import CACHE, Templates, list_versions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_FILE = "rendered.kept"


def render_all(
    root: Path, names: Sequence[str], values: Mapping[str, Any], *, is_kept: bool
) -> dict[str, str]:
    """Return what each template makes.

    Args:
        root: The project's folder.
        names: Those of the templates.
        values: What they are rendered with; structs, and what JSON has.
        is_kept: Whether it will be asked for again, by another command.

    Raises:
        ConfigError: A template has an error: in which file, and on which line.
    """
    versions = list_versions(root)
    key = digest(msgspec.json.encode([versions, names, values]))
    path = StateFolder(root).path / CACHE / _FILE
    kept = _read(path, key)
    if kept is not None:
        return kept
    templates = _get_templates(root, versions)
    texts = {name: templates.render(name, values) for name in names}
    if is_kept:
        _write(path, {"key": key, "texts": texts}, StateFolder(root))
    return texts


def _write(path: Path, kept: object, state: StateFolder) -> None:
    """Keep something, where that can be written; what is damaged is no loss."""
    draft = path.with_suffix(".draft")  # always the same: a kill leaves one, not many
    with contextlib.suppress(OSError, SceneshiftError):
        state.make(CACHE)
        draft.write_text(json.dumps(kept), encoding="utf-8")
        draft.replace(path)


def _read(path: Path, key: str) -> dict[str, str] | None:
    try:
        found = json.loads(path.read_bytes())
        return dict(found["texts"]) if found["key"] == key else None
    except (OSError, ValueError, LookupError, TypeError):
        return None  # there is none, or a damaged one


@lru_cache(maxsize=1)
def _get_templates(root: Path, versions: object) -> Templates:  # noqa: ARG001 - a key
    """Return what renders; another one where a file is another."""
    return Templates(root)
