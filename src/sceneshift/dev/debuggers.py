"""`inv debug.attach`: where debuggers listen, and what in an editor attaches there."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sceneshift.core.browsers import read_version
from sceneshift.core.client import Client
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.holders import find_holders
from sceneshift.core.ports import is_free

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sceneshift.core.holders import Holder


def show(root: Path, *, as_json: bool, entries: str) -> None:
    """Print the debugger of each process that has one.

    Nothing connects to one of debugpy for that: it would take no editor afterwards. A
    browser is asked what it is, where it is of this stack.

    Args:
        root: The project's folder.
        as_json: Whether to print JSON.
        entries: The module that knows the files of editors.

    Raises:
        SceneshiftError: Nothing runs here, or nothing of it is debugged.
    """
    client = Client.get(root)
    status = client.ask({"op": "status"})["status"]
    client.close()
    debugged = [each for each in status["processes"] if each["debug_port"] is not None]
    if not debugged:
        raise SceneshiftError(
            "nothing is debugged in the stack that runs here",
            hint="end it, and start it so: inv dev.stop, then inv dev --debug",
        )
    known = importlib.import_module(entries).find_entries(root)
    taken = [port for each in debugged if not is_free(port := each["debug_port"])]
    holders = find_holders(taken, root=root)
    rows = [_describe(each, taken, holders, known) for each in debugged]
    console = StreamConsole()
    if as_json:
        console.json({"environment": status["environment"], "debuggers": rows})
        return
    table = [
        (
            row["process"],
            row["browser"] or row["debugger"],
            f"127.0.0.1:{row['port']}",
            _describe_listening(row),
            ", ".join(row["entries"]) or "none: inv ide.generate",
        )
        for row in rows
    ]
    console.table([("process", "debugger", "address", "listens", "entry"), *table])


def _describe(
    process: Mapping[str, Any],
    taken: list[int],
    holders: Mapping[int, Holder],
    known: Mapping[int, list[str]],
) -> dict[str, Any]:
    port, holder = process["debug_port"], holders.get(process["debug_port"])
    is_foreign = holder is not None and not holder.is_ours
    is_page = process["debugger"] == "browser"
    # What is foreign may be a debugpy, which one connection in passing wedges.
    is_asked = is_page and port in taken and not is_foreign
    version = read_version(port) if is_asked else None
    is_there = version is not None if is_page else port in taken
    return {
        "process": process["name"],
        "debugger": process["debugger"],
        "port": port,
        "listens": is_there and not is_foreign,
        "browser": None if version is None else version.get("Browser"),
        "taken_by": str(holder) if is_foreign else None,
        "entries": known.get(port, []),
    }


def _describe_listening(row: Mapping[str, Any]) -> str:
    if row["taken_by"] is not None:
        return f"no: taken by {row['taken_by']}"
    return "yes" if row["listens"] else "no"
