"""Which entries of an editor's files attach where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sceneshift.ide.jsonc import JsoncError, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_FILE = ".vscode/launch.json"


def find_entries(root: Path) -> Mapping[int, list[str]]:
    """Return the names of entries of VS Code that attach, by port.

    Where the file cannot be read there are none: whoever opens it is told.
    """
    try:
        value = parse((root / _FILE).read_bytes(), name=_FILE).value
    except (OSError, JsoncError):
        return {}
    found: dict[int, list[str]] = {}
    for name, port in _list_ports(value):
        found.setdefault(port, []).append(name)
    return found


def _list_ports(value: Any) -> Iterator[tuple[str, int]]:
    entries = value.get("configurations") if isinstance(value, dict) else None
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("request") == "attach":
            place = entry.get("connect", entry)
            port = place.get("port") if isinstance(place, dict) else None
            if str(port).isdecimal():
                yield str(entry.get("name")), int(str(port))
