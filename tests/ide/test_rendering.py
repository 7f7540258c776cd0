from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from editing import collect, collect_array, make_project, render
from sceneshift.core.errors import ConfigError, UsageError
from sceneshift.ide.templates import list_templates, read_template

if TYPE_CHECKING:
    from pathlib import Path

PROCFILE = {"Procfile": "web: uvicorn shop:app\njobs: python jobs.py"}
EXTENDED = """\
{% extends "sceneshift/vscode/launch.json.jinja" %}
{% block debug scoped %}
{% if process.name != "jobs" %}{{ super() }}{% endif %}
{% endblock %}
{% block more %}
  // by hand: "not this, }"
  {"name": {{ model.name | json }}, "type": "node", "request": "launch"},
{% endblock %}
"""


def names_of(root: Path) -> list[str]:
    """Return what can be debugged in a project."""
    launch = collect(render(root)[".vscode/launch.json"])
    return [each["name"] for each in launch["configurations"]]


def test_a_project_extends_a_template_block_by_block(tmp_path: Path) -> None:
    """Its own is the one of the same path; the package's has a prefix."""
    make_project(tmp_path / "shop", PROCFILE)
    before = names_of(tmp_path / "shop")
    make_project(tmp_path / "shop", {"templates/vscode/launch.json.jinja": EXTENDED})
    after = names_of(tmp_path / "shop")
    assert set(before) - set(after) == {"jobs: debug (development)"}
    assert set(after) - set(before) == {"shop"}
    assert render(tmp_path / "shop")[".vscode/launch.json"].template == (
        "templates/vscode/launch.json.jinja"
    )


def test_a_project_has_its_own_of_what_templates_share(tmp_path: Path) -> None:
    """Whether the templates that use it are its own or not."""
    name = "vscode/parts.jinja"
    text = read_template(name).decode()
    assert '"justMyCode": true' in text
    own = text.replace('"justMyCode": true', '"justMyCode": false')
    make_project(tmp_path, {**PROCFILE, f"templates/{name}": own})
    make_project(tmp_path, {"templates/vscode/launch.json.jinja": EXTENDED})
    launch = collect(render(tmp_path)[".vscode/launch.json"])
    (debug,) = [e for e in launch["configurations"] if e["name"].startswith("web: d")]
    assert debug["justMyCode"] is False


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{\n{{ models }}}", "{}:2: 'models' is undefined"),
        ("{\n\n{{ model.nmae }}}", "{}:3: .* has no attribute 'nmae'"),
        ("{\n{{ model.nmae | json }}}", "{}:2: .* has no attribute 'nmae'"),
        ("{\n{{ model | json }}}", "{}:2: a Model is no JSON"),
        ("{\n{% if %}", "{}:2: Expected an expression, got 'end of statement block'"),
        ("{\n{{ 1 / 0 }}}", "{}:2: division by zero"),
        ("\n{{ 'a'.encode('b') }}", "{}:2: unknown encoding: b"),
        ("{{ 1 | jsn }}", "{}:1: No filter named 'jsn'"),
        ("{{ none.a() }}", "{}:1: 'None' has no attribute 'a'"),
        (
            '{% extends "vscode/nothing" %}',
            "{}:1: there is no template `vscode/nothing`",
        ),
        ('{"a": 1\n"b": }', '{}: makes no JSON: a comma or .*: `"b": }`'),
        ('{"a": 1,\n"a": 2}', '{}: makes no JSON: `a` is there twice: `"a": 2}`'),
        ("1", "{}: makes no object and no array"),
        (
            '{"a": [{"name": "x"}, {"name": "x"}]}',
            "{}: two entries of `a` are called `x`",
        ),
        ('{"a": [{"name": "x"}, {}]}', "{}: an entry of `a` has no name"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    tmp_path: Path, template: str, message: str
) -> None:
    """Of whatever kind: file and line, and one sentence."""
    path = "templates/vscode/extensions.json.jinja"
    make_project(tmp_path, {path: template})
    with pytest.raises(ConfigError) as caught:
        render(tmp_path)
    pattern = message.replace("{}", re.escape(path), 1)
    assert re.fullmatch(pattern.replace("}", r"\}"), caught.value.message)
    assert caught.value.hint


def test_the_projects_own_commands_are_offered(tmp_path: Path) -> None:
    """By one task with a list; Zed, which asks for nothing, has a task each."""
    root = make_project(tmp_path / "shop", PROCFILE)
    own = ["deploy", "lint", "test"]
    tasks = collect(render(root, own)[".vscode/tasks.json"])
    (task,) = [each for each in tasks["tasks"] if each["label"] == "command: run"]
    assert task["args"] == ["-m", "invoke", "${input:command}"]
    (asked,) = [each for each in tasks["inputs"] if each["id"] == "command"]
    assert asked["options"] == own
    zed = collect_array(render(root, own, ["zed"])[".zed/tasks.json"])
    words = [each["args"][1:] for each in zed if each["label"] == "command: deploy"]
    assert words == [["invoke", "deploy"]]
    assert [each["label"] for each in zed][-3:] == [
        "test",
        "quality",
        "command: deploy",
    ]
    assert "command: run" not in str(collect(render(root)[".vscode/tasks.json"]))


