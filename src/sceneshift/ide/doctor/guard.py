"""Entries that nobody has named, of environments where nothing is examined."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sceneshift.core.selection import VARIABLE
from sceneshift.ide.doctor.resolution import merge_platform
from sceneshift.ide.guarded import list_guarded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sceneshift.ide.doctor.variables import Variables
    from sceneshift.ide.doctor.workspace import Workspace

_FLAGS = ("--env", "-e")


class Guard:
    """Tells which entries are run only by their names.

    Args:
        workspace: Where they are written.
        variables: What replaces theirs.
    """

    def __init__(self, workspace: Workspace, variables: Variables) -> None:
        self._workspace = workspace
        self._variables = variables
        self._guarded = list_guarded(workspace.root)

    def find(self, name: str) -> str:
        """Return the environment that forbids to run an entry; empty where none does.

        It is that of the entry's own variables, of what it starts besides, or of its
        tasks.
        """
        listed = self._list(self._get("entry", name), set())
        return next((each for each in listed if each in self._guarded), "")

    def _get(self, key: str, name: str) -> Mapping[str, Any]:
        """Return a task or an entry; one that is not there says nothing."""
        one = self._workspace
        known = {**one.compounds, **one.configurations} if key == "entry" else one.tasks
        return known.get(name, {})

    def _list(self, raw: Mapping[str, Any], seen: set[str]) -> Iterator[str]:
        """Yield the environments that an entry or a task names."""
        one = self._variables.replace(merge_platform(raw))
        for holder in (one, _as_map(one.get("options"))):
            env = _as_map(holder.get("env"))
            if VARIABLE in env:
                yield str(env[VARIABLE])
        yield from _list_flags(one.get("args"))
        for key, other in self._list_others(one):
            if f"{key}:{other}" not in seen:
                seen.add(f"{key}:{other}")
                yield from self._list(self._get(key, other), seen)

    def _list_others(self, one: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield the tasks and entries that are started for it."""
        depends = one.get("dependsOn") or []
        listed = depends if isinstance(depends, list) else [depends]
        for task in (one.get("preLaunchTask"), *listed):
            if isinstance(task, str):
                yield "task", task
        names = one.get("configurations")
        started = _as_map(one.get("serverReadyAction")).get("name", "")
        for each in (started, *(names if isinstance(names, list) else [])):
            yield "entry", str(_as_map(each).get("name", each))


def _as_map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list_flags(args: object) -> Iterator[str]:
    words = [str(word) for word in args] if isinstance(args, list) else []
    for word, following in pairwise([*words, ""]):
        if word in _FLAGS:
            yield following
        elif word.startswith(f"{_FLAGS[0]}="):
            yield word.partition("=")[2]
