from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from editing import make_project
from sceneshift.core.commandenv import build_command_env
from sceneshift.core.exported import mark_exported
from sceneshift.core.ports import is_free
from sceneshift.core.project import load_project
from support import free_port, wait_until

TELL = """\
import json, os, sys
facts = {
    "name": __name__, "file": __file__, "argv": sys.argv, "path": sys.path,
    "words": sys.orig_argv[1:], "cwd": os.getcwd(), "env": dict(os.environ),
    "spec": __spec__ and __spec__.name, "main": sys.modules["__main__"].__file__,
}
open(os.environ["TOLD"], "w").write(json.dumps(facts))
"""
# What pydevd would have a process run that `multiprocessing` starts: a folder is first.
MADE = """\
import ast, json
from _pydev_bundle import pydev_monkey
made = pydev_monkey._get_python_c_args("127.0.0.1", 1, "pass", [], {"ppid": 1})
call = next(each for each in ast.walk(ast.parse(made)) if isinstance(each, ast.Call))
print(json.dumps(call.args[1].value))
"""
LAUNCH = "run_module('sceneshift.ide.launch')['main']"
SERVE = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); "
    "sys.stdin.read()"
)
OWN = ("_", "SCENESHIFT_EXPORTED", "SHLVL", "OLDPWD", "PWD")
PROJECT = {
    "Procfile": "script: python -u below/tell.py $PORT 'a b'\n"
    "module: python -m pkg.tell --port=$PORT\n"
    "shell: python below/tell.py; exit 5\n"
    "echo: true; echo\n"
    "fails: true; exit 3\n"
    "node: true; node server.js\n"
    f'serves: cat | python -c "{SERVE}" $PORT\n',
    "below/tell.py": TELL,
    "pkg/tell.py": TELL,
    "web/pkg/tell.py": TELL,
    "pyproject.toml": """
[tool.sceneshift.environments.staging]
env_files = [".env.staging"]
env = { PYTHONPATH = "lib" }
ports = { script = 18431, module = 18432, shell = 18433, serves = 18434 }
[tool.sceneshift.processes.module]
cwd = "web"
env = { OWN = "${VALUE}!" }
""",
    ".env": "VALUE=base\nLEAK=base\n",
    ".env.development": "VALUE=development\nLEAK=development\n",
    ".env.staging": "VALUE=staging\n",
}


@pytest.fixture(name="root")
def make(tmp_path: Path) -> Path:
    """Return a project whose processes write down what they find."""
    return make_project(tmp_path / """a 'b' "c" """, PROJECT)


def build_environ(root: Path, **more: str) -> dict[str, str]:
    """Return a shell's variables, with what `inv env.export` has put there."""
    exported = {"LEAK": "exported", "VALUE": "development", "ONLY": "exported"}
    kept = dict(os.environ)
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return {
        **kept,
        **exported,
        "SCENESHIFT_EXPORTED": mark_exported(exported),
        "SCENESHIFT_ENV": "staging",
        "PATH": path,
        "TOLD": str(root / "told.json"),
        **more,
    }


def launch(
    root: Path, *words: str, is_safe: bool = False, **more: str
) -> tuple[subprocess.CompletedProcess[str], Any]:
    """Launch a process; return how it ended, and what it told."""
    python = [sys.executable, *(["-P"] if is_safe else [])]
    done = subprocess.run(
        [*python, "-m", "sceneshift.ide.launch", *words],
        cwd=root,
        env=build_environ(root, **more),
        capture_output=True,
        text=True,
        check=False,
    )
    told = root / "told.json"
    return done, json.loads(told.read_bytes()) if told.exists() else None


def run_plainly(root: Path, name: str) -> Any:
    """Return what a process tells that a shell runs, as under `inv dev`."""
    environ = build_environ(root)
    project = load_project(root, environ=environ, is_looking=True)
    (command,) = [each.command for each in project.instances if each.type == name]
    section = project.config.processes.get(name)
    cwd = root / (section.cwd if section else ".")
    subprocess.run(
        ["sh", "-c", command],
        cwd=cwd,
        env=build_command_env(project, name),
        check=False,
    )
    return json.loads((root / "told.json").read_bytes())


@pytest.mark.parametrize(
    ("name", "is_safe"),
    [("script", False), ("script", True), ("module", False), ("shell", False)],
)
def test_a_process_finds_what_it_finds_when_a_shell_runs_it(
    root: Path, name: str, *, is_safe: bool
) -> None:
    """Words, folder, where modules are looked for, and each variable."""
    done, launched = launch(root, name, is_safe=is_safe)
    assert done.returncode == (5 if name == "shell" else 0), done.stderr
    plain = run_plainly(root, name)
    for facts in (launched, plain):
        for variable in OWN:
            facts["env"].pop(variable, None)
    assert launched == plain


def test_no_value_of_another_environment_arrives(root: Path) -> None:
    """Whatever env files lie around, and whatever was exported for another."""
    _done, told = launch(root, "module")
    assert told["env"]["VALUE"] == "staging"
    assert told["env"]["OWN"] == "staging!"
    assert told["env"]["ENVIRONMENT"] == told["env"]["SCENESHIFT_ENV"] == "staging"
    assert told["env"]["PORT"] == "18432"
    assert not {"LEAK", "ONLY"} & {*told["env"]}
    assert "SCENESHIFT_ROOT" not in told["env"]  # it is none of a stack's


