"""Checks that start nothing: names that an entry refers to, and its type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sceneshift.core.wording import quote, suggest
from sceneshift.ide.doctor.findings import Finding, Kind
from sceneshift.ide.doctor.resolution import PYTHON_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sceneshift.ide.doctor.workspace import Workspace

BROWSERS = frozenset({"chrome", "msedge", "pwa-chrome", "pwa-msedge", "editor-browser"})

_BUILT_IN = BROWSERS | {
    "extensionHost",
    "node",
    "node-terminal",
    "pwa-extensionHost",
    "pwa-node",
}
# Any of these serves the type; that of Python brings its debugger along.
_EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    "debugpy": ("ms-python.debugpy", "ms-python.python"),
    "firefox": ("firefox-devtools.vscode-firefox-debug",),
    "go": ("golang.go",),
    "java": ("vscjava.vscode-java-debug", "vscjava.vscode-java-pack"),
    "lldb": ("vadimcn.vscode-lldb",),
    "php": ("xdebug.php-debug",),
    "coreclr": ("ms-dotnettools.csharp",),
    "cppdbg": ("ms-vscode.cpptools",),
}


def check_type(entry: Mapping[str, Any], workspace: Workspace) -> Iterator[Finding]:
    """Yield what is wrong with the type: nothing that is recommended serves it."""
    kind = str(entry.get("type", ""))
    if kind == "python":
        yield Finding(
            kind=Kind.OLD_TYPE,
            text="the type `python` is not known to editors any more",
            hint='write "type": "debugpy"',
        )
        return
    if entry.get("request") not in {"launch", "attach"}:
        yield Finding(
            kind=Kind.BAD_VALUE,
            text="`request` is neither `launch` nor `attach`",
            hint='write "request": "launch"',
        )
    if kind in _BUILT_IN:
        return
    serving = _EXTENSIONS.get(kind, ())
    if set(serving) & workspace.recommended:
        return
    what = serving[0] if serving else "the extension that serves it"
    yield Finding(
        kind=Kind.MISSING_EXTENSION,
        text=f"no extension that is recommended here serves the type {quote(kind)}",
        hint=f"add {what} to `recommendations` of .vscode/extensions.json",
        # People have that of Python by their own choice.
        is_warning=kind in PYTHON_TYPES,
    )


def check_references(
    entry: Mapping[str, Any], workspace: Workspace
) -> Iterator[Finding]:
    """Yield the tasks and entries that are named and not there."""
    for key in ("preLaunchTask", "postDebugTask"):
        label = entry.get(key)
        if isinstance(label, str) and not _is_task(label, workspace):
            yield Finding(
                kind=Kind.MISSING_TASK,
                text=f"there is no task {quote(label)}, which is its `{key}`",
                hint=suggest(label, workspace.tasks),
            )
    ready = entry.get("serverReadyAction")
    started = ready.get("name") if isinstance(ready, dict) else None
    names: Sequence[Any] = [started] if isinstance(started, str) else []
    listed = entry.get("configurations")
    names = [*names, *(listed if isinstance(listed, list) else [])]
    for each in names:
        name = str(each.get("name")) if isinstance(each, dict) else str(each)
        if name not in workspace.configurations:
            yield Finding(
                kind=Kind.MISSING_ENTRY,
                text=f"there is no entry {quote(name)}, which it starts",
                hint=suggest(name, workspace.configurations),
            )


def _is_task(label: str, workspace: Workspace) -> bool:
    """Whether it is one of tasks.json, or of those that an extension detects."""
    return label in workspace.tasks or label.partition(": ")[0] in {"npm", "tsc"}


def check_variables(
    unresolved: Sequence[str], workspace: Workspace
) -> Iterator[Finding]:
    """Yield the variables without a value: what is missing, and what a person gives."""
    for name in unresolved:
        kind, _, rest = name.partition(":")
        is_asked = kind == "command" or name.startswith(("file", "relativeFile"))
        if kind == "input":
            is_asked = rest in workspace.inputs
        hints = {
            "command": "it is run from the editor alone",
            "config": f"set {rest} in .vscode/settings.json",
            "input": f"answer it: --answer {rest}=…"
            if is_asked
            else f"write an input with the id {quote(rest)}",
        }
        usual = "write what it stands for"
        if kind.startswith(("file", "relativeFile")):
            usual = "name one: --file tests/test_a.py"
        yield Finding(
            kind=Kind.UNRESOLVED,
            text=f"`${{{name}}}` has no value here",
            hint=hints.get(kind, usual),
            is_warning=is_asked,
        )
