"""`inv lock`: what `./inv` installs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.collection import Collection

from sceneshift.core.errors import DriftError, SceneshiftError
from sceneshift.task import task

if TYPE_CHECKING:
    from collections.abc import Iterable

    from invoke.context import Context

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "dev.lock"


@task(
    default=True,
    help={
        "upgrade": "Take the newest versions instead of keeping those of the lock",
        "check": "Write nothing; end with 3 where the lock does not fit",
    },
)
def lock(_c: Context, *, upgrade: bool = False, check: bool = False) -> None:
    """Pin and hash all dependencies, for every system and Python, in one lock."""
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder, "dev.lock")
        shutil.copyfile(LOCK, draft)
        compile_lock(draft, ["--upgrade"] if upgrade else [])
        if draft.read_bytes() == LOCK.read_bytes():
            print("requirements/dev.lock fits pyproject.toml")
        elif check:
            raise DriftError(
                "requirements/dev.lock does not fit pyproject.toml",
                hint="write it anew: ./inv lock",
            )
        else:
            shutil.copyfile(draft, LOCK)
            print("requirements/dev.lock written; the next ./inv installs it")


def compile_lock(draft: Path, options: Iterable[str]) -> None:
    """Let uv resolve, keeping the draft's versions where it can."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = [f"--group={name}" for name in sorted(project["dependency-groups"])]
    oldest = project["project"]["requires-python"].removeprefix(">=")
    argv = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "pyproject.toml"]
    argv += ["--universal", f"--python-version={oldest}", "--generate-hashes"]
    # Neither where it was made nor where packages come from is in the lock.
    argv += ["--no-header", "--no-emit-index-url", "--no-emit-find-links"]
    argv += [f"--output-file={draft}", *groups, *options]
    done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise SceneshiftError(
            f"uv could not resolve: exit code {done.returncode}",
            hint="see its message above; requirements/dev.lock is as it was",
        )


ns = Collection(lock)
