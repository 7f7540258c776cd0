"""Whether VS Code takes what is generated: its own schemas, and references."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from editing import REPOSITORY, SCHEMAS, TASKS, collect, make_project, render

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MIGRATED = {
    "pyproject.toml": """
[tool.sceneshift]
editors = ["vscode"]
[tool.sceneshift.ide]
settings = true
[tool.sceneshift.environments.development]
databases = { default = "sqlite:///dev.db" }
dataset = "small"
[tool.sceneshift.environments."local-2"]
databases = { default = "sqlite:///two.db" }
[tool.sceneshift.environments.production]
protected = true
[tool.sceneshift.databases.default]
alembic = "alembic.ini"
[tool.pytest.ini_options]
addopts = "--cov=shop -n auto"
""",
    "seeds/small/a.csv": "",
    "seeds/realistic/a.csv": "",
    "package.json": '{"scripts": {"dev": "vite"}}',
}
PROJECTS: dict[str, Mapping[str, str]] = {
    "flask": {
        "Procfile": "web: flask --app shop run --port $PORT",
        "tests/test_shop.py": "",
    },
    "django": {
        "Procfile.dev": "web: python manage.py runserver $PORT\n"
        "queue: celery -A shop worker\nbeat: python -X dev -m celery -A shop beat",
        "pytest.ini": "[pytest]",
    },
    "migrated": {
        **MIGRATED,
        "Procfile.dev": "api: uvicorn shop:app --port $PORT\nui: npm run dev",
    },
    "node alone": {
        "Procfile": "api: node api.js $PORT\nui: npx next dev -p $PORT",
        "package.json": "{}",
    },
    "page of a plain server": {
        "Procfile": "web: python serve.py $PORT\nui: npx vite --port $PORT",
    },
    "no Procfile": {"tests/test_a.py": "", **MIGRATED},
    "nothing": {},
    """it's "a" project \\ ${x}""": {
        "Procfile": "web: uvicorn a:b\nit-s: python 'a b.py'\nui: npx vite"
    },
}


