"""An entry as VS Code hands it to the debugger."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sceneshift.ide.doctor.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sceneshift.ide.doctor.workspace import Workspace

PYTHON_TYPES = frozenset({"debugpy", "python"})

_PLATFORM = {"darwin": "osx", "win32": "windows"}.get(sys.platform, "linux")
_PLATFORMS = ("linux", "osx", "windows")
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
# The parser of vscode-python-debugger knows neither `export` nor comments behind
# values, and a name begins with a letter.
_ASSIGNMENT = re.compile(r"\s*(_*[a-zA-Z]\w*)\s*=\s*(.*?)\s*")


def find_interpreter(workspace: Workspace, environ: Mapping[str, str]) -> str:
    """Return the Python that the editor takes where an entry names none."""
    variables = Variables(workspace, environ=environ)
    named = workspace.settings.get("python.defaultInterpreterPath")
    if isinstance(named, str) and named:
        return find_program(variables.replace(named), workspace.root, environ)
    for name in ("bin/python", "Scripts/python.exe"):
        if (workspace.root / ".venv" / name).exists():
            return str(workspace.root / ".venv" / name)
    return shutil.which("python3", path=environ.get("PATH")) or "python3"


def find_program(name: str, root: Path, environ: Mapping[str, str]) -> str:
    """Return where a program is: on PATH, where it is a mere name."""
    if "/" not in name and "\\" not in name:
        return shutil.which(name, path=environ.get("PATH")) or name
    return str(root / Path(name).expanduser())


def resolve(
    entry: Mapping[str, Any], variables: Variables, interpreter: str
) -> dict[str, Any]:
    """Return the entry with all variables replaced, and what is missing filled in.

    Args:
        entry: As launch.json has it.
        variables: What replaces them; it keeps those without a value.
        interpreter: The Python of an entry that names none.
    """
    resolved: dict[str, Any] = variables.replace(merge_platform(entry))
    if resolved.get("type") not in PYTHON_TYPES:
        return resolved
    root = str(variables.replace("${workspaceFolder}"))
    resolved.setdefault("justMyCode", True)
    if resolved.get("request") == "attach":
        return _map_paths(resolved, root)
    resolved.setdefault("python", interpreter)
    resolved.setdefault("console", "integratedTerminal")
    resolved["cwd"] = str(Path(root, str(resolved.get("cwd") or root)))
    return resolved


def merge_platform(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry or a task with what it says of this system."""
    block = entry.get(_PLATFORM)
    merged = {key: value for key, value in entry.items() if key not in _PLATFORMS}
    return merged | (block if isinstance(block, dict) else {})


def _map_paths(resolved: dict[str, Any], root: str) -> dict[str, Any]:
    """Map the folder to itself on this machine, as the extension does it."""
    connect = resolved.get("connect")
    host = connect.get("host", "127.0.0.1") if isinstance(connect, dict) else ""
    if not resolved.get("pathMappings") and host in _LOCAL:
        resolved["pathMappings"] = [{"localRoot": root, "remoteRoot": root}]
    return resolved


def is_explored(resolved: Mapping[str, Any]) -> bool:
    """Tell whether the Test Explorer starts it, with words of its own."""
    return "debug-test" in (resolved.get("purpose") or ())


def find_env_file(resolved: Mapping[str, Any], root: Path) -> Path | None:
    """Return the file that variables are read from, be it there or not.

    Without a word of it the extension takes `.env`; an empty text turns that off, but
    not where the Test Explorer starts it.
    """
    if resolved.get("request") != "launch" or resolved.get("type") not in PYTHON_TYPES:
        return None
    named = resolved.get("envFile", str(root / ".env"))
    if is_explored(resolved):
        named = named or ".env"
    return root / str(named) if named else None


def add_env_file(resolved: dict[str, Any], root: Path) -> dict[str, Any]:
    """Return the entry with the variables of its file; its own are stronger."""
    file = find_env_file(resolved, root)
    if file is None or not file.is_file():
        return resolved
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    found = [match for match in map(_ASSIGNMENT.fullmatch, lines) if match]
    values = {match[1]: _unquote(match[2]) for match in found}
    own = resolved.get("env")
    return {**resolved, "env": values | (own if isinstance(own, dict) else {})}


def _unquote(text: str) -> str:
    if len(text) > 1 and text[0] in "'\"" and text[-1] == text[0]:
        return text[1:-1].replace("\\n", "\n")
    return text
