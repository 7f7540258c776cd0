"""Tasks that editors run before an entry: done, or ready in the background."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sceneshift.core.wording import quote
from sceneshift.ide.dap.framing import DebugError
from sceneshift.ide.doctor.findings import Finding, Kind
from sceneshift.ide.doctor.resolution import find_program, merge_platform
from sceneshift.ide.doctor.terminal import clean, find_last_line

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

    from sceneshift.ide.dap.client import Client
    from sceneshift.ide.doctor.variables import Variables
    from sceneshift.ide.doctor.workspace import Workspace

_GRACE_S = 10.0
_DEEPEST = 8  # of tasks that depend on tasks


class Tasks:
    """Runs tasks as an editor does it, and ends those in the background.

    Args:
        client: Whose programs they are.
        workspace: Where they are written.
        variables: What replaces theirs.
        environ: The process environment.
        limit_s: Seconds that each has.
    """

    def __init__(
        self,
        client: Client,
        workspace: Workspace,
        variables: Variables,
        *,
        environ: Mapping[str, str],
        limit_s: float,
    ) -> None:
        self._client = client
        self._workspace = workspace
        self._variables = variables
        self._environ = environ
        self._limit_s = limit_s
        self._background: list[subprocess.Popen[bytes]] = []

    def run(self, label: str, *, depth: int = 0) -> Finding | None:
        """Run a task and what it depends on; return what has gone wrong.

        One in the background is run until its problem matcher says that it is ready.
        """
        task = self._workspace.tasks.get(label)
        if task is None or depth > _DEEPEST:
            return _fail(f"task {quote(label)} cannot be run here")
        named = task.get("dependsOn") or []
        for other in [named] if isinstance(named, str) else named:
            finding = self.run(str(other), depth=depth + 1)
            if finding is not None:
                return finding
        resolved = self._variables.replace(merge_platform(task))
        return self._start(label, resolved) if _has_words(resolved) else None

    def stop(self) -> None:
        """Have those in the background end as Ctrl+C does it."""
        for process in reversed(self._background):
            self._client.stop(process, grace_s=_GRACE_S)
        self._background.clear()

    def _start(self, label: str, task: Mapping[str, Any]) -> Finding | None:
        options = task.get("options") or {}
        root = self._workspace.root
        printed: list[str] = []
        try:
            process = self._client.programs.spawn(
                _list_words(task, root, self._environ),
                cwd=Path(root, str(options.get("cwd") or task.get("path") or root)),
                env=options.get("env"),
            )
        except DebugError as error:
            return _fail(f"task {quote(label)} {error.message}")
        self._client.watch_output(process, printed.append)
        self._background.append(process)
        ready = _find_ready(task) if task.get("isBackground") else None

        def is_over() -> bool:
            has_ended = process.poll() is not None
            return has_ended or (ready is not None and _matches(ready, printed))

        if task.get("isBackground") and ready is None:
            return None
        is_in_time = self._client.wait(is_over, limit_s=self._limit_s)
        return self._judge(label, process, printed, is_in_time=is_in_time)

    def _judge(
        self,
        label: str,
        process: subprocess.Popen[bytes],
        printed: list[str],
        *,
        is_in_time: bool,
    ) -> Finding | None:
        last = find_last_line("".join(printed))
        if not is_in_time:
            return _fail(
                f"task {quote(label)} is not ready within {self._limit_s:g} s{last}"
            )
        if process.returncode:
            return _fail(
                f"task {quote(label)} ends with exit code {process.returncode}{last}"
            )
        return None


def _fail(text: str) -> Finding:
    # Nobody answers it here, nor gives it a flag.
    hint = "start by hand what it starts, with the flags that it needs, and try again"
    return Finding(kind=Kind.TASK_FAILED, text=text, hint=hint)


def _has_words(task: Mapping[str, Any]) -> bool:
    return bool(task.get("command") or task.get("script"))


def _list_words(
    task: Mapping[str, Any], root: Path, environ: Mapping[str, str]
) -> list[str]:
    """Return the words of a task's program."""
    if task.get("type") == "npm":
        return ["npm", "run", str(task["script"])]
    command = _read_word(task["command"])
    args = [_read_word(word) for word in task.get("args") or ()]
    if task.get("type") == "process":
        return [find_program(command, root, environ), *args]
    return ["/bin/sh", "-c", " ".join([command, *map(shlex.quote, args)])]


def _read_word(word: Any) -> str:
    """Return a word that may be an object with its quoting."""
    value = word.get("value", "") if isinstance(word, dict) else word
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _find_ready(task: Mapping[str, Any]) -> re.Pattern[str] | None:
    """Return what says that a task in the background is ready."""
    given = task.get("problemMatcher")
    for matcher in given if isinstance(given, list) else [given]:
        background = matcher.get("background") if isinstance(matcher, dict) else None
        ends = (background or {}).get("endsPattern")
        pattern = ends.get("regexp") if isinstance(ends, dict) else ends
        if isinstance(pattern, str):
            try:
                return re.compile(pattern)
            except re.error:  # of JavaScript alone
                return None
    return None


def _matches(pattern: re.Pattern[str], printed: list[str]) -> bool:
    return any(map(pattern.search, clean("".join(printed)).splitlines()))