def test_a_template_that_is_no_text_is_told_of(tmp_path: Path) -> None:
    """As a launch.json that is none."""
    path = tmp_path / "templates" / "vscode" / "extensions.json.jinja"
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"caf\xe9": []}')
    with pytest.raises(ConfigError, match=r"extensions\.json\.jinja: is not UTF-8"):
        render(tmp_path)


def test_a_mistake_within_what_is_extended_has_the_innermost_place(
    tmp_path: Path,
) -> None:
    """There it is to be mended."""
    own = (
        '{% extends "sceneshift/vscode/extensions.json.jinja" %}\n'
        "{% block recommendations %}\n{{ oops }}{% endblock %}"
    )
    make_project(tmp_path, {"templates/vscode/extensions.json.jinja": own})
    with pytest.raises(ConfigError, match=r"^templates/.*jinja:3: 'oops' is undefined"):
        render(tmp_path)


def test_an_unknown_editor_is_refused(tmp_path: Path) -> None:
    """By the flag, and in the configuration, with the place."""
    with pytest.raises(UsageError, match=r"^there is no editor `vscod`$") as caught:
        render(tmp_path, editors=["vscod"])
    assert caught.value.hint == "did you mean `vscode`?"
    make_project(tmp_path, {"pyproject.toml": '[tool.sceneshift]\neditors = ["vi"]'})
    message = r"pyproject.toml: `tool.sceneshift.editors\[0\]`: there is no editor `vi`"
    with pytest.raises(ConfigError, match=message):
        render(tmp_path)


def test_only_what_was_asked_for_is_rendered(tmp_path: Path) -> None:
    """Settings where they are wanted, and scripts where there is a package.json."""
    assert [*render(tmp_path)] == [
        ".vscode/launch.json",
        ".vscode/tasks.json",
        ".vscode/extensions.json",
    ]
    ide = "[tool.sceneshift.ide]\nsettings = true\n"
    make_project(tmp_path, {"package.json": "{}", "pyproject.toml": ide})
    assert {".vscode/settings.json", "package.json"} < {*render(tmp_path)}
    assert [*render(tmp_path, editors=["package"])] == ["package.json"]


def test_settings_are_entries_each_and_those_of_a_table_too(tmp_path: Path) -> None:
    """So that what a person excludes besides stays."""
    ide = "[tool.sceneshift.ide]\nsettings = true\n"
    make_project(tmp_path, {"pyproject.toml": ide, "pytest.ini": "[pytest]"})
    sections = render(tmp_path)[".vscode/settings.json"].sections
    assert {section.path: [*section.entries] for section in sections} == {
        (): [
            "python.defaultInterpreterPath",
            "python.testing.pytestEnabled",
            "python.testing.unittestEnabled",
        ],
        ("files.watcherExclude",): ["**/.sceneshift/**"],
        ("search.exclude",): ["**/.sceneshift"],
    }


def test_compiled_templates_are_kept_where_that_can_be_written(tmp_path: Path) -> None:
    """In the state folder; where there can be none, they are compiled each time."""
    render(tmp_path)
    assert [*(tmp_path / ".sceneshift" / "templates").iterdir()]
    other = make_project(tmp_path / "other", {".sceneshift": "a file"})
    assert render(other)


def test_the_packages_templates_can_be_listed_and_read() -> None:
    """As they are, for a project to begin with."""
    assert "vscode/launch.json.jinja" in list_templates()
    assert all(read_template(name).startswith(b"{#-") for name in list_templates())
    with pytest.raises(ConfigError, match="there is no template `vscode/lunch"):
        read_template("vscode/lunch.json.jinja")


def test_scripts_are_those_that_the_project_has_a_use_for(tmp_path: Path) -> None:
    """Each a command of inv."""
    make_project(tmp_path, {"package.json": "{}"})
    assert collect(render(tmp_path)["package.json"])["scripts"] == {
        "switch:dev": "inv env.switch development",
        "workflow:status": "inv env.list",
        "workflow:validate": "inv env.validate",
        "workflow:health": "inv env.doctor",
    }
    environment = "[tool.sceneshift.environments.{}]\ndatabases = {{ default = 'x' }}\n"
    make_project(
        tmp_path,
        {
            **PROCFILE,
            "pyproject.toml": "".join(map(environment.format, ["dev", "staging"])),
            "seeds/realistic/a.csv": "",
        },
    )
    scripts = collect(render(tmp_path, ["test.run"])["package.json"])["scripts"]
    assert scripts == {
        "switch:dev": "inv env.switch dev",
        "switch:staging": "inv env.switch staging",
        "data:reset": "inv data.reset",
        "data:reset:staging": "inv data.reset --env staging",
        "data:seed": "inv data.seed",
        "data:seed:realistic": "inv data.seed --dataset realistic",
        "data:backup": "inv data.backup",
        "workflow:status": "inv dev.status",
        "workflow:validate": "inv env.validate",
        "workflow:health": "inv env.doctor",
        "dev:optimized": "inv dev",
        "debug:backend": "inv debug.backend",
        "debug:frontend": "inv debug.frontend",
        "debug:full": "inv debug.full",
        "quick:reset": "inv data.reset --yes",
        "quick:switch:staging": "inv env.switch staging",
        "quick:test": "inv test.run",
    }