def test_more_words_are_the_commands_last_ones(root: Path) -> None:
    """So a server is told to reload, be it run here or by a shell."""
    _done, told = launch(root, "script", "--", "--reload", "x y")
    assert told["argv"] == ["below/tell.py", "18431", "a b", "--reload", "x y"]
    done, _told = launch(root, "echo", "--", "it's", "x  y")
    assert done.stdout == "it's x  y\n"


def test_a_name_that_is_no_process_is_refused(root: Path) -> None:
    """With what there is."""
    done, told = launch(root, "scripts")
    assert (done.returncode, told) == (2, None)
    assert done.stderr == (
        "error: there is no process `scripts`\nhint: did you mean `script`?\n"
    )


def test_a_debugger_is_told_of_what_it_would_not_come_along_with(root: Path) -> None:
    """A breakpoint that is never hit says nothing."""
    (root / "pydevd.py").touch()
    words = f"import pydevd, runpy; runpy.{LAUNCH}(['shell'])"
    done = subprocess.run(
        [sys.executable, "-c", words],
        cwd=root,
        env=build_environ(root),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "error: `shell` cannot be debugged: a shell reads `;`\n"
        "hint: make its line of the Procfile one Python program, without a shell's "
        "words\n"
    )


def test_what_a_program_starts_is_debugged_below_an_apostrophe(root: Path) -> None:
    """The folder of the debugger is in the command that it makes for each."""
    (root / "below" / "tell.py").write_text(MADE)
    folder = root / "vendored"
    spec = importlib.util.find_spec("debugpy")
    assert spec is not None
    assert spec.origin is not None
    folder.symlink_to(Path(spec.origin).parent / "_vendored" / "pydevd")
    words = f"import sys, runpy; sys.path.insert(0, {str(folder)!r}); import pydevd; "
    done = subprocess.run(
        [sys.executable, "-c", f"{words}runpy.{LAUNCH}(['script'])"],
        cwd=root,
        env=build_environ(root),
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(done.stdout) == str(folder), done.stderr


def test_another_interpreter_is_told_of(root: Path) -> None:
    """Its packages are others than those that `inv dev` finds."""
    (root / "bin").mkdir()
    (root / "bin" / "python").symlink_to(sys.executable)
    environ = build_environ(root)
    path = f"{root / 'bin'}{os.pathsep}{environ['PATH']}"
    done, told = launch(root, "script", PATH=path)
    assert told["name"] == "__main__"
    assert done.stderr == (
        f"this is {sys.executable}, and `inv dev` would take {root}/bin/python\n"
    )


def test_it_is_said_when_a_port_answers(root: Path) -> None:
    """That is what an editor waits for, whatever serves the page."""
    with subprocess.Popen(
        [sys.executable, "-m", "sceneshift.ide.launch", "--ready", "serves"],
        cwd=root,
        env=build_environ(root),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "serves is ready: http://127.0.0.1:18434/\n"
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0
    with socket.create_server(("127.0.0.1", 18434)):
        done, _told = launch(root, "--ready", "serves")
    assert done.returncode == 1  # of another program's page nothing is said
    text = f"error: port 18434 of `serves` is taken by pid {os.getpid()} "
    assert done.stderr.startswith(text)


def test_the_port_that_entries_name_leads_to_the_process(root: Path) -> None:
    """As in a linked worktree; it is nobody else's page, or nothing is started."""
    named, port = free_port(), free_port()
    table = "[tool.sceneshift.environments.staging]\n"
    files = {
        "Procfile": "web: python -m http.server --bind 127.0.0.1 $PORT",
        "pyproject.toml": f'{table}env = {{ PORT = "{named}" }}',
        ".env": f"PORT={port}",
    }
    make_project(root, files)
    words = [sys.executable, "-m", "sceneshift.ide.launch", "--ready", "web"]
    with subprocess.Popen(
        words, cwd=root, env=build_environ(root), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = f"port {named}, which entries name, leads to {port}\n"
        assert process.stderr.readline() == said
        assert process.stderr.readline() == f"web is ready: http://127.0.0.1:{port}/\n"
        with urllib.request.urlopen(f"http://127.0.0.1:{named}/") as answer:
            assert answer.status == 200
        process.terminate()
    wait_until(lambda: is_free(named), 30)
    with socket.create_server(("127.0.0.1", named)):
        done, _told = launch(root, "--ready", "web")
    assert done.returncode == 1
    assert f"error: port {named}, which the entry names, is taken by" in done.stderr


def test_nothing_is_said_of_what_ends_before(root: Path) -> None:
    """And nobody waits for it any more."""
    done, _told = launch(root, "--ready", "fails")
    assert (done.returncode, done.stderr) == (3, "")
    done, _told = launch(root, "--ready", "script")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_shell_cannot_be_given_is_told(root: Path) -> None:
    """Words too long for the system."""
    done, _told = launch(root, "echo", "--", "'" * 30_000)
    assert done.returncode == 2
    assert done.stderr.startswith("error: `/bin/sh` cannot be run: argument list too")


def test_node_is_found_where_a_stack_has_put_it(root: Path) -> None:
    """On a machine that has none."""
    (root / ".sceneshift" / "node" / "1-x" / "bin").mkdir(parents=True)
    node = root / ".sceneshift" / "node" / "1-x" / "bin" / "node"
    node.write_text("#!/bin/sh\necho node $1\n")
    node.chmod(0o755)
    tools = root / "tools"
    tools.mkdir()
    (tools / "sh").symlink_to("/bin/sh")
    done, _told = launch(root, "node", PATH=str(tools))
    assert done.stdout == "node server.js\n"
    done, _told = launch(root, "node", "--", "'" * 30_000, PATH=str(tools))
    assert done.returncode == 2
