"""What other editors than VS Code are given: of the same model."""

from __future__ import annotations

import json
import re
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

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sceneshift.ide.files import File

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
