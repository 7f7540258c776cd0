"""A copy of the demo for VS Code: a clone with ports of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from stacks import Project
from support import free_port

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("development", "staging", "production")
_KNOWN = {"development": (8000, 5174), "staging": (8100, 5274)}
_KNOWN["production"] = (8200, 5374)
_DEADLINE_S = 60.0
_IDE = "[tool.sceneshift.ide]\nsettings = true\n\n"


class Demo(Project):
    """The clone, with the files of its editor generated.

    Its `.venv` is that of the tests, by another name.

    Args:
        root: Where it will lie.
    """

    def __init__(self, root: Path) -> None:
        subprocess.run(["git", "clone", "--quiet", REPOSITORY, root], check=True)
        git = ("git", "-C", root, "checkout", "--quiet", "-B", "main")
        subprocess.run(git, check=True)  # pictures show the branch
        tasks = (REPOSITORY / "tasks.py").read_text()
        super().__init__(root, {"tasks.py": tasks})
        self._ports = {name: (free_port(), free_port()) for name in ENVIRONMENTS}
        text = (root / "pyproject.toml").read_text()
        for name, (backend, frontend) in _KNOWN.items():
            old = f"ports = {{ backend = {backend}, frontend = {frontend} }}"
            assert old in text
            text = text.replace(old, self._describe(name))
        text = text.replace("[tool.sceneshift]\n", _IDE + "[tool.sceneshift]\n")
        url = "DATABASE_URL=sqlite:///demo/var/production.db\n"
        self.write({"pyproject.toml": text, ".env.production": url})
        _share_environment(root / ".venv")

    def _describe(self, environment: str) -> str:
        backend, frontend = self._ports[environment]
        names = ("backend", "worker", "frontend")
        debugged = ", ".join(f"{name} = {free_port()}" for name in names)
        return (
            f"ports = {{ backend = {backend}, frontend = {frontend} }}\n"
            f"debug_ports = {{ {debugged} }}"
        )

    def prepare(self) -> None:
        """Have what a first start installs and fills."""
        for words in (("ide.generate",), ("dev", "--detach"), ("dev.stop",)):
            done = self.inv(*words, wait_s=300)
            assert done.returncode == 0, done

    def get(self, pool: Executor, environment: str, path: str) -> Future[str]:
        """Ask a backend, as soon as it answers."""
        port = self._ports[environment][0]
        return pool.submit(_get, f"http://127.0.0.1:{port}{path}")


def _share_environment(folder: Path) -> None:
    folder.mkdir()
    own = Path(sys.prefix)
    for name in ("bin", "lib"):
        (folder / name).symlink_to(own / name)
    shutil.copyfile(own / "pyvenv.cfg", folder / "pyvenv.cfg")


def _get(url: str) -> str:
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=_DEADLINE_S) as answer:  # noqa: S310
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return str(error.read().decode())
        except OSError as error:
            if time.monotonic() > deadline:
                return str(error)
            time.sleep(0.05)
