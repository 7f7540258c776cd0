"""What was generated last: the common ancestor of people's changes and ours.

It is committed, so that a team shares it: who pulls another's files merges with what
those were made from. What is of files that git ignores stays in the state folder.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sceneshift.core.debugports import RECORD, RECORD_KEY
from sceneshift.core.errors import ConfigError
from sceneshift.core.wording import quote
from sceneshift.ide import jsonc

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sceneshift.ide.merging import Base

PATH = RECORD
OWN_PATH = ".sceneshift/ide-base.json"
_VERSION = 1


def parse_bases(data: bytes | None, name: str = PATH) -> dict[str, Base]:
    """Return what was generated last, by file.

    Args:
        data: The file's content; None where it is not there.
        name: What it is called.

    Raises:
        ConfigError: It is damaged, or of a newer version.
    """
    if data is None:
        return {}
    found: Any = jsonc.parse(data, name=name, is_strict=True).value
    version = found.get("version") if isinstance(found, dict) else None
    if version != _VERSION or not _is_whole(found.get("files")):
        raise ConfigError(
            f"expected version {_VERSION}, found: {quote(json.dumps(version))}",
            file=_as_path(name),
            hint="install the newest Sceneshift; or take the file from the last "
            f"commit: git checkout HEAD -- {name}; or remove it",
        )
    files: dict[str, Base] = found["files"]
    return files


def _is_whole(files: object) -> bool:
    return isinstance(files, dict) and all(
        isinstance(sections, dict)
        and all(isinstance(entries, dict) for entries in sections.values())
        for sections in files.values()
    )


def _as_path(name: str) -> Path:
    from pathlib import Path  # noqa: PLC0415 - for an error alone

    return Path(name)


def dump_bases(
    bases: Mapping[str, Base], ports: Mapping[str, Mapping[str, int]] | None = None
) -> bytes:
    """Return the file's content: one line a value, for merges of git.

    Args:
        bases: What was generated, by file.
        ports: Of debuggers, by environment and process, that they are to keep.
    """
    kept = {path: base for path, base in sorted(bases.items()) if any(base.values())}
    record = {RECORD_KEY: ports} if ports else {}
    text = json.dumps(
        {"version": _VERSION, **record, "files": kept}, indent=2, ensure_ascii=False
    )
    # A half of a surrogate pair is only written as an escape, as which it was read.
    return f"{text}\n".encode(errors="backslashreplace")
