from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from invoke.collection import Collection
from invoke.tasks import Task

from sceneshift.composition import MORE, ROOMS, _add, _add_module, _surviving, namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SLOW = [
    "alembic",
    "docker",
    "dotenv",
    "honcho",
    "jinja2",
    "msgspec",
    "pathspec",
    "psutil",
    "sqlalchemy",
    "tomllib",
    "watchfiles",
]
TASKS = "from sceneshift import namespace\nns = namespace()\n"
ONE = "from sceneshift.task import task\n@task\ndef {}(c):\n    print({!r})\n"


def write(root: Path, files: Mapping[str, str]) -> None:
    """Make a project of some files."""
    for name, text in {"tasks.py": TASKS, **files}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)


def inv(root: Path, *args: str, debug: str = "") -> subprocess.CompletedProcess[str]:
    """Run `inv` in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "invoke", *args],
        cwd=root,
        env={**os.environ, "SCENESHIFT_DEBUG": debug},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_projects_own_modules_are_namespaces(tmp_path: Path) -> None:
    """Found beside tasks.py, without being named, and able to share code."""
    code = (
        "from invoke.collection import Collection\n"
        "from sceneshift.task import task\n"
        "from ._shared import WORD\n"
        "@task\ndef run(c):\n    print(WORD)\n"
        "@task\ndef hidden(c): pass\n"
        "ns = Collection(run)\n"
    )
    files = {
        "tasks/bench.py": code,
        "tasks/_shared.py": "WORD = 'fast'",
        "tasks/load_test.py": ONE.format("go", "gone"),
        "tasks/none.py": "",
    }
    write(tmp_path, files)
    listed = inv(tmp_path, "--list")
    assert listed.stderr == ""
    assert "bench.run" in listed.stdout
    assert "load-test.go" in listed.stdout
    assert "hidden" not in listed.stdout
    assert "none" not in listed.stdout
    assert inv(tmp_path, "bench.run").stdout == "fast\n"


def test_the_project_is_where_its_tasks_file_is(tmp_path: Path) -> None:
    """Commands are the same in a folder below."""
    write(tmp_path, {"below/x": "", "tasks/bench.py": ONE.format("run", "ran")})
    assert inv(tmp_path / "below", "bench.run").stdout == "ran\n"


def test_a_project_without_modules_needs_none(tmp_path: Path) -> None:
    """`tasks.py` alone will do."""
    assert {*namespace(tmp_path).collections} <= {*ROOMS, *MORE}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "\nimport not_there\n",
            (
                "tasks/bad.py:2: `bad` has no tasks: ModuleNotFoundError: "
                "No module named 'not_there'"
            ),
        ),
        ("x = (\n", "tasks/bad.py:1: `bad` has no tasks: SyntaxError: "),
        (
            "raise SystemExit",
            "tasks/bad.py:1: `bad` has no tasks: SystemExit: no reason given",
        ),
        (
            "raise ValueError('a\\nb')",
            "tasks/bad.py:1: `bad` has no tasks: ValueError: a b",
        ),
        (
            "from invoke.tasks import task\n@task\ndef f(): pass",
            "tasks/bad.py:2: `bad` has no tasks: TypeError: Tasks must have",
        ),
        ("from .good import none", "tasks/bad.py:1: `bad` has no tasks: ImportError:"),
    ],
)
def test_a_broken_module_costs_only_itself(
    tmp_path: Path, code: str, message: str
) -> None:
    """One line says where; the rest is listed."""
    write(tmp_path, {"tasks/bad.py": code, "tasks/good.py": ONE.format("run", "ran")})
    done = inv(tmp_path, "--list")
    assert done.returncode == 0
    assert "good.run" in done.stdout
    error, hint = done.stderr.splitlines()
    assert error.startswith(f"error: {message}")
    assert hint == "hint: mend it; SCENESHIFT_DEBUG=1 shows the traceback"


def test_the_traceback_of_a_broken_module_can_be_seen(tmp_path: Path) -> None:
    """For when one line is not enough."""
    write(tmp_path, {"tasks/bad.py": "1 / 0"})
    done = inv(tmp_path, "--list", debug="1")
    assert "Traceback" in done.stderr
    assert "division by zero" in done.stderr


def test_a_module_of_a_foreign_encoding_has_no_line(tmp_path: Path) -> None:
    """Then the file is named."""
    write(tmp_path, {})
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "bad.py").write_bytes(b"a = '\0'")
    done = inv(tmp_path, "--list")
    assert done.stderr.startswith("error: tasks/bad.py: `bad` has no tasks: ")


def test_another_project_replaces_the_modules(tmp_path: Path) -> None:
    """Nothing of an earlier namespace is left over."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        files = {"tasks/shared.py": ONE.format(name, name)}
        write(tmp_path / name, files)
    assert "one" in namespace(tmp_path / "one").collections["shared"].tasks
    assert list(namespace(tmp_path / "two").collections["shared"].tasks) == ["two"]


