"""`inv debug.attach`: where debuggers listen, and what in an editor attaches there."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sceneshift.core.client import Client
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.ports import is_free

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def show(root: Path, *, as_json: bool, entries: str) -> None:
    """Print the debugger of each process that has one.

    Nothing connects to a port for that: debugpy would take no editor afterwards.

    Args:
        root: The project's folder.
        as_json: Whether to print JSON.
        entries: The module that knows the files of editors.

    Raises:
        SceneshiftError: Nothing runs here, or nothing of it is debugged.
    """
    status = Client.get(root).ask({"op": "status"})["status"]
    known = importlib.import_module(entries).find_entries(root)
    rows = [_describe(each, known) for each in status["processes"]]
    found = [row for row in rows if row["port"] is not None]
    if not found:
        raise SceneshiftError(
            "nothing is debugged in the stack that runs here",
            hint="end it, and start it so: inv dev.stop, then inv dev --debug",
        )
    console = StreamConsole()
    if as_json:
        console.json({"environment": status["environment"], "debuggers": found})
        return
    table = [
        (
            row["process"],
            f"127.0.0.1:{row['port']}",
            "yes" if row["listens"] else "no",
            ", ".join(row["entries"]) or "none: inv ide.generate",
        )
        for row in found
    ]
    console.table([("process", "debugger", "listens", "entry"), *table])


def _describe(
    process: dict[str, Any], known: Mapping[int, list[str]]
) -> dict[str, Any]:
    port = process["debug_port"]
    return {
        "process": process["name"],
        "port": port,
        "listens": port is not None and not is_free(port),
        "entries": known.get(port, []),
    }
