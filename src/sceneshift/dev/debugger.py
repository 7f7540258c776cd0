"""The debugger that a program's interpreter has: debugpy, as it is installed."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.core.program import PythonProgram

_OLDEST = (1, 8)
_INFO = re.compile(r"debugpy-((\d+)\.(\d+)[^-]*)(-[^-]*)?\.(dist|egg)-info")
_SYSTEM = re.compile(r"\s*include-system-site-packages\s*=\s*true\s*", re.IGNORECASE)


def refuse_without_debugger(name: str, program: PythonProgram) -> None:
    """Refuse a program that could not be debugged.

    Args:
        name: Its process.
        program: Its interpreter and environment.

    Raises:
        SceneshiftError: debugpy is not installed for it, or is older than 1.8.
    """
    version = next(_find_versions(program), None)
    if version is None:
        raise SceneshiftError(
            f"debugpy is not installed for `{name}`: {program.interpreter}",
            hint="install it there: pip install 'sceneshift[debug]'",
        )
    text, major, minor = version
    if (major, minor) < _OLDEST:
        raise SceneshiftError(
            f"debugpy of `{name}` is older than 1.8: {text}",
            hint=f"with {program.interpreter}: pip install --upgrade 'debugpy>=1.8'",
        )


def _find_versions(program: PythonProgram) -> Iterator[tuple[str, int, int]]:
    """Yield those that are there, the one that is imported first."""
    for folder in _list_folders(program):
        if (folder / "debugpy").is_dir():
            for path in folder.glob("debugpy-*-info"):
                found = _INFO.fullmatch(path.name)
                if found is not None:
                    yield found[1], int(found[2]), int(found[3])


def _list_folders(program: PythonProgram) -> Iterator[Path]:
    for place in filter(None, program.env.get("PYTHONPATH", "").split(os.pathsep)):
        yield program.cwd / place
    yield from program.package_folders()
    if _sees_base(Path(program.interpreter).parent.parent):
        base = Path(program.interpreter).resolve().parent.parent
        yield from base.glob("lib*/python3*/*-packages")


def _sees_base(prefix: Path) -> bool:
    """Whether packages of the base interpreter are imported."""
    try:
        lines = (prefix / "pyvenv.cfg").read_text(errors="replace").splitlines()
    except OSError:
        return True  # it is no virtual environment
    return any(map(_SYSTEM.fullmatch, lines))
