from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.machinery import FileFinder, SourceFileLoader
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.zygote.traces import disguise
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

FILES = {
    "tasks.py": "from sceneshift import namespace\n\nns = namespace()\n",
    "Procfile": "job: python job.py\nmodule: python -m job\n",
    "job.py": "import time\n\nimport answer\n\ntime.sleep(600)\n",
    "answer.py": "ANSWER = 42\n",
}


class Project:
    """A folder in which `inv` is run without a tracer: one keeps the true places."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in FILES.items():
            (root / name).write_text(text)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
        self._env = {**kept, "PATH": path}

    def inv(self, *words: str) -> str:
        """Run a command; return what it prints."""
        return subprocess.run(
            ["inv", *words],
            cwd=self.root,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        ).stdout

    def read_trace(self, process: str, code: str) -> list[str]:
        """Return the files of the newest traceback, once it shows this code."""

        def read() -> list[str]:
            said = self.inv("dev.logs", process, "--json").splitlines()
            texts = [json.loads(line)["text"] for line in said]
            starts = [n for n, text in enumerate(texts) if text.startswith("Traceback")]
            trace = texts[starts[-1] :] if starts else []
            is_whole = any("Error: " in text for text in trace)
            is_new = any(text.strip() == code.strip() for text in trace)
            return trace if is_whole and is_new else []

        trace = wait_until(read, deadline_s=30)
        return [line.split('"')[1] for line in trace if line.startswith("  File ")]


@pytest.fixture(name="project")
def make_project(tmp_path: Path) -> Iterator[Project]:
    """Return a project; nothing of it runs afterwards."""
    project = Project(tmp_path)
    yield project
    project.inv("dev.stop")


def test_a_disguised_loader_leaves_no_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CPython takes it and what is around it out of a failing import's traceback."""

    class Passing(SourceFileLoader):
        def exec_module(self, module: ModuleType) -> None:
            super().exec_module(module)

    (tmp_path / "failing_import.py").write_text("1 / 0\n")
    finder = FileFinder(str(tmp_path), (Passing, [".py"]))
    monkeypatch.syspath_prepend(tmp_path)
    sys.path_importer_cache[str(tmp_path)] = finder
    assert len(trace_import()) > 2
    disguise(Passing.exec_module)
    assert trace_import() == [Path(__file__).name, "failing_import.py"]


def trace_import() -> list[str]:
    """Return the files of the traceback of an import that fails."""
    with pytest.raises(ZeroDivisionError) as caught:
        import failing_import  # type: ignore[import-not-found]  # noqa: F401, PLC0415
    return [
        Path(frame.filename).name for frame in extract_tb(caught.value.__traceback__)
    ]


@pytest.mark.parametrize(
    ("process", "broken"),
    [("job", "ANSWER = (\n"), ("module", "import no_such\n"), ("job", "no_such\n")],
)
def test_a_traceback_of_a_start_has_the_users_files_alone(
    project: Project, process: str, broken: str
) -> None:
    """None of the import system's either, as where Python runs it."""
    (project.root / "answer.py").write_text(broken)
    project.inv("dev", "--detach", "--only", process)
    names = [Path(name).name for name in project.read_trace(process, broken)]
    assert names == ["job.py", "answer.py"]


def test_a_traceback_of_a_reload_has_the_users_files_alone(project: Project) -> None:
    """Whether the program or the reload imports the broken file."""
    project.inv("dev", "--detach", "--only", "job")
    for number in range(2):
        broken = f"ANSWER = {number} / 0\n"
        (project.root / "answer.py").write_text(broken)
        names = [Path(name).name for name in project.read_trace("job", broken)]
        assert names[-1:] == ["answer.py"]
        assert set(names) <= {"job.py", "answer.py"}
        (project.root / "answer.py").write_text(f"ANSWER = {number}\n")
