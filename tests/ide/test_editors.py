"""What other editors than VS Code are given: of the same model."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from editing import (
    REPOSITORY,
    SCHEMAS,
    TASKS,
    collect,
    collect_array,
    make_project,
    render,
)
from sceneshift.core.errors import ConfigError
from sceneshift.ide.files import File, Section
from sceneshift.ide.merging import merge

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# What Zed knows of a task; it ignores others without a word.
ZED_TASK = {
    *("allow_concurrent_runs", "args", "command", "cwd", "env", "hide", "label"),
    *("reveal", "use_new_terminal"),
}


@pytest.fixture(name="zed", scope="module")
def render_zed() -> Mapping[str, File]:
    """Return the files that Zed reads of the demo."""
    return render(REPOSITORY, TASKS, ["zed"])


@cache
def load_definitions() -> dict[str, Any]:
    """Return the schema of VS Code: Zed's adapters are those of its extensions."""
    assert SCHEMAS is not None
    schema = json.loads((SCHEMAS / "launch.json").read_text(encoding="utf-8"))
    return {key: schema[key] for key in ("definitions", "$defs")}


@pytest.mark.skipif(SCHEMAS is None, reason="the schemas of VS Code are not here")
def test_what_zed_debugs_is_what_its_adapters_take(zed: Mapping[str, File]) -> None:
    """By the schemas of the adapters, which Zed takes from VS Code's extensions."""
    for entry in collect_array(zed[".zed/debug.json"]):
        adapter = {"Debugpy": "debugpy", "JavaScript": "pwa-chrome"}[entry["adapter"]]
        reference = f"#/definitions/{adapter}:{entry['request']}"
        schema = {"$ref": reference, **load_definitions()}
        rest = {k: v for k, v in entry.items() if k not in {"adapter", "label"}}
        named = {"type": adapter, **rest, "name": entry["label"]}
        jsonschema.Draft7Validator(schema).validate(named)


def test_zed_gets_what_vs_code_gets(zed: Mapping[str, File]) -> None:
    """All that it has a word for: no compounds, no start in the background."""
    launch = collect(render(REPOSITORY, TASKS)[".vscode/launch.json"])
    shown = {
        each["name"]
        for each in launch["configurations"]
        if not each["presentation"].get("hidden") and each["type"] != "msedge"
    }
    assert {each["label"] for each in collect_array(zed[".zed/debug.json"])} == shown


def test_a_task_of_zed_is_read_by_a_shell_without_harm(zed: Mapping[str, File]) -> None:
    """Its command is relative; words are quoted by Zed, and have none of ours."""
    tasks = collect_array(zed[".zed/tasks.json"])
    labels = [each["label"] for each in tasks]
    assert len({*labels}) == len(labels)
    for task in tasks:
        assert {*task} <= ZED_TASK
        assert task["command"] == ".venv/bin/python"
        assert all(re.fullmatch(r"[\w.-]+", word) for word in task["args"])
    guarded = [each for each in tasks if "production" in each["args"]]
    assert {each["args"][1] for each in guarded} == {"invoke"}
    words = {word for each in guarded for word in each["args"]}
    assert not {"data.reset", "data.seed", "data.undo", "--debug"} & words


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"inv": "", "uv.lock": ""}, "./inv --list"),
        ({"uv.lock": "", "pyproject.toml": ""}, "pip install uv && uv sync"),
        ({}, "python -m venv .venv && .venv/bin/pip install sceneshift"),
    ],
)
def test_a_container_installs_the_project_and_shows_its_ports(
    tmp_path: Path, files: dict[str, str], command: str
) -> None:
    """Node too, where a process needs it."""
    procfile = "web: uvicorn a:b --port $PORT\nui: npx vite\njobs: python jobs.py"
    make_project(tmp_path / "shop", {"Procfile": procfile, **files})
    rendered = render(tmp_path / "shop", editors=["devcontainer"])
    assert collect(rendered[".devcontainer/devcontainer.json"]) == {
        "name": "shop",
        "image": "python:3",
        "postCreateCommand": command,
        "forwardPorts": [5000, 5100],
        "portsAttributes": {
            "5000": {"label": "web", "onAutoForward": "silent"},
            "5100": {"label": "ui", "onAutoForward": "openBrowser"},
        },
        "customizations": {
            "vscode": {"extensions": ["ms-python.python", "ms-python.debugpy"]}
        },
    }


def read_as_neovim(text: str) -> list[dict[str, Any]]:
    """Return what nvim-dap has of a launch.json, as its `ext/vscode.lua` reads it.

    It leaves out lines that are comments, and takes what remains for JSON alone.
    """
    lines = [line for line in text.split("\n") if not line.strip().startswith("//")]
    entries: list[dict[str, Any]] = json.loads("\n".join(lines))["configurations"]
    return entries


