from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from demo.settings import ROOT
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
pytestmark = [pytest.mark.needs("node"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the demo, with the packages of its lock installed."""
    root = tmp_path_factory.mktemp("project")
    ignored = shutil.ignore_patterns("node_modules", "dist", "var", "__pycache__")
    shutil.copytree(ROOT / "demo", root / "demo", ignore=ignored)
    for name in ("Procfile.dev", "pyproject.toml", "tasks.py"):
        shutil.copy(ROOT / name, root)
    run_npm(root, "ci")
    return root


def run_npm(root: Path, *arguments: str) -> str:
    """Run npm in the frontend's folder, as the Procfile does."""
    argv = ["npm", "--prefix", "demo/frontend", *arguments]
    done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_can_be_built(project: Path) -> None:
    """Its types are right, and the built page names its script."""
    run_npm(project, "run", "build")
    dist = project / "demo/frontend/dist"
    (script,) = dist.glob("assets/*.js")
    assert script.name in (dist / "index.html").read_text()


def test_the_pages_own_tests_pass(project: Path) -> None:
    """They are in `demo/frontend/tests` and run in Node."""
    assert "# fail 0" in run_npm(project, "test")


def test_the_lock_names_no_registry() -> None:
    """Packages come from where the machine takes its packages."""
    text = (ROOT / "demo/frontend/package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    assert all("resolved" not in package for package in packages.values())
    assert "http://" not in text
    assert all("integrity" in packages[name] for name in packages if name)


@pytest.fixture
def base() -> int:
    """Return a port that is free, as is the one 200 above it."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 200))
            except (OSError, OverflowError):
                continue
            return port


@pytest.fixture
def honcho(project: Path, base: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the Procfile by honcho alone, on a database with sample data."""
    folder = Path(sys.executable).parent
    env = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    env |= {"DATABASE_URL": f"sqlite:///{project}/honcho.db"}
    for removed in ("PORT", "BACKEND_URL"):
        env.pop(removed, None)
    steps = "alembic -c demo/alembic.ini upgrade head && inv data.seed"
    subprocess.run(["sh", "-c", steps], cwd=project, env=env, check=True)
    argv = ["honcho", "start", "-f", "Procfile.dev", "-p", str(base)]
    with (project / "honcho.log").open("wb") as log:
        process = subprocess.Popen(argv, cwd=project, env=env, stdout=log)
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def fetch(url: str) -> str | None:
    """Return the body of a successful answer, else None."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - ours
            body: bytes = answer.read()
            return body.decode()
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        pass
    return None


def test_plain_honcho_runs_it_all(
    honcho: subprocess.Popen[bytes], base: int, project: Path
) -> None:
    """The page's server finds the backend, the worker works, and all of it ends."""
    page = f"http://127.0.0.1:{base + 200}"
    health = wait_until(lambda: fetch(f"{page}/health"), 60) or ""
    assert json.loads(health)["status"] == "ok"
    assert "/src/main.tsx" in (fetch(page) or "")
    running = f"{page}/api/tasks?status=running&status=done"
    wait_until(lambda: '"status":"running"' in (fetch(running) or ""), 30)
    honcho.send_signal(signal.SIGINT)
    honcho.wait(20)
    assert "returned to the queue" in (project / "honcho.log").read_text()
