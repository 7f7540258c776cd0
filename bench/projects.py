"""How long it takes to write a project's files for its editors, beside projen."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.peers import last_line
from bench.record import OURS, show_progress
from bench.running import TASKS, make_environment
from sceneshift.core.paths import StateFolder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.record import Record

CASE = "generate all files, nothing changed"
_PROJEN = "npx projen"
_NODE = "projen's own program"
_LIMIT_MS = 350
_PROCFILE = """\
web: uvicorn shop:app --port $PORT
jobs: python jobs.py
page: vite --port $PORT
"""
_PYPROJECT = "".join(
    f"[tool.sceneshift.environments.{name}]\n"
    for name in ("development", "staging", "production")
)
# As many entries of the same kinds as ours, by its own components.
_RC = """\
const {Project, JsonFile, vscode} = require('projen');
const project = new Project({name: 'shop'});
const code = new vscode.VsCode(project);
const tasks = [];
for (const environment of ['development', 'staging', 'production']) {
  for (const name of ['web: debug', 'web: attach', 'jobs: debug', 'jobs: attach',
                      'page: Chrome', 'page: Edge', 'web, then page']) {
    code.launchConfiguration.addConfiguration({
      name: `${name} (${environment})`, type: 'debugpy', request: 'launch',
      program: 'x', cwd: '${workspaceFolder}', env: {SCENESHIFT_ENV: environment},
    });
  }
  for (const name of ['start', 'debug', 'serve', 'end', 'validate']) {
    tasks.push({label: `${name} (${environment})`, type: 'process', command: 'inv'});
  }
}
new JsonFile(project, '.vscode/tasks.json', {obj: {version: '2.0.0', tasks}});
code.extensions.addRecommendations('ms-python.python', 'ms-python.debugpy');
project.synth();
"""


def measure_projects(
    root: Path,
    record: Record,
    *,
    runs: int,
    peers: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Add the whole command to a record, beside projen's.

    Args:
        root: The project in whose state folder projen is installed.
        record: What is added to.
        runs: Samples of each.
        peers: Command lines of the others; None has them installed.
    """
    with tempfile.TemporaryDirectory() as place:
        ours, theirs = Path(place, "ours"), Path(place, "theirs")
        _write(
            ours,
            {
                "tasks.py": TASKS,
                "Procfile.dev": _PROCFILE,
                "pyproject.toml": _PYPROJECT,
                "package.json": '{"scripts": {}}\n',
            },
        )
        _write(theirs, {".projenrc.js": _RC})
        if peers is None:
            peers = _install(root, theirs, record)
        contenders: dict[str, tuple[Path, tuple[str, ...]]]
        contenders = {OURS: (ours, (sys.executable, "-m", "invoke", "ide.generate"))}
        contenders |= {name: (theirs, tuple(argv)) for name, argv in peers.items()}
        samples: dict[str, list[float]] = {name: [] for name in contenders}
        for turn in range(runs + 1):  # the first one writes
            show_progress(f"{CASE}, {turn} of {runs}")
            for name, (folder, argv) in contenders.items():
                ms = _run(argv, folder)
                if turn:
                    samples[name].append(ms)
    record.add(CASE, "ms", samples)
    record.aim(CASE, OURS, at_most=_LIMIT_MS)
    record.compare(CASE, OURS, _PROJEN, faster=5)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)


def _install(root: Path, folder: Path, record: Record) -> dict[str, list[str]]:
    """Have projen in a folder; return how it is called."""
    npm = shutil.which("npm")
    if npm is None:
        record.left_out[_PROJEN] = "npm is not on this machine"
        return {}
    kept = StateFolder(root).make("bench", "projen")
    if not (kept / "node_modules" / "projen").exists():
        argv = [npm, "install", "--silent", "--prefix", str(kept)]
        argv += ["projen", "constructs"]
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        if done.returncode:
            record.left_out[_PROJEN] = last_line(done.stderr)
            return {}
    (folder / "node_modules").symlink_to(kept / "node_modules")
    # The second one knows its tasks from what the first one has written.
    return {_NODE: ["node", ".projenrc.js"], _PROJEN: ["npx", "projen", "--no-post"]}


def _run(argv: Sequence[str], folder: Path) -> float:
    """Run a program to its end; return milliseconds.

    Raises:
        subprocess.CalledProcessError: It fails.
    """
    env = make_environment()
    began = time.perf_counter()
    subprocess.run(argv, cwd=folder, env=env, check=True, capture_output=True)
    return (time.perf_counter() - began) * 1000
