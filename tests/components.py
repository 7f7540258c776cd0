"""What some tests need of the machine, and whether it is there."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_OLDEST_NODE = (20, 19)  # what Vite 7 asks for
_CHROMIUMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def find_program(*names: str) -> Path | None:
    """Return the first program of these names or paths."""
    found = (shutil.which(name) for name in names)
    return next((Path(path) for path in found if path), None)


def find_postgresql() -> Path | None:
    """Return `initdb`; the server's other programs lie beside it.

    Debian keeps them away from PATH, in a folder for each version.
    """
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = sorted(debian, key=lambda path: float(path.parent.parent.name))
    return find_program("initdb") or (newest[-1] if newest else None)


def find_node() -> Path | None:
    """Return `node`, where it is new enough and has npm."""
    node = find_program("node")
    if node is None or find_program("npm") is None:
        return None
    argv = [str(node), "--version"]
    said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    version = tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2])
    return node if version >= _OLDEST_NODE else None


def find_docker() -> Path | None:
    """Return `docker` where an engine answers, else `dockerd` where it may start."""
    docker = find_program("docker")
    if docker is not None:
        argv = [str(docker), "version", "--format", "{{.Server.Version}}"]
        if subprocess.run(argv, capture_output=True, check=False).returncode == 0:
            return docker
    return find_program("dockerd") if os.geteuid() == 0 else None


def find_mount() -> Path | None:
    """Return `mount`, where this user may mount a disk of memory."""
    mount, unshare = find_program("mount"), find_program("unshare")
    if mount is None or unshare is None or os.geteuid() != 0:
        return None
    # In a namespace of its own: nothing is left of it.
    argv = [str(unshare), "--mount", str(mount), "-t", "tmpfs", "none", "/mnt"]
    is_allowed = subprocess.run(argv, capture_output=True, check=False).returncode == 0
    return mount if is_allowed else None


_FINDERS: dict[str, Callable[[], Path | None]] = {
    "chromium": lambda: find_program(*_CHROMIUMS),
    "docker": find_docker,
    "fish": lambda: find_program("fish"),
    "mariadb": lambda: find_program("mariadbd", "/usr/sbin/mariadbd"),
    "mount": find_mount,
    "node": find_node,
    "postgresql": find_postgresql,
    "redis": lambda: find_program("redis-server"),
    "sqlite3": lambda: find_program("sqlite3"),
    "tmux": lambda: find_program("tmux"),
}


@functools.cache
def find(component: str) -> Path | None:
    """Return the program that stands for a component, or None where it is missing.

    Raises:
        KeyError: There is no component of that name.
    """
    return _FINDERS[component]()


def get(component: str) -> Path:
    """Return the program of a component that the test has declared to need."""
    path = find(component)
    assert path is not None, f"mark the test: @pytest.mark.needs({component!r})"
    return path