@pytest.fixture(
    name="files",
    scope="module",
    params=["the demo", *PROJECTS],
    ids=lambda name: re.sub(r"\W", "", name),
)
def render_files(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """Return each rendered file of a project as its editor reads it."""
    name = request.param
    root = REPOSITORY
    if name in PROJECTS:
        root = make_project(tmp_path_factory.mktemp("in") / name, PROJECTS[name])
        (root / ".venv").mkdir()
    found = render(root, TASKS)
    return {path: collect(file) for path, file in found.items()}


@cache
def load_validator(name: str) -> jsonschema.Draft7Validator:
    """Return a schema of VS Code; one enumeration is that of another workspace."""
    assert SCHEMAS is not None
    schema = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    del schema["id"]
    if name == "launch.json":
        items = schema["properties"]["compounds"]["items"]
        items = (
            schema["$defs"][items["$ref"].rpartition("/")[2]]
            if "$ref" in items
            else items
        )
        replace_enumeration(items)
    return jsonschema.Draft7Validator(schema)


def replace_enumeration(compound: Any) -> None:
    """Let a compound name what it likes: references are looked at by themselves."""
    compound["properties"]["configurations"]["items"] = {"type": "string"}


@pytest.mark.skipif(SCHEMAS is None, reason="the schemas of VS Code are not here")
@pytest.mark.parametrize("name", ["launch.json", "tasks.json", "extensions.json"])
def test_vs_code_takes_what_is_rendered(
    files: Mapping[str, Mapping[str, Any]], name: str
) -> None:
    """Nothing is underlined."""
    errors = load_validator(name).iter_errors(files[f".vscode/{name}"])
    assert [f"{each.json_path}: {each.message}" for each in errors] == []


def test_whatever_is_named_is_there(files: Mapping[str, Mapping[str, Any]]) -> None:
    """Configurations, tasks and inputs; the schemas do not look."""
    launch, tasks = files[".vscode/launch.json"], files[".vscode/tasks.json"]
    names = {each["name"] for each in launch["configurations"]}
    labels = {each["label"] for each in tasks["tasks"]}
    for compound in launch["compounds"]:
        assert {*compound["configurations"]} <= names
        assert compound["name"] not in names
        assert compound["stopAll"]
    for each in (*launch["configurations"], *launch["compounds"]):
        assert {each.get("preLaunchTask"), each.get("postDebugTask")} - {None} <= labels
        action = each.get("serverReadyAction", {})
        assert {action.get("name")} - {None} <= names
    for file in (launch, tasks):
        inputs = {each["id"] for each in file.get("inputs", [])}
        used = {*re.findall(r"\$\{input:([^}]*)\}", json.dumps(file))}
        assert used == inputs
    terminated = {each["args"] for each in tasks["inputs"] if each["type"] == "command"}
    assert terminated <= labels


def test_each_debugger_finds_what_it_needs(
    files: Mapping[str, Mapping[str, Any]],
) -> None:
    """The processes of a server that reloads, and somebody to attach to."""
    entries = files[".vscode/launch.json"]["configurations"]
    python = [each for each in entries if each["type"] == "debugpy"]
    assert all(each["subProcess"] is True for each in python)
    attaching = [each for each in entries if each["request"] == "attach"]
    assert all(each["preLaunchTask"] for each in attaching)


def walk(value: Any) -> Iterator[Any]:
    """Yield a value and all within it."""
    yield value
    inner = value.values() if isinstance(value, dict) else value
    for each in inner if isinstance(value, dict | list) else ():
        yield from walk(each)


def test_nothing_reads_an_env_file(files: Mapping[str, Mapping[str, Any]]) -> None:
    """An editor that is told of none takes `.env`, in a grammar of its own."""
    launched = [
        each
        for each in files[".vscode/launch.json"]["configurations"]
        if each["type"] == "debugpy" and each["request"] == "launch"
    ]
    explored = [each for each in launched if "purpose" in each]
    assert all(
        each["envFile"] == "" and {*each.get("env", {})} <= {"SCENESHIFT_ENV"}
        for each in launched
        if each not in explored
    )
    nowhere = "${workspaceFolder}/.sceneshift/none.env"
    assert {each["envFile"] for each in explored} <= {nowhere}


def test_the_test_explorer_gives_pytest_what_a_debugger_needs(
    files: Mapping[str, Mapping[str, Any]],
) -> None:
    """By a variable: it has arguments of its own."""
    launch = files[".vscode/launch.json"]
    named = {each["name"]: each for each in launch["configurations"]}
    if (explored := named.get("Tests: Test Explorer")) is not None:
        assert "args" not in explored
        added = explored.get("env", {"PYTEST_ADDOPTS": ""})
        assert added == {"PYTEST_ADDOPTS": " ".join(named["Tests: all"]["args"])}


def test_no_shell_reads_a_task(files: Mapping[str, Mapping[str, Any]]) -> None:
    """A path may have spaces and quotes, and Windows another shell."""
    for task in files[".vscode/tasks.json"]["tasks"]:
        assert task["type"] == "process"
        assert task["command"] == "${workspaceFolder}/.venv/bin/python"
        windows = "${workspaceFolder}\\.venv\\Scripts\\python.exe"
        assert task["windows"]["command"] == windows


def test_nothing_of_production_can_be_destroyed_or_attached_to(
    files: Mapping[str, Mapping[str, Any]],
) -> None:
    """A click is soon done."""
    for each in files[".vscode/launch.json"]["configurations"]:
        assert "(production)" not in each["name"] or each["request"] == "launch"
    for task in files[".vscode/tasks.json"]["tasks"]:
        if "production" in task["args"]:
            assert not {"data.reset", "data.seed", "data.undo"} & {*task["args"]}


def test_no_address_is_another_machines(
    files: Mapping[str, Mapping[str, Any]],
) -> None:
    """What a debugger listens at lets in whoever reaches it."""
    texts = [each for each in walk([*files.values()]) if isinstance(each, str)]
    hosts = {host for text in texts for host in re.findall(r"https?://([\w.]+):", text)}
    assert hosts <= {"127.0.0.1", "localhost"}
    connected = [each for each in walk([*files.values()]) if isinstance(each, dict)]
    assert {each["host"] for each in connected if "host" in each} <= {"127.0.0.1"}


def test_a_stack_is_up_before_any_of_it_is_looked_at(
    files: Mapping[str, Mapping[str, Any]],
) -> None:
    """A page that is served by itself would take the port of the stack's own."""
    tasks = {each["label"]: each for each in files[".vscode/tasks.json"]["tasks"]}
    launch = files[".vscode/launch.json"]
    named = {each["name"]: each for each in launch["configurations"]}
    for compound in launch["compounds"]:
        begun = [named[each] for each in compound["configurations"]]
        if any(each["request"] == "attach" for each in begun):
            task = tasks[compound["preLaunchTask"]]
            assert task["isBackground"]
            assert task["args"][2:3] + task["args"][-1:] == ["dev", "--debug"]
        else:
            assert all("serverReadyAction" not in each for each in begun[1:])
