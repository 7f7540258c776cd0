"""Variables of VS Code's files: `${workspaceFolder}`, `${input:…}` and others.

See https://code.visualstudio.com/docs/reference/variables-reference.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sceneshift.ide.doctor.workspace import Workspace

_VARIABLE = re.compile(r"\$\{([^}]+)\}")
_OF_FILE = ("file", "relativeFile")
_OF_BROWSERS = "webRoot"  # what debugs them replaces it


class Variables:
    """Replaces variables, and keeps those that have no value.

    Args:
        workspace: What inputs and settings are taken from.
        environ: The process environment.
        interpreter: What `${command:python.interpreterPath}` means.
        file: The file that is open; None where none is.
        answers: What is answered to inputs, by id, instead of their defaults.

    Attributes:
        unresolved: What had no value.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        environ: Mapping[str, str],
        interpreter: str = "",
        file: Path | None = None,
        answers: Mapping[str, str] | None = None,
    ) -> None:
        self.unresolved: list[str] = []
        self._workspace = workspace
        self._environ = environ
        self._interpreter = interpreter
        self._file = file
        self._answers = answers or {}

    def replace(self, value: Any) -> Any:
        """Return a value as JSON has it with all variables replaced."""
        if isinstance(value, str):
            return _VARIABLE.sub(self._replace_one, value)
        if isinstance(value, list):
            return [self.replace(each) for each in value]
        if isinstance(value, dict):
            return {key: self.replace(each) for key, each in value.items()}
        return value

    def _replace_one(self, found: re.Match[str]) -> str:
        name = found[1]
        if name == _OF_BROWSERS:
            return found[0]
        kind, colon, rest = name.partition(":")
        value = self._find_scoped(kind, rest) if colon else self._find(name)
        if value is None:
            if name not in self.unresolved:
                self.unresolved.append(name)
            return found[0]
        return value

    def _find(self, name: str) -> str | None:
        root = self._workspace.root
        if name.startswith(_OF_FILE) or name.startswith("relativeFile"):
            return (
                None if self._file is None else _describe_file(name, self._file, root)
            )
        return {
            "workspaceFolder": str(root),
            "workspaceRoot": str(root),
            "workspaceFolderBasename": root.name,
            "cwd": str(root),
            "userHome": str(Path.home()),
            "pathSeparator": os.sep,
            "/": os.sep,
        }.get(name)

    def _find_scoped(self, kind: str, rest: str) -> str | None:
        if kind == "env":
            return self._environ.get(rest, "")
        if kind == "config":
            found = self._workspace.settings.get(rest)
            is_plain = isinstance(found, str | int | float)
            return self.replace(str(found)) if is_plain else None
        if kind == "input":
            return self._answer(rest)
        if kind == "workspaceFolder":
            root = self._workspace.root
            return str(root) if rest == root.name else None
        if kind == "command" and rest.endswith("interpreterPath"):
            return self._interpreter or None
        return None

    def _answer(self, name: str) -> str | None:
        """Return what is answered, or else what would be taken without an answer."""
        if name in self._answers:
            return self._answers[name]
        given = self._workspace.inputs.get(name, {})
        options = given.get("options")
        first = options[0] if isinstance(options, list) and options else None
        value = given.get("default", first)
        if isinstance(value, dict):
            value = value.get("value")
        return value if isinstance(value, str) else None


def _describe_file(name: str, file: Path, root: Path) -> str | None:
    relative = Path(os.path.relpath(file, root))
    return {
        "file": str(file),
        "fileWorkspaceFolder": str(root),
        "fileWorkspaceFolderBasename": root.name,
        "relativeFile": str(relative),
        "relativeFileDirname": str(relative.parent),
        "fileBasename": file.name,
        "fileBasenameNoExtension": file.stem,
        "fileExtname": file.suffix,
        "fileDirname": str(file.parent),
        "fileDirnameBasename": file.parent.name,
    }.get(name)