def test_nothing_slow_is_imported_to_list(tmp_path: Path) -> None:
    """The command line pays for nothing that the listed tasks may need later."""
    write(tmp_path, {"tasks/bench.py": ONE.format("run", "ran")})
    code = (
        "import json, sys\n"
        "before = set(sys.modules)\n"
        "from invoke.main import program\n"
        "program.run(['inv', '--list'], exit=False)\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert "sceneshift.composition" in loaded
    assert set(loaded).isdisjoint(SLOW)


@pytest.mark.cold
def test_nothing_of_ours_is_searched_for_garbage(tmp_path: Path) -> None:
    """Neither what is there to begin with, nor what is left of a command."""
    write(tmp_path, {})
    code = (
        "import atexit, gc\n"
        "atexit.register(lambda: print(gc.get_freeze_count()))\n"
        "from invoke.main import program\n"
        "program.run(['inv', {!r}], exit=False)\n"
    )
    counts = []
    for word in ("--list", "env.list"):
        done = subprocess.run(
            [sys.executable, "-c", code.format(word)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        counts.append(int(done.stdout.splitlines()[-1]))
    assert 10_000 < counts[0] < counts[1]


def make_task(
    name: str, *aliases: str, default: bool = False
) -> Task[Callable[[object], None]]:
    """Make a task that does nothing."""

    def body(_: object) -> None:
        return None

    return Task(body, name=name, aliases=aliases, default=default)


def test_a_module_of_a_rooms_name_adds_to_the_room() -> None:
    """New tasks come, old ones stay or are replaced, whatever they are."""
    deep = Collection("deep", make_task("inner"))
    room = Collection("data", make_task("old", "o", default=True), make_task("kept"))
    room.add_collection(deep)
    room.configure({"a": 1})
    own = Collection("data", make_task("old"), make_task("o"), make_task("new"))
    own.add_collection(Collection("deep", make_task("more")))
    own.add_collection(Collection("side", make_task("x")))
    own.configure({"b": 2})
    commands = Collection()
    commands.add_collection(room)
    _add(own, commands)
    merged = commands.collections["data"]
    assert set(merged.tasks) == {"old", "o", "new", "kept"}
    assert merged["old"] is own["old"]
    assert merged["o"] is own["o"]
    assert merged.default == "old"
    assert merged.configuration() == {"a": 1, "b": 2}
    assert set(commands.collections["data"].collections["deep"].tasks) == {
        "inner",
        "more",
    }
    assert "x" in merged.collections["side"].tasks


def test_a_modules_default_task_becomes_the_rooms() -> None:
    """`inv data` is then what the project says."""
    commands = Collection()
    commands.add_collection(Collection("data", make_task("up", default=True)))
    _add(Collection("data", make_task("mine", default=True)), commands)
    assert commands.collections["data"].default == "mine"


def test_a_name_that_is_taken_otherwise_is_reported(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What cannot be merged costs only its own module, as what is broken does."""
    commands = Collection()
    commands.add_collection(Collection("data", make_task("up")))
    module = ModuleType("data")
    module.ns = Collection(Collection("up", make_task("x")))  # type: ignore[attr-defined]
    broken: list[str] = []
    with _surviving("data", broken):
        _add_module(module, "data", commands)
    assert broken == ["data"]
    assert capsys.readouterr().err == (
        "error: tasks/data.py: Name conflict: this collection has a task named 'up' "
        "already\nhint: give one of the two another name\n"
    )


def test_the_projects_own_commands_are_known(tmp_path: Path) -> None:
    """Those of tasks.py too, which are added later; what asks for more is left out."""
    write(tmp_path, {"tasks/bench.py": ONE.format("run", "ran"), "tasks/bad.py": "1/0"})
    commands = namespace(tmp_path)
    commands.add_task(make_task("deploy"))
    commands.add_task(Task(lambda _context, _place: None, name="send"))
    inner = Collection("test", make_task("lint"))
    inner.add_task(make_task("all"), default=True)
    commands.add_collection(inner)
    settings = commands.configuration()["sceneshift"]
    own = settings["own_tasks"]()
    assert sorted(own) == ["bench.run", "deploy", "test", "test.lint"]
    assert settings["broken_tasks"] == ["bad"]


def test_a_room_is_loaded_before_the_project_adds_to_it(tmp_path: Path) -> None:
    """Every room that exists is in the table of contents."""
    write(tmp_path, {})
    rooms = {room for room in ROOMS if find_spec(f"sceneshift.{room}.tasks")}
    assert set(namespace(tmp_path).collections) == rooms | {*MORE}
