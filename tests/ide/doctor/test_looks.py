from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from sceneshift.core.errors import ConfigError, UsageError
from sceneshift.ide.doctor import Examined, Kind, Outcome, Request, examine
from sceneshift.ide.doctor.interpreter import Interpreter
from sceneshift.ide.doctor.program import Facts, check_launch
from sceneshift.ide.doctor.resolution import add_env_file, find_interpreter
from sceneshift.ide.doctor.target import read_entry
from sceneshift.ide.doctor.variables import Variables
from sceneshift.ide.doctor.workspace import load_workspace

RECOMMENDED = {"recommendations": ["ms-python.python"]}
SETTINGS = {"python.defaultInterpreterPath": sys.executable, "own.port": 81}
INPUTS = [
    {"id": "typed", "type": "promptString"},
    {"id": "picked", "type": "pickString", "options": [{"label": "x", "value": "one"}]},
]
START = {"type": "debugpy", "request": "launch", "envFile": ""}
ALONE = {"subProcess": False}
ATTACH = {"type": "debugpy", "request": "attach"}
SHOWN = {"type": "chrome", "request": "attach", "webRoot": "web"}
PAGE = {"type": "chrome", "request": "launch", "url": "http://127.0.0.1:1/"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with a program, a test and a page."""
    root = tmp_path_factory.mktemp("own project's")
    (root / ".vscode").mkdir()
    (root / "web").mkdir()
    (root / "web/vite.config.ts").touch()
    (root / "work.py").write_text("print(1)\n")
    (root / "test_work.py").write_text("def test_one():\n    assert 1\n")
    write(root, "extensions", RECOMMENDED)
    write(root, "settings", SETTINGS)
    write(root, "tasks", {"tasks": [{"label": "serve", "command": "true"}]})
    return root


def write(root: Path, name: str, value: Any) -> None:
    """Write a file of the editor's."""
    (root / f".vscode/{name}.json").write_text(json.dumps(value))


def look(root: Path, entry: dict[str, Any], **keys: Any) -> Examined:
    """Look at an entry, and run nothing."""
    launch = {"configurations": [{"name": "one", **entry}], "inputs": INPUTS, **keys}
    write(root, "launch", launch)
    request = Request(environ={"PATH": "/usr/bin"}, is_looking=True)
    return next(examine(root, ["one"], request))


ERRORS: list[tuple[Kind, dict[str, Any], str]] = [
    (Kind.OLD_TYPE, {**START, "type": "python"}, "not known to editors any more"),
    (Kind.BAD_VALUE, {**START, "request": "run"}, "neither `launch` nor `attach`"),
    (Kind.MISSING_EXTENSION, {**START, "type": "ruby"}, "serves the type `ruby`"),
    (Kind.MISSING_EXTENSION, {**START, "type": "go"}, "serves the type `go`"),
    (Kind.MISSING_TASK, {**START, "preLaunchTask": "server"}, "no task `server`"),
    (
        Kind.MISSING_ENTRY,
        {**START, "serverReadyAction": {"name": "two"}},
        "no entry `two`, which it starts",
    ),
    (Kind.UNRESOLVED, {**START, "args": ["${config:none}"]}, "${config:none}"),
    (Kind.UNRESOLVED, {**START, "args": ["${input:none}"]}, "${input:none}"),
    (Kind.MISSING_FOLDER, {**START, "cwd": "none"}, "its `cwd`"),
    (Kind.MISSING_INTERPRETER, {**START, "python": "/no/python"}, "is not there: /no"),
    (
        Kind.MISSING_INTERPRETER,
        {**START, "python": "/bin/true"},
        "is no Python that answers: /bin/true",
    ),
    (Kind.MISSING_PROGRAM, {**START, "program": "none.py"}, "no file none.py"),
    (Kind.MISSING_MODULE, {**START, "module": "no_such.one"}, "no module `no_such`"),
    (Kind.MISSING_MODULE, {**START, "module": "pytest", "args": ["--no-cov"]}, "cov"),
    (Kind.MISSING_ENV_FILE, {**START, "envFile": "none.env"}, "its `envFile`"),
    (
        Kind.NO_MAPPING,
        {**START, "pathMappings": [{"localRoot": "/no/folder", "remoteRoot": "/x"}]},
        "`/no/folder`",
    ),
    (
        Kind.SUBPROCESSES_OFF,
        {
            **START,
            "module": "uvicorn",
            "args": ["a:b", "--reload"],
            "subProcess": False,
        },
        "uvicorn runs the code in a child process",
    ),
    (Kind.BAD_VALUE, {**ATTACH, "host": "localhost", "port": 5678}, "are no keys"),
    (Kind.BAD_VALUE, {**ATTACH, "connect": {"port": "x"}}, "is no number: `x`"),
    (Kind.PORT_CLOSED, {**ATTACH, "connect": {"port": "1"}}, "listens at port 1,"),
    (Kind.BAD_VALUE, {**PAGE, "url": "ftp://x"}, "its `url` is none: `ftp://x`"),
    (Kind.BAD_VALUE, {**PAGE, "url": "http://x:y/"}, "its `url` is none"),
    (Kind.WRONG_WEB_ROOT, {**PAGE, "webRoot": "none"}, "its `webRoot`"),
    (Kind.WRONG_WEB_ROOT, PAGE, "not the root of Vite"),
    (Kind.BAD_VALUE, {**SHOWN, "port": "x"}, "attaches to is no number: `x`"),
    (Kind.BAD_VALUE, {**SHOWN, "port": 1, "url": "x"}, "its `url` is none: `x`"),
    (Kind.PORT_CLOSED, {**SHOWN, "port": 1}, "listens at port 1,"),
]


@pytest.mark.parametrize(("kind", "entry", "text"), ERRORS)
def test_what_cannot_work_is_told_without_a_start(
    root: Path, kind: Kind, entry: dict[str, Any], text: str
) -> None:
    """Each with what to do about it."""
    found = look(root, entry)
    assert found.outcome is Outcome.FAILED
    assert found.findings[0].kind is kind
    assert text in found.findings[0].text
    assert text in found.detail
    assert found.findings[0].hint


FINE: list[dict[str, Any]] = [
    {**START, "program": "${workspaceFolder}/work.py", "cwd": "${workspaceFolder}"},
    {**START, "module": "work", "python": "${command:python.interpreterPath}"},
    {**START, "program": "none.py", "linux": {"program": "work.py"}},
    {**START, "purpose": ["debug-test"]},
    {**START, "purpose": ["debug-test"], "envFile": "none.env"},
    {**START, "module": "pytest", "args": ["${file}"], "preLaunchTask": "serve"},
    {**PAGE, "webRoot": "${workspaceFolder}/web"},
    {**PAGE, "webRoot": "web", "sourceMapPathOverrides": {"a:*": "${webRoot}/*"}},
    {**SHOWN, "port": 1, "address": "far"},
    {**SHOWN, "port": 1, "preLaunchTask": "serve"},
    {"type": "node", "request": "launch"},
    {**ATTACH, "connect": {"host": "far", "port": 1}},
]


@pytest.mark.parametrize("entry", FINE)
def test_an_entry_that_can_work_is_left_alone(
    root: Path, entry: dict[str, Any]
) -> None:
    """There is nothing to say of it."""
    found = look(root, entry)
    assert (found.outcome, found.findings) == (Outcome.NOT_RUN, ())


WARNINGS: list[tuple[Kind, dict[str, Any]]] = [
    (Kind.UNRESOLVED, {**START, "args": ["${command:pickProcess}"]}),
    (Kind.UNRESOLVED, {**START, "args": ["${input:typed}"]}),
]


@pytest.mark.parametrize(("kind", "entry"), WARNINGS)
def test_what_a_person_answers_is_no_mistake(
    root: Path, kind: Kind, entry: dict[str, Any]
) -> None:
    """It is said, and the entry is not run."""
    found = look(root, entry)
    assert found.outcome is Outcome.NOT_RUN
    assert [(one.kind, one.is_warning) for one in found.findings] == [(kind, True)]


def test_a_taken_port_is_told_with_who_has_it(root: Path) -> None:
    """The server would end at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        entry = {"module": "flask", "args": ["run", "--port", str(port)]}
        found = look(root, {**START, **entry})
    assert found.findings[0].kind is Kind.PORT_TAKEN
    assert f"its port {port} is taken by pid " in found.detail


def test_an_env_file_that_nobody_asked_for_is_told(root: Path) -> None:
    """Editors read `.env` where the entry says nothing; the Test Explorer for ""."""
    entry = {"type": "debugpy", "request": "launch", "program": "work.py"}
    explored = {**START, "purpose": ["debug-test"]}
    (root / ".env").write_text("A=1\n")
    try:
        found = [look(root, each) for each in (entry, explored)]
        assert look(root, {**explored, "envFile": "none.env"}).findings == ()
    finally:
        (root / ".env").unlink()
    kinds = [[one.kind for one in each.findings] for each in found]
    assert kinds == [[Kind.UNASKED_ENV_FILE]] * 2
    assert look(root, entry).findings == ()


def test_another_python_than_the_projects_is_told(tmp_path: Path) -> None:
    """Its packages are others."""
    (tmp_path / ".vscode").mkdir()
    (tmp_path / ".venv").mkdir()
    write(tmp_path, "extensions", {})
    found = look(tmp_path, {**START, "python": sys.executable, "code": "1"})
    kinds = [Kind.MISSING_EXTENSION, Kind.FOREIGN_INTERPRETER]
    assert [one.kind for one in found.findings] == kinds
    assert all(one.is_warning for one in found.findings)
    assert found.outcome is Outcome.NOT_RUN


@pytest.mark.parametrize(
    ("version", "args", "options", "is_found"),
    [
        ((3, 11), ["--cov=api"], "", True),
        ((3, 11), [], 'addopts = ["--cov"]', True),
        ((3, 11), [], 'addopts = "-x --cov"', True),
        ((3, 11), ["--no-cov"], 'addopts = "--cov"', False),
        ((3, 11), "--no-cov", 'addopts = "--cov"', False),
        ((3, 11), [], "", False),
        ((3, 12), ["--cov"], "", False),
    ],
)
def test_coverage_before_python_3_12_is_told(
    tmp_path: Path,
    version: tuple[int, int],
    args: list[str] | str,
    options: str,
    is_found: bool,  # noqa: FBT001 - a column
) -> None:
    """It takes the one tracing function that there is; a text is what is added."""
    (tmp_path / "pyproject.toml").write_text(f"[tool.pytest.ini_options]\n{options}\n")
    (tmp_path / "setup.cfg").write_text("[tool:pytest]\n")
    given: dict[str, Any] = (
        {"env": {"PYTEST_ADDOPTS": args}} if isinstance(args, str) else {"args": args}
    )
    resolved = {**START, "module": "pytest", **given, "cwd": str(tmp_path)}
    facts = Facts(
        resolved={**resolved, "python": "python"},
        target=read_entry(resolved, tmp_path),
        root=tmp_path,
        environ={},
        interpreter=Interpreter(
            path="python",
            version=version,
            prefix="/",
            modules=frozenset({"pytest", "pytest_cov"}),
        ),
    )
    kinds = [one.kind for one in check_launch(facts)]
    assert kinds == ([Kind.COVERAGE] if is_found else [])


def test_several_together_must_all_be_there(root: Path) -> None:
    """And are not run, where all is only looked at."""
    compound = {"name": "all", "configurations": ["one", {"name": "one"}]}
    write(
        root, "launch", {"configurations": [{"name": "one"}], "compounds": [compound]}
    )
    request = Request(environ={}, is_looking=True)
    (found,) = examine(root, ["all"], request)
    assert (found.type, found.outcome) == ("compound", Outcome.NOT_RUN)
    write(root, "launch", {"compounds": [compound]})
    (found,) = examine(root, [], request)
    assert found.has_failed
    assert found.findings[0].kind is Kind.MISSING_ENTRY


GUARDED: list[dict[str, Any]] = [
    {"name": "own", "env": {"SCENESHIFT_ENV": "live"}},
    {"name": "aliased", "env": {"SCENESHIFT_ENV": "l"}},
    {"name": "unsaid", "env": {"SCENESHIFT_ENV": "production"}},
    {"name": "asks", "env": {"SCENESHIFT_ENV": "${input:where}"}},
    {"name": "served", "preLaunchTask": "reach"},
    {"name": "first", "serverReadyAction": {"name": "served"}},
]
REACHED = [
    {"label": "reach", "dependsOn": ["loop", "start"]},
    {"label": "loop", "dependsOn": "loop", "args": ["-e", "development"]},
    {"label": "start", "args": ["dev", "--env=live"]},
    {"label": "serve", "options": {"env": {"SCENESHIFT_ENV": "prod"}}},
]


def test_what_is_guarded_is_run_by_its_name_alone(tmp_path: Path) -> None:
    """A worker there would take jobs from the real queue."""
    (tmp_path / "pyproject.toml").write_text(
        "[tool.sceneshift.environments.live]\nprotected = true\naliases = ['l']\n"
    )
    (tmp_path / ".vscode").mkdir()
    settings = {"type": "node", "request": "launch"}
    compounds = [
        {"name": "all", "configurations": ["plain", {"name": "own"}]},
        {"name": "after", "configurations": ["plain"], "preLaunchTask": "serve"},
    ]
    dev = {"SCENESHIFT_ENV": "dev"}
    plain: list[dict[str, Any]] = [{"name": "plain"}, {"name": "dev", "env": dev}]
    entries = [{**settings, **each} for each in (*plain, *GUARDED)]
    launch = {"configurations": entries, "compounds": compounds}
    write(tmp_path, "launch", {**launch, "inputs": [{"id": "where"}]})
    write(tmp_path, "tasks", {"tasks": REACHED})
    request = Request(environ={"PATH": "/usr/bin"}, answers={"where": "live"})
    found = {each.name: each.detail for each in examine(tmp_path, [], request)}
    left = [name for name, detail in found.items() if "is guarded" in detail]
    assert left == [*(each["name"] for each in GUARDED), "all", "after"]
    assert found["own"] == "looked at only, as `live` is guarded: run it by its name"
    (named,) = examine(tmp_path, ["own"], request)
    assert named.detail == "not run, as it needs a debugger of node"


def test_an_unknown_name_is_refused(root: Path) -> None:
    """With the one that was meant."""
    write(root, "launch", {"configurations": [{"name": "backend"}]})
    with pytest.raises(UsageError, match="no entry `bckend`") as caught:
        next(examine(root, ["bckend"], Request(environ={})))
    assert caught.value.hint == "did you mean `backend`?"


def test_files_of_editors_are_read_as_editors_do_it(tmp_path: Path) -> None:
    """Comments, commas at the end, and a mark of the encoding."""
    with pytest.raises(ConfigError, match=r"launch.json: is not there"):
        load_workspace(tmp_path)
    (tmp_path / ".vscode").mkdir()
    file = tmp_path / ".vscode/launch.json"
    text = '{"configurations": [{"name": "a//b, ]"}, /* , */ ] // x\n,}'
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [*load_workspace(tmp_path).configurations] == ["a//b, ]"]
    file.write_text("// nothing\n")
    assert load_workspace(tmp_path).configurations == {}
    file.write_text("{\n<<<<<<< ours\n}")
    with pytest.raises(ConfigError, match=r"launch.json:2:1: a conflict of a merge"):
        load_workspace(tmp_path)
    file.unlink()
    file.mkdir()
    with pytest.raises(ConfigError, match=r"launch.json: cannot be read: Is a dir"):
        load_workspace(tmp_path)


def test_variables_are_replaced_as_editors_do_it(root: Path) -> None:
    """Those of the file, the folder, the settings, the environment and inputs."""
    write(root, "launch", {"inputs": INPUTS})
    file = root / "web/one.test.py"
    variables = Variables(
        load_workspace(root),
        environ={"HOME": "/home"},
        file=file,
        answers={"typed": "given"},
    )
    assert variables.replace("${file}") == str(file)
    assert variables.replace("${relativeFileDirname}/${fileBasename}") == (
        "web/one.test.py"
    )
    folder = f"${{workspaceFolder:{root.name}}}"
    assert variables.replace([folder, 1]) == [str(root), 1]
    assert variables.replace({"x": "${env:HOME}${/}${env:NONE}"}) == {"x": "/home/"}
    assert variables.replace("${config:own.port}") == "81"
    assert variables.replace("${input:picked} ${input:typed}") == "one given"
    assert variables.replace("${workspaceFolder:other} ${x} ${x}") == (
        "${workspaceFolder:other} ${x} ${x}"
    )
    assert variables.unresolved == ["workspaceFolder:other", "x"]


def test_env_files_are_read_as_the_extension_does_it(tmp_path: Path) -> None:
    """Not as other programs do: no `export`, and no comments behind values."""
    (tmp_path / ".env").write_text("A='1'\nexport B=2\nC=3 # x\nD=4\n1=2\nE=\n")
    entry = {**START, "envFile": ".env", "env": {"D": "own"}}
    env = add_env_file(entry, tmp_path)["env"]
    assert env == {"A": "1", "C": "3 # x", "D": "own", "E": ""}


def test_a_python_that_no_entry_names_is_the_editors(tmp_path: Path) -> None:
    """That of the settings, then that of the project, then that of PATH."""
    (tmp_path / ".vscode").mkdir()
    write(tmp_path, "launch", {})
    program = tmp_path / "bin/python3"
    program.parent.mkdir()
    program.touch(0o755)
    environ = {"PATH": str(program.parent)}

    def find() -> str:
        return find_interpreter(load_workspace(tmp_path), environ)

    assert find() == str(program)
    own = tmp_path / ".venv/bin/python"
    own.parent.mkdir(parents=True)
    own.touch()
    assert find() == str(own)
    write(tmp_path, "settings", {"python.defaultInterpreterPath": "python3"})
    assert find() == str(program)


def test_the_file_that_is_open_is_the_one_that_is_named(root: Path) -> None:
    """Else it would be the first with tests."""
    entry = {**START, "name": "one", "program": "${file}"}
    write(root, "launch", {"configurations": [entry]})
    request = Request(environ={}, file=Path("none.py"), is_looking=True)
    (found,) = examine(root, ["one"], request)
    assert f"no file {root}/none.py" in found.detail


def test_a_file_that_nobody_can_guess_is_asked_for(tmp_path: Path) -> None:
    """Where there are no tests, none is as good as any other."""
    (tmp_path / ".vscode").mkdir()
    write(tmp_path, "extensions", RECOMMENDED)
    found = look(tmp_path, {**START, "args": ["${file}"], "python": sys.executable})
    assert [(one.kind, one.hint) for one in found.findings] == [
        (Kind.UNRESOLVED, "name one: --file tests/test_a.py")
    ]


def test_a_machine_without_debugpy_is_told(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the entry's own Python is enough."""
    monkeypatch.setitem(sys.modules, "debugpy", None)
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    found = [
        look(root, {**START, "program": "work.py", "python": str(python)})
        for python in (bare, sys.executable)
    ]
    kinds = [[one.kind for one in each.findings] for each in found]
    assert kinds == [[Kind.MISSING_DEBUGPY], []]