def test_neovim_reads_the_launch_json_of_vs_code() -> None:
    """As it is made anew, and with a comment before; each has what is asked for."""
    file = render(REPOSITORY, TASKS)[".vscode/launch.json"]
    entries = collect(file)["configurations"]
    made = merge(file, None, {}).content
    assert json.loads(made)["configurations"] == entries
    written = merge(file, b"// mine, \n", {}).content.decode()
    assert written.startswith("// mine")
    assert read_as_neovim(made.decode()) == read_as_neovim(written) == entries
    # What it has no word for, it passes over; each is offered by its name and adapter.
    assert all(each["type"] and each["name"] for each in entries)
    assert "inputs" not in json.loads(made)


@pytest.fixture(name="runs", scope="module")
def render_runs() -> dict[str, ET.Element]:
    """Return the configurations of JetBrains' editors, by file."""
    files = render(REPOSITORY, TASKS, ["jetbrains"])
    runs = {}
    for path, file in files.items():
        assert file.is_text
        ((name, text),) = file.sections[0].entries.items()
        (run,) = ET.fromstring(text)  # noqa: S314 - our own
        assert run.get("name") == name
        runs[path] = run
    return runs


def test_jetbrains_gets_a_file_for_each_configuration(
    runs: Mapping[str, ET.Element],
) -> None:
    """Named so that each system has a place for it."""
    assert ".run/backend debug (development).run.xml" in runs
    assert all(re.fullmatch(r"\.run/[\w() -]+\.run\.xml", path) for path in runs)
    names = {run.get("name") for run in runs.values()}
    named = {each.get("name") for run in runs.values() for each in run.iter("toRun")}
    assert named
    assert named <= names
    assert "data: reset (staging)" in names
    assert "data: reset (production)" not in names


def test_jetbrains_runs_what_the_others_run(runs: Mapping[str, ET.Element]) -> None:
    """The same module and words, and no env file."""
    run = runs[".run/backend debug (development).run.xml"]
    options = {each.get("name"): each.get("value") for each in run.iter("option")}
    assert options["SCRIPT_NAME"] == "sceneshift.ide.launch"
    assert options["PARAMETERS"] == "backend -- --reload"
    assert (options["MODULE_MODE"], options["ENV_FILES"]) == ("true", "")
    assert options["SDK_HOME"] == "$PROJECT_DIR$/.venv/bin/python"
    assert [each.attrib for each in run.iter("env")] == [
        {"name": "SCENESHIFT_ENV", "value": "development"}
    ]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("<component a=>x</component>", "makes no XML: not well-formed"),
        ('<component>{{ "\\ud800" }}</component>', "makes no XML: 'utf-8' codec"),
        ("<component><configuration/></component>", "a configuration has no name"),
        ("<component></component>", "a configuration has no name"),
    ],
)
def test_a_configuration_that_is_none_is_told_of(
    tmp_path: Path, template: str, message: str
) -> None:
    """With the template that makes it."""
    make_project(tmp_path, {"templates/jetbrains/run.xml.jinja": template})
    with pytest.raises(ConfigError, match=f"^templates/jetbrains/.*: {message}"):
        render(tmp_path, editors=["jetbrains"])


OLD, NEW, OTHER = "old\n", "new\n", "by hand\n"


@pytest.mark.parametrize(
    ("before", "asked", "content", "kept", "outcome"),
    [
        ((None, None), "", NEW, NEW, "added"),
        ((None, ""), "", NEW, NEW, "added"),
        ((OLD, OLD), "", NEW, NEW, "updated"),
        ((OLD, "old\r\n"), "", "new\r\n", NEW, "updated"),
        ((NEW, NEW), "", NEW, NEW, None),
        ((OLD, "new\r\n"), "", "new\r\n", NEW, None),
        ((None, NEW), "", NEW, NEW, None),
        ((OLD, OTHER), "", OTHER, NEW, "kept_yours"),
        ((NEW, OTHER), "", OTHER, NEW, None),
        ((OLD, OTHER), "force", NEW, NEW, "forced"),
        ((OLD, None), "", "", NEW, "kept_deleted"),
        ((OLD, None), "force", NEW, NEW, "forced"),
        ((None, OTHER), "", OTHER, None, "kept_foreign"),
        ((None, OTHER), "adopt", OTHER, NEW, "adopted"),
    ],
)
def test_a_file_that_is_one_entry_is_a_persons_once_it_was_changed(
    before: tuple[str | None, str | None],
    asked: str,
    content: str,
    kept: str | None,
    outcome: str | None,
) -> None:
    """As an entry is: it is left, or made, as a whole."""
    base, yours = before
    section = Section(path=(), key=None, entries={"a": NEW})
    file = File(path="a.xml", template="t", is_text=True, sections=(section,))
    merged = merge(
        file,
        None if yours is None else yours.encode(),
        {} if base is None else {"": {"a": base}},
        force={"a"} if asked == "force" else (),
        adopt={"a"} if asked == "adopt" else (),
    )
    assert merged.content.decode() == content
    assert merged.base == ({} if kept is None else {"": {"a": kept}})
    assert [each.outcome.value for each in merged.changes] == (
        [] if outcome is None else [outcome]
    )
