"""What tests of a stack's sources share: files that are written and read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sceneshift.dev.stack import load_stack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sceneshift.dev.model import ProcessSpec, StackSpec

PATH = {"PATH": os.defpath}
THREE = "backend: sleep 1\nworker: sleep 2\nfrontend: sleep 3\n"
PROCESSES = "tool.sceneshift.processes"
DEVELOPMENT = "tool.sceneshift.environments.development"


def load(
    root: Path,
    processes: str = THREE,
    settings: str = "",
    environ: Mapping[str, str] = PATH,
    **options: Any,
) -> StackSpec:
    """Write a Procfile.dev and a pyproject.toml and read the stack."""
    (root / "Procfile.dev").write_text(processes)
    (root / "pyproject.toml").write_text(settings)
    return load_stack(root, environ=environ, **options)


def load_one(root: Path, settings: str, command: str = "sleep 1") -> ProcessSpec:
    """Return the one process `app` with some settings."""
    return load(root, f"app: {command}", f"[{PROCESSES}.app]\n{settings}").get("app")