OPENED = """\
[tool.sceneshift.environments.development]
ports = { ui = 5173, docs = 5174 }
debug_ports = { ui = 9222 }
[tool.sceneshift.environments.live]
protected = true
"""
OPENED_PROCFILE = "{}api: node api.js $PORT\nui: npx vite --port $PORT\ndocs: npx vite"


@pytest.mark.parametrize(
    ("first", "command"),
    [("web: uvicorn shop:app\n", "debug.full"), ("", "debug.frontend")],
)
def test_editors_attach_to_the_page_that_is_opened(
    tmp_path: Path, first: str, command: str
) -> None:
    """To the one of `inv debug.frontend`, which starts it; nowhere that is guarded."""
    procfile = OPENED_PROCFILE.format(first)
    project = {"Procfile": procfile, "pyproject.toml": OPENED}
    files = render(make_project(tmp_path, project), editors=["vscode", "zed"])
    entries = {
        each["name"]: each
        for each in collect(files[".vscode/launch.json"])["configurations"]
        if each["request"] == "attach" and each["type"] != "debugpy"
    }
    names = [f"ui: attach {name} (development)" for name in ("Chrome", "Edge")]
    assert [*entries] == names
    place = {"address": "127.0.0.1", "port": 9222, "urlFilter": "*"}
    assert all(place.items() <= each.items() for each in entries.values())
    shown = {each["browserAttachLocation"] for each in entries.values()}
    assert shown == {"workspace"}  # the machine of the stack
    tasks = collect(files[".vscode/tasks.json"])["tasks"]
    known = {each["label"]: each for each in tasks}
    reach = known[entries[names[0]]["preLaunchTask"]]
    assert reach["args"] == ["-m", "sceneshift.ide.reach", "ui", "9222"]
    assert reach["options"]["env"] == {"SCENESHIFT_ENV": "development"}
    assert known[reach["dependsOn"]]["args"] == [
        "-m",
        "invoke",
        command,
        "--env",
        "development",
    ]
    zed = [each for each in collect_array(files[".zed/debug.json"]) if "port" in each]
    assert [each["label"] for each in zed] == names[:1]
    assert place.items() <= zed[0].items()


def test_a_page_without_a_known_address_is_not_attached_to(tmp_path: Path) -> None:
    """Nor one that is beside what is called `frontend` and is no page."""
    auto = OPENED.replace("ui = 5173", 'ui = "auto"')
    procfile = OPENED_PROCFILE.format("")
    root = make_project(tmp_path / "a", {"Procfile": procfile, "pyproject.toml": auto})
    assert not any(": attach" in name for name in names_of(root))
    procfile = procfile.replace("api:", "frontend:")
    root = make_project(
        tmp_path / "b", {"Procfile": procfile, "pyproject.toml": OPENED}
    )
    assert not any(": attach" in name for name in names_of(root))


def test_a_jetbrains_editor_attaches_to_the_page_too(tmp_path: Path) -> None:
    """By its own kind of configuration."""
    files = {"Procfile": OPENED_PROCFILE.format(""), "pyproject.toml": OPENED}
    found = render(make_project(tmp_path, files), editors=["jetbrains"])
    (text,) = found[".run/ui attach (development).run.xml"].sections[0].entries.values()
    assert 'type="ChromiumRemoteDebugType"' in text
    assert 'host="127.0.0.1" port="9222"' in text


def test_what_is_guarded_is_offered_last(tmp_path: Path) -> None:
    """VS Code sorts groups by name, and entries within one by their order."""
    tables = (
        "[tool.sceneshift.environments.acceptance]\nprotected = true\n"
        "[tool.sceneshift.environments.preview]\n"
        "[tool.sceneshift.environments.local]\n"
    )
    files = {
        "Procfile": OPENED_PROCFILE.format(""),
        "pyproject.toml": f"{tables}{OPENED}",
        "tests/test_a.py": "",
    }
    make_project(tmp_path, files)
    launch = collect(render(tmp_path)[".vscode/launch.json"])
    groups: dict[str, set[str]] = {}
    for each in [*launch["configurations"], *launch["compounds"]]:
        group = groups.setdefault(each["presentation"]["group"], set())
        group.add(each["name"].partition(" (")[2] or "tests)")
    assert [groups[each] for each in sorted(groups)] == [
        *({"development)"}, {"local)"}, {"preview)"}),
        *({"acceptance)"}, {"live)"}, {"tests)"}),
    ]
