"""Telling people what became of their editors' files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sceneshift.core.console import StreamConsole
from sceneshift.core.wording import name_few
from sceneshift.ide.action import find_pending

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sceneshift.ide.action import Action
    from sceneshift.ide.explanation import Origin

_FEW = 4


def show_actions(
    actions: Sequence[Action], *, as_json: bool, is_done: bool = False
) -> None:
    """Print what was done, or would be.

    Args:
        actions: That.
        as_json: Whether JSON is printed.
        is_done: Whether it was done.
    """
    console = StreamConsole()
    if as_json:
        console.json({"files": [each.as_json() for each in actions]})
        return
    for each in actions:
        for line in _describe(each):
            console.data(line)
    pending = find_pending(actions)
    if not pending:
        console.success("all is as generated")
    elif is_done:
        names = name_few([each.place.path for each in pending], _FEW)
        console.success(f"written: {names}")


def show_difference(actions: Sequence[Action]) -> None:
    """Print what would be written, as `git diff` does."""
    console = StreamConsole()
    for each in find_pending(actions):
        for line in each.diff():
            console.data(line)


def show_origins(origins: Sequence[Origin], *, as_json: bool) -> None:
    """Print where the values of entries come from, a line each."""
    console = StreamConsole()
    if as_json:
        console.json({"values": [each.as_json() for each in origins]})
        return
    path = ""
    for each in origins:
        if each.path != path:
            path = each.path
            console.data(path)
        value = json.dumps(each.value, ensure_ascii=False)
        key = f"{each.key} = " if each.key else ""
        console.data(f"  {key}{value}  <- {'; '.join(each.sources)}")


def _describe(action: Action) -> Iterator[str]:
    """Yield a line a file that differs, and one for each entry that may surprise."""
    path, outcome = action.place.path, action.outcome
    if outcome == "created":
        count = len(action.changes)
        yield f"{path}: created{f', {count} entries' if count else ''}"
        return
    if outcome != "unchanged":
        yield f"{path}: {outcome}"
    elif action.changes:
        yield f"{path}:"
    for each in action.changes:
        yield f"  {each.message}"
