"""Projects that `./inv` installs without a network."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REPOSITORY = Path(__file__).resolve().parents[2]

# Says what it was called with, so that a test can see it.
PROGRAM = """\
import json, os, sys
def main():
    if sys.argv[1:2] == ["exit"]:
        sys.exit(int(sys.argv[2]))
    heard = sys.stdin.read() if sys.argv[1:2] == ["listen"] else None
    print(json.dumps({"version": VERSION, "argv": sys.argv[1:], "heard": heard,
                      "cwd": os.getcwd(), "prefix": sys.prefix}))
"""

# A build backend that counts its calls, and holds an installation while asked to.
BACKEND = """\
import pathlib, time, zipfile
INFO = {
    "METADATA": ["Metadata-Version: 2.1", "Name: own", "Version: 1.0"],
    "WHEEL": ["Wheel-Version: 1.0", "Root-Is-Purelib: true", "Tag: py3-none-any"],
    "RECORD": [],
}
def build_editable(folder, config_settings=None, metadata_directory=None):
    with open("installs.log", "a") as log:
        log.write("one\\n")
    while pathlib.Path("hold").exists():
        pathlib.Path("held").touch()
        time.sleep(0.01)
    name = "own-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        wheel.writestr("own.pth", str(pathlib.Path.cwd()))
        for file, lines in INFO.items():
            wheel.writestr("own-1.0.dist-info/" + file, "\\n".join([*lines, ""]))
    return name
"""

PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def make_wheel(folder: Path, name: str, files: Mapping[str, str]) -> str:
    """Write a wheel of version `name` = `package-1.0`; return its lock entry."""
    package, version = name.split("-")
    info = f"{name}.dist-info"
    content = dict(files) | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\n"
        f"Version: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    record = [_record_of(path, text) for path, text in content.items()]
    content[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,\n"])
    wheel = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"{package}=={version} \\\n    --hash=sha256:{digest}\n"


def _record_of(path: str, text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    encoded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return f"{path},sha256={encoded},{len(text.encode())}"


@dataclass(slots=True, kw_only=True)
class Project:
    """A checkout with `./inv`, and the machine that it is on.

    Attributes:
        root: The checkout; its path has a space.
        machine: A folder with `bin` (all of PATH), `wheels` and `home`.
        running: What `start` started.
    """

    root: Path
    machine: Path
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def bin(self) -> Path:
        """The programs of the machine."""
        return self.machine / "bin"

    @property
    def stamp(self) -> Path:
        """The proof of a finished installation."""
        return self.root / ".venv" / ".inv-stamp"

    @property
    def installs(self) -> int:
        """How often the project itself was installed."""
        log = self.root / "installs.log"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def lock(self, version: str = "1.0", *more: str) -> None:
        """Lock a program `inv` of that version, and more packages."""
        program = {
            "program.py": f"VERSION = {version!r}\n{PROGRAM}",
            f"program-{version}.dist-info/entry_points.txt": (
                "[console_scripts]\ninv = program:main\n"
            ),
        }
        wheels = self.machine / "wheels"
        entries = [make_wheel(wheels, f"program-{version}", program)]
        entries += [make_wheel(wheels, name, {}) for name in more]
        (self.root / "requirements" / "dev.lock").write_text("".join(entries))

    def add_program(self, name: str, body: str) -> Path:
        """Put a shell script on PATH."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    def environment(self, **more: str) -> dict[str, str]:
        """Return the machine's environment; it has no network."""
        wheels = str(self.machine / "wheels")
        return {
            "PATH": str(self.bin),
            "HOME": str(self.machine / "home"),
            "SCENESHIFT_PYTHON": sys.executable,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_FIND_LINKS": wheels,
            "PIP_NO_INDEX": "1",
            # Versions that are made within a second have compiled files that fit
            # each other's sources.
            "PYTHONDONTWRITEBYTECODE": "1",
            "UV_FIND_LINKS": wheels,
            "UV_OFFLINE": "1",
        } | more

    def run(
        self,
        *arguments: str,
        command: tuple[str, ...] = (),
        cwd: Path | None = None,
        heard: str = "",
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        """Call `./inv`, or another command that leads to it."""
        return subprocess.run(
            [*(command or (str(self.root / "inv"),)), *arguments],
            cwd=cwd or self.root,
            env=self.environment(**environment),
            input=heard,
            capture_output=True,
            text=True,
            check=False,
        )

    def ask(self, *arguments: str, **options: Any) -> dict[str, Any]:
        """Call `./inv` and return what its program says."""
        done = self.run(*arguments, **options)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def start(self, *, log: Path) -> subprocess.Popen[str]:
        """Start `./inv` in a session of its own; standard error goes to `log`."""
        with log.open("w") as errors:
            process = subprocess.Popen(
                [str(self.root / "inv")],
                cwd=self.root,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self.running.append(process)
        return process


@pytest.fixture
def bare_project(tmp_path: Path) -> Iterator[Project]:
    """A fresh clone on a machine that has neither uv nor a Python on PATH."""
    project = Project(root=tmp_path / "my project", machine=tmp_path / "machine")
    for folder in ("bin", "wheels", "home"):
        (project.machine / folder).mkdir(parents=True)
    (project.root / "requirements").mkdir(parents=True)
    for name in ("inv", "requirements/install.py"):
        shutil.copy(REPOSITORY / name, project.root / name)
    for name in ("cksum", "readlink"):
        (project.bin / name).symlink_to(shutil.which(name) or name)
    (project.root / "pyproject.toml").write_text(PYPROJECT)
    (project.root / "backend.py").write_text(BACKEND)
    project.lock()
    yield project
    (project.root / "hold").unlink(missing_ok=True)
    for process in project.running:
        process.communicate()


@pytest.fixture
def project(bare_project: Project) -> Project:
    """A fresh clone on a machine that has uv."""
    (bare_project.bin / "uv").symlink_to(Path(sys.executable).parent / "uv")
    return bare_project


@pytest.fixture
def installed(project: Project) -> Project:
    """A checkout after its first `./inv`."""
    project.ask()
    return project


@pytest.fixture(params=["uv", "pip"])
def any_project(request: pytest.FixtureRequest) -> Project:
    """A fresh clone, with each of the two installers."""
    name = "project" if request.param == "uv" else "bare_project"
    found: Project = request.getfixturevalue(name)
    return found
