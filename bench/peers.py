"""Other people's programs, installed into throw-away folders."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sceneshift.core.paths import StateFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

# What the measured applications import, and whose absence ends the bench.
_BASE = ("fastapi", "uvicorn", "watchfiles", "pandas", "sqlalchemy", "httpx", "honcho")
_PYTHON_PEERS = ("granian", "gunicorn", "uvicorn-hmr")
# What servers can use beside that; see `install_libraries`.
_LIBRARIES = ("aiohttp", "flask", "httptools", "hypercorn", "uvloop")
_NODE_PEERS = ("nodemon", "concurrently")
# uvicorn-hmr asks for 3.12; everybody is to run on the same one.
_PYTHONS = ("python3.12", "python3.13", "python3.14")


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """Installed programs.

    Attributes:
        python: An interpreter that has the applications' libraries.
        folder: Where npm has installed.
        left_out: What could not be installed, with the reason.
    """

    python: Path
    folder: Path
    left_out: dict[str, str] = field(default_factory=dict)

    def program(self, name: str) -> str:
        """Return the path of a Python or Node program."""
        beside = self.python.with_name(name)
        return str(beside if beside.exists() else self._node(name))

    def has(self, name: str) -> bool:
        """Whether a program is there."""
        return self.python.with_name(name).exists() or self._node(name).exists()

    def _node(self, name: str) -> Path:
        return self.folder / "node_modules" / ".bin" / name


def install_peers(root: Path) -> Peers:
    """Install what can be had, unless an earlier run has.

    Raises:
        subprocess.CalledProcessError: Not even the libraries can be installed.
    """
    folder = StateFolder(root).make("bench", "peers")
    stamp = folder / "installed.json"
    python = folder / "venv" / "bin" / "python"
    if not stamp.exists():
        make_venv(folder / "venv")
        install_python(python, _BASE, check=True)
        left_out = _install_each(python) | _install_node(folder)
        stamp.write_text(json.dumps(left_out))
    left_out = json.loads(stamp.read_text())
    return Peers(python=python, folder=folder, left_out=left_out)


def install_libraries(installed: Peers) -> Path:
    """Install what other servers need; return the folder, for PYTHONPATH.

    It is one of its own: uvicorn uses what it finds, and would be another peer with
    these than it is without. What cannot be installed is not in it.
    """
    folder = installed.folder / "libraries"
    for name in _LIBRARIES:
        if not (folder / name).exists():
            install_python(installed.python, ("--target", str(folder), name))
    return folder


def find_here() -> Peers:
    """Return what this interpreter has: nothing is installed."""
    return Peers(python=Path(sys.executable), folder=Path(sys.prefix))


def make_venv(path: Path) -> None:
    """Make a virtual environment with the newest Python that is known to do."""
    for name in _PYTHONS:
        argv = (name, "-m", "venv", "--clear", str(path))
        # A shim on PATH may stand for a version that is not there.
        if shutil.which(name) and _runs(*argv):
            return
    known = Path.home() / ".pyenv" / "versions"
    for python in sorted(known.glob("3.1[2-4]*/bin/python3")):
        if _runs(str(python), "-m", "venv", "--clear", str(path)):
            return
    venv.create(path, clear=True, with_pip=True)


def install_apart(folder: Path, *packages: str) -> tuple[Path, str]:
    """Have packages in an environment of their own, unless an earlier run has.

    Returns:
        Its interpreter, and why they could not be installed: empty where they were.
    """
    python, stamp = folder / "bin" / "python", folder / "installed"
    if stamp.exists():
        return python, ""
    make_venv(folder)
    reason = install_python(python, packages)
    if not reason:
        stamp.touch()
    return python, reason


def _install_each(python: Path) -> dict[str, str]:
    return {
        name: reason
        for name in _PYTHON_PEERS
        if (reason := install_python(python, (name,)))
    }


def install_python(
    python: Path, packages: Sequence[str], *, check: bool = False
) -> str:
    """Install packages; return why that failed."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    argv = [str(python), "-m", "pip", "install", "--quiet"]
    if uv:
        argv = [uv, "pip", "install", "--quiet", "--python", str(python)]
    done = subprocess.run(
        [*argv, *packages], check=check, capture_output=True, text=True
    )
    return last_line(done.stderr) if done.returncode else ""


def _install_node(folder: Path) -> dict[str, str]:
    npm = shutil.which("npm")
    if npm is None:
        return dict.fromkeys(_NODE_PEERS, "npm is not on this machine")
    argv = [npm, "install", "--silent", "--prefix", str(folder), *_NODE_PEERS]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    reason = last_line(done.stderr) or "npm install fails"
    return dict.fromkeys(_NODE_PEERS, reason) if done.returncode else {}


def last_line(text: str) -> str:
    """Return what a program has said last."""
    return ([line.strip() for line in text.splitlines() if line.strip()] or ["?"])[-1]


def _runs(*argv: str) -> bool:
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0
