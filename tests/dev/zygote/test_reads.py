from __future__ import annotations

import copy
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.zygote.reads import Reads

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def look(way: Callable[[], object]) -> Reads:
    """Return what was seen of a way to use the environment."""
    reads = Reads()
    with reads.watching():
        way()
    return reads


@pytest.mark.parametrize(
    "way",
    [
        lambda: os.environ.get("SOME_NAME"),
        lambda: os.getenv("SOME_NAME", "x"),
        lambda: "SOME_NAME" in os.environ,
        lambda: os.environb.get(b"SOME_NAME"),
        lambda: os.environ.pop("SOME_NAME", None),
        lambda: os.environ.setdefault("SOME_NAME", "x"),
        lambda: os.environ.update(SOME_NAME="x"),
    ],
)
def test_a_name_that_is_asked_for_is_noted(
    monkeypatch: pytest.MonkeyPatch, way: Callable[[], object]
) -> None:
    """Whether it is set or not, and when it is set."""
    monkeypatch.delenv("SOME_NAME", raising=False)
    assert look(way).as_json() == ["SOME_NAME"]
    monkeypatch.setenv("SOME_NAME", "set")
    assert look(way).as_json() == ["SOME_NAME"]


@pytest.mark.parametrize(
    "way",
    [
        lambda: dict(os.environ),
        os.environ.copy,
        lambda: list(os.environ.items()),
        lambda: [name for name in os.environ if name.startswith("X")],
        lambda: len(os.environ),
        lambda: os.environ | {},
        lambda: dict(os.environb),
        lambda: copy.deepcopy(os.environ),
    ],
)
def test_who_looks_at_all_reads_all(way: Callable[[], object]) -> None:
    """Nobody knows what is made of it."""
    assert look(way).as_json() is None


def test_an_environment_that_is_replaced_is_not_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor does it matter what the next import finds there."""
    monkeypatch.setattr(os, "environ", os.environ)
    assert look(lambda: setattr(os, "environ", {"A": "1"})).as_json() is None
    assert os.environ == {"A": "1"}
    assert look(lambda: os.environ["A"]).as_json() is None


def look_back(folder: Path) -> str:
    """Return what is known in a fresh interpreter that has a folder in its path."""
    script = (
        "from sceneshift.dev.zygote.reads import Reads\n"
        "reads = Reads()\n"
        "reads.look_back()\n"
        "print(reads.as_json())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )
    return done.stdout.strip()


def test_what_runs_at_pythons_start_may_have_read_all(tmp_path: Path) -> None:
    """Where it reads anything of the environment at all."""
    custom = tmp_path / "sitecustomize.py"
    custom.write_text("import hooked\n")
    (tmp_path / "hooked.py").write_text("NAME = 1\n")
    assert look_back(tmp_path) != "None"
    (tmp_path / "hooked.py").write_text("import os\nNAME = os.getenv('NAME')\n")
    assert look_back(tmp_path) == "None"


def test_a_pth_file_reads_what_it_names(tmp_path: Path) -> None:
    """It is one line, which looks whether something is to be switched on."""
    packages = tmp_path / "site-packages"
    packages.mkdir()
    line = "import os; os.environ.get('HOOK_ME') and __import__('json')\n"
    (packages / "hook.pth").write_text(f"{tmp_path}\n{line}")
    (packages / "plain.txt").write_text(line.replace("HOOK", "NOT"))
    names = look_back(packages)
    assert "'HOOK_ME'" in names
    assert "NOT_ME" not in names


def test_nothing_is_noted_before_and_afterwards() -> None:
    """The mapping is what it was, also after an error."""
    kind = type(os.environ)
    reads = Reads()
    with pytest.raises(ZeroDivisionError), reads.watching():
        raise ZeroDivisionError
    assert os.environ.get("PATH")
    assert type(os.environ) is kind
    assert reads.as_json() == []


@pytest.mark.parametrize(("is_watching", "seen"), [(True, None), (False, [])])
def test_a_process_that_is_started_inherits_all(
    *, is_watching: bool, seen: list[str] | None
) -> None:
    """It may have read anything."""
    reads = Reads()
    reads.is_watching = is_watching
    reads.see("open", ("file", "r", 0))
    reads.see("subprocess.Popen", ("ls", ["ls"], None, {"LC_ALL": "C"}))
    assert reads.as_json() == []
    reads.see("subprocess.Popen", ("ls", ["ls"], None, None))
    reads.see("subprocess.Popen", ("ls", ["ls"], None, {}))
    assert reads.as_json() == seen


SPAWNS = (
    "subprocess.run([sys.executable, '-c', ''], env={env})",
    "os.waitpid(os.posix_spawn(sys.executable, ['python', '-c', ''], {env}), 0)",
)


@pytest.mark.parametrize(
    ("spawn", "env", "seen"),
    [
        (SPAWNS[0], "{'A': '1'}", "[]"),
        (SPAWNS[0], "os.environ", "None"),
        (SPAWNS[0], "None", "None"),
        (SPAWNS[1], "{'A': '1'}", "[]"),
        (SPAWNS[1], "os.environ", "None"),
    ],
)
def test_a_process_that_is_given_variables_has_no_others(
    spawn: str, env: str, seen: str
) -> None:
    """Python says what they are before it looks where the program is."""
    script = (
        "import os, subprocess, sys\n"
        "from sceneshift.dev.zygote.reads import Reads\n"
        "reads = Reads()\n"
        "sys.addaudithook(reads.see)\n"
        "with reads.watching():\n"
        f"    {spawn.format(env=env)}\n"
        f"sys.exit(0 if reads.as_json() == {seen} else str(reads.names))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_interpreter_tells_of_processes_by_these_names() -> None:
    """`audit-tests` of a Python to come would fail here."""
    script = (
        "import os, subprocess, sys\n"
        "seen = set()\n"
        "sys.addaudithook(lambda event, args: seen.add(event))\n"
        "subprocess.run(['true'])\n"
        "os.system('true')\n"
        "os.posix_spawnp('true', ['true'], os.environ)\n"
        "os.fork() or os._exit(0)\n"
        "os.forkpty()[0] or os._exit(0)\n"
        "from sceneshift.dev.zygote.reads import _SPAWNS\n"
        "sys.exit(str(_SPAWNS - seen) if _SPAWNS - seen else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
