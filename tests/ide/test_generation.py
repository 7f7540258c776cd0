"""`inv ide.generate`, as its module does it: files, the base, and what is asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from editing import make_project
from killing import kill_at_each
from sceneshift.core.debugports import find_debug_ports
from sceneshift.core.errors import ConfigError, DriftError, SceneshiftError, UsageError
from sceneshift.core.project import load_project
from sceneshift.ide.action import find_pending, refuse_drift
from sceneshift.ide.base import PATH as BASE
from sceneshift.ide.explanation import explain
from sceneshift.ide.generation import GenerateRequest, apply, plan
from sceneshift.ide.pending import write_pending
from sceneshift.ide.writing import write_all

if TYPE_CHECKING:
    from pathlib import Path

PROCFILE = "web: uvicorn shop:app --port $PORT\njobs: python jobs.py\n"
LAUNCH = ".vscode/launch.json"


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    """Return a project with two processes, and a package.json of its own."""
    files = {
        "Procfile": PROCFILE,
        "package.json": '{\n\t"name": "shop",\n\t"scripts": {\n\t\t"test": "a"\n\t}\n}',
    }
    return make_project(tmp_path / "it's a shop", files)


def ask(root: Path, **more: Any) -> GenerateRequest:
    """Return a request."""
    return GenerateRequest(root=root, **more)


def read(root: Path, path: str = LAUNCH) -> dict[str, Any]:
    """Return a file's value; it has no comments."""
    found: dict[str, Any] = json.loads((root / path).read_text())
    return found


def list_files(root: Path) -> list[Path]:
    """Return what is JSON, or once was to be, but for the state folder."""
    found = sorted(root.glob("**/*.json*"))
    return [path for path in found if ".sceneshift" not in path.parts]


def outcomes(root: Path, **more: Any) -> dict[str, str]:
    """Return what became of each file."""
    return {each.place.path: each.outcome for each in apply(ask(root, **more))}


def test_a_second_run_changes_nothing(root: Path) -> None:
    """To the byte; and a third one neither, with what people write meanwhile."""
    assert set(outcomes(root).values()) == {"created", "updated"}
    before = {path: path.read_bytes() for path in root.rglob("*.json")}
    assert set(outcomes(root).values()) == {"unchanged"}
    assert {path: path.read_bytes() for path in before} == before
    file = root / LAUNCH
    text = file.read_text().replace('"justMyCode": true', '"justMyCode": false', 1)
    file.write_text("// mine\n" + text)
    assert set(outcomes(root).values()) == {"unchanged"}
    assert file.read_text() == "// mine\n" + text


def test_a_debugger_keeps_its_port(root: Path) -> None:
    """Whatever line comes before its own; `inv dev --debug` has the same."""
    apply(ask(root))
    (root / "Procfile").write_text(f"early: python jobs.py\n{PROCFILE}")
    project = load_project(root, environ=dict(os.environ), is_looking=True)
    running = find_debug_ports(project)
    assert running == {"early": 5680, "web": 5678, "jobs": 5679}
    apply(ask(root))
    entries = {each["name"]: each for each in read(root)["configurations"]}
    for name, port in running.items():
        entry = entries[f"{name}: attach (development)"]
        assert entry["connect"]["port"] == port
    assert find_debug_ports(project) == running
    told = {one.key: one.sources for one in explain(ask(root), entry["name"])}
    assert told["connect.port"] == (
        ".sceneshift-ide.json: debug_ports.development.jobs",
    )


def test_scripts_come_after_those_by_hand(root: Path) -> None:
    """Indentation and all else stay."""
    apply(ask(root))
    text = (root / "package.json").read_text()
    assert text.startswith(
        '{\n\t"name": "shop",\n\t"scripts": {\n\t\t"test": "a",\n\t\t'
    )
    assert not text.endswith("\n")


def test_a_team_shares_what_was_generated(root: Path) -> None:
    """An entry that a colleague has deleted is not brought back by another machine."""
    apply(ask(root))
    launch = read(root)
    gone = launch["configurations"].pop(0)["name"]
    (root / LAUNCH).write_text(json.dumps(launch))
    changes = {
        (each.identity, each.outcome.value)
        for action in apply(ask(root))
        for each in action.changes
    }
    assert (gone, "kept_deleted") in changes
    assert gone not in [each["name"] for each in read(root)["configurations"]]
    (root / BASE).unlink()
    apply(ask(root))
    assert gone in [each["name"] for each in read(root)["configurations"]]


def test_what_was_changed_by_hand_is_ours_again_where_that_is_asked(root: Path) -> None:
    """By the entry's name."""
    apply(ask(root))
    text = (root / LAUNCH).read_text()
    name = read(root)["configurations"][0]["name"]
    (root / LAUNCH).write_text(text.replace('"justMyCode": true', '"x": 1', 1))
    apply(ask(root))
    assert read(root)["configurations"][0].get("x") == 1
    apply(ask(root, force=frozenset({name})))
    assert read(root)["configurations"][0]["justMyCode"] is True
    with pytest.raises(UsageError, match="no entry is called `web: debug") as caught:
        plan(ask(root, adopt=frozenset({"web: debug (dev)"})))
    assert caught.value.hint == "did you mean `web: debug (development)`?"
    with pytest.raises(UsageError) as caught:
        plan(ask(root, force=frozenset({"§"})))
    assert "--dry-run" in (caught.value.hint or "")


def test_files_that_no_template_makes_now_go(root: Path) -> None:
    """With an editor or an environment; what was changed by hand stays."""
    table = "[tool.sceneshift]\neditors = {}\n"
    settings = root / "pyproject.toml"
    settings.write_text(table.format('["vscode", "jetbrains"]'))
    apply(ask(root))
    runs = sorted((root / ".run").iterdir())
    assert len(runs) > 2
    runs[0].write_text(runs[0].read_text() + "<!-- mine -->\n")
    runs[1].unlink()
    runs[2].write_bytes(runs[2].read_bytes().replace(b"\n", b"\r\n"))
    settings.write_text(table.format('["jetbrains"]'))
    found = {each.place.path: each.outcome for each in plan(ask(root))}
    assert found[LAUNCH] == "updated"
    apply(ask(root))
    assert read(root) == {"version": "0.2.0", "configurations": [], "compounds": []}
    settings.write_text(table.format("[]"))
    lines = [line for each in find_pending(plan(ask(root))) for line in each.diff()]
    assert "+++ /dev/null" in lines
    done = apply(ask(root))
    assert {each.outcome for each in done} == {"removed", "updated", "unchanged"}
    kept = [change.outcome.value for each in done for change in each.changes]
    assert kept == ["kept_yours"]
    assert list((root / ".run").iterdir()) == [runs[0]]
    deleted = runs[1].relative_to(root).as_posix()
    bases = json.loads((root / BASE).read_text())["files"]
    assert list(bases) == [deleted, "package.json"]
    assert set(outcomes(root).values()) == {"unchanged"}


def test_what_was_deleted_stays_so_while_its_editor_is_away(root: Path) -> None:
    """Of a file, and as a file; what nobody has deleted comes back."""
    table = "[tool.sceneshift]\neditors = {}\n"
    settings = root / "pyproject.toml"
    settings.write_text(table.format('["vscode", "jetbrains"]'))
    apply(ask(root))
    launch = read(root)
    gone = launch["configurations"].pop(0)["name"]
    (root / LAUNCH).write_text(json.dumps(launch))
    first, second, *_ = sorted((root / ".run").iterdir())
    first.unlink()
    for editors in ("[]", "[]", '["vscode", "jetbrains"]'):
        settings.write_text(table.format(editors))
        apply(ask(root))
    assert (first.exists(), second.exists()) == (False, True)
    assert [each["name"] for each in read(root)["configurations"]] == [
        each["name"] for each in launch["configurations"]
    ]
    apply(ask(root, force=frozenset({gone})))
    assert gone in [each["name"] for each in read(root)["configurations"]]


def test_a_file_without_its_base_goes_on_from_what_it_was_to_become(root: Path) -> None:
    """A run was killed in between, and the project is another one by the next."""
    apply(ask(root))
    settings = root / "pyproject.toml"
    table = "[tool.sceneshift.environments.development]\ndebug_ports = {{ web = {} }}\n"
    base = (root / BASE).read_bytes()
    settings.write_text(table.format(7001))
    first = plan(ask(root))
    write_pending(root, [(a.place.path, a.content or b"", a.base) for a in first])
    write_all([(each.place, each.content) for each in find_pending(first)])
    (root / BASE).write_bytes(base)
    settings.write_text(table.format(7002))
    changes = [change for each in apply(ask(root)) for change in each.changes]
    assert {change.outcome.value for change in changes} == {"updated"}
    text = (root / LAUNCH).read_text()
    assert ("7002" in text, "7001" in text) == (True, False)
    assert not list((root / ".sceneshift").glob("*pending*"))


def test_what_git_ignores_is_each_person_s_own(root: Path) -> None:
    """So is what it was generated from: a colleague has other files of that name."""
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    (root / ".gitignore").write_text(".vscode/\n")
    apply(ask(root))
    assert list(json.loads((root / BASE).read_text())["files"]) == ["package.json"]
    launch = read(root)
    gone = launch["configurations"].pop(0)["name"]
    (root / LAUNCH).write_text(json.dumps(launch))
    apply(ask(root))
    assert gone not in [each["name"] for each in read(root)["configurations"]]
    assert explain(ask(root), gone)[0].sources[-1] == "removed by hand"
    shutil.rmtree(root / ".vscode")
    refuse_drift(plan(ask(root)))  # as in CI
    shutil.rmtree(root / ".sceneshift")
    mine = {"configurations": [{"name": "mine", "type": "node", "request": "launch"}]}
    (root / ".vscode").mkdir()
    (root / LAUNCH).write_text(json.dumps(mine))
    apply(ask(root))
    names = [each["name"] for each in read(root)["configurations"]]
    assert {"mine", gone} <= set(names)


def test_drift_is_told_and_nothing_is_written(root: Path) -> None:
    """For a hook, and for CI."""
    with pytest.raises(DriftError, match=r"launch\.json, .* not as generated"):
        refuse_drift(plan(ask(root)))
    assert not (root / ".vscode").exists()
    apply(ask(root))
    refuse_drift(plan(ask(root)))
    (root / "Procfile").write_text(PROCFILE.replace("jobs", "work"))
    actions = plan(ask(root))
    with pytest.raises(DriftError):
        refuse_drift(actions)
    lines = [line for each in find_pending(actions) for line in each.diff()]
    assert f"--- a/{LAUNCH}" in lines
    assert any(line.startswith("-") and "jobs" in line for line in lines)
    assert any(line.startswith("+") and "work" in line for line in lines)


def test_one_editor_alone_is_written(root: Path) -> None:
    """What others have in the base stays there."""
    apply(ask(root))
    before = (root / BASE).read_bytes()
    assert set(outcomes(root, editors=("package",))) == {"package.json", BASE}
    assert (root / BASE).read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> x\n", f"{BASE}:1:1: "),
        ('{"version": 7}', f"{BASE}: expected version 1, found: `7`"),
        ('{"version": 1, "files": []}', f"{BASE}: expected version 1"),
        ('{"version": 1, "files": {"a": {"b": 1}}}', f"{BASE}: expected version 1"),
        ("[]", f"{BASE}: expected version 1, found: `null`"),
    ],
)
def test_a_damaged_base_is_told(root: Path, content: str, message: str) -> None:
    """Nothing is guessed from it, and nothing is written."""
    (root / BASE).write_text(content)
    with pytest.raises(ConfigError) as caught:
        apply(ask(root))
    assert caught.value.message.startswith(message)
    assert caught.value.hint
    assert not (root / ".vscode").exists()


def test_a_file_that_cannot_be_understood_stops_all(root: Path) -> None:
    """Before anything is written."""
    (root / ".vscode").mkdir()
    (root / ".vscode/tasks.json").write_text('{"tasks": [}')
    with pytest.raises(SceneshiftError, match=r"tasks\.json:1:12: "):
        apply(ask(root))
    assert not (root / LAUNCH).exists()


def test_a_kill_leaves_each_file_as_it_was_or_is_to_be(root: Path) -> None:
    """At whatever step; the next run does the rest, and nothing is left beside it."""
    apply(ask(root))
    paths = list_files(root)
    old = [path.read_bytes() for path in paths]
    (root / "Procfile").write_text(PROCFILE.replace("jobs", "work"))
    apply(ask(root))
    new = [path.read_bytes() for path in paths]

    def check() -> int:
        found = [path.read_bytes() for path in paths]
        for one, before, after in zip(found, old, new, strict=True):
            assert one in (before, after)
        count = sum(one == after for one, after in zip(found, new, strict=True))
        apply(ask(root))
        assert [path.read_bytes() for path in paths] == new
        assert list_files(root) == paths
        for path, before in zip(paths, old, strict=True):
            path.write_bytes(before)
        return count

    check()
    seen = kill_at_each(lambda: apply(ask(root)), check, root)
    whole = len(paths)
    # Three files are others: launch.json and tasks.json, and then the base.
    assert set(seen) == {whole - 3, whole - 2, whole - 1, whole}
    assert seen == sorted(seen)


def test_without_processes_there_are_tests_alone(tmp_path: Path) -> None:
    """And no package.json is made where there is none."""
    root = make_project(tmp_path, {"tests/test_a.py": ""})
    apply(ask(root))
    names = [each["name"] for each in read(root)["configurations"]]
    assert names == ["Tests: current file", "Tests: all", "Tests: Test Explorer"]
    assert not (root / "package.json").exists()


def test_each_value_is_explained(root: Path) -> None:
    """What it is read from, what was changed by hand, and what is a template's."""
    (root / "pyproject.toml").write_text(
        "[tool.sceneshift.environments.development]\nports = { web = 8123 }\n"
        "debug_ports = { web = 7001 }\n"
    )
    name = "web: attach (development)"
    before = {each.key: each for each in explain(ask(root), name)}
    assert before["connect.port"].value == 7001
    assert before["connect.port"].sources == (
        "pyproject.toml: tool.sceneshift.environments.development.debug_ports.web",
        "not generated yet",
    )
    apply(ask(root))
    file = root / LAUNCH
    launch = read(root)
    (entry,) = [each for each in launch["configurations"] if each["name"] == name]
    entry |= {"justMyCode": False, "mine": 1}
    file.write_text(json.dumps(launch))
    after = {each.key: each for each in explain(ask(root), name)}
    assert after["connect.host"].sources == ("sceneshift/vscode/launch.json.jinja",)
    assert after["justMyCode"].sources[0] == "by hand; generated: True"
    assert (after["mine"].value, after["mine"].sources) == (1, ("by hand",))
    assert "Procfile:1" in after["name"].sources
    launch["configurations"].remove(entry)
    file.write_text(json.dumps(launch))
    gone = explain(ask(root), name)[0]
    assert gone.sources[-1] == "removed by hand"
    with pytest.raises(UsageError, match="no entry is called `web`"):
        explain(ask(root), "web")
    (plain,) = explain(ask(root), "ms-python.python")
    assert (plain.key, plain.value) == ("", "ms-python.python")
    (script,) = explain(ask(root), "workflow:status")
    assert (script.path, script.key) == ("package.json", "")


def test_a_file_that_is_one_entry_is_explained(root: Path) -> None:
    """Beside the entry of the same name that another editor has."""
    (root / "pyproject.toml").write_text(
        '[tool.sceneshift]\neditors = ["vscode", "jetbrains"]\n'
    )
    apply(ask(root))
    name = "Full stack (development)"
    file = root / ".run" / "Full stack (development).run.xml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    *_, run = explain(ask(root), name)
    assert (run.path, run.key) == (file.relative_to(root).as_posix(), "")
    assert run.value.startswith("<component")
    assert "\r" not in run.value
    assert run.sources[1:] == ("Procfile:1", "Procfile:2")
    file.write_text("by hand")
    *_, run = explain(ask(root), name)
    assert (run.value, run.sources[0][:7]) == ("by hand", "by hand")


def test_a_container_follows_the_project(root: Path) -> None:
    """What is neither a list nor a table too, unless a person has changed it."""
    path = ".devcontainer/devcontainer.json"
    (root / "pyproject.toml").write_text(
        '[tool.sceneshift]\neditors = ["devcontainer"]\n'
    )
    apply(ask(root))
    made = (root / path).read_text()
    assert read(root, path)["image"] == "python:3"
    (root / path).write_text(made.replace("python:3", "mine"))
    (root / "uv.lock").touch()
    with pytest.raises(DriftError, match=r"devcontainer\.json"):
        refuse_drift(plan(ask(root)))
    apply(ask(root))
    found = read(root, path)
    assert list(found)[:3] == ["name", "image", "postCreateCommand"]
    assert found["postCreateCommand"] == "pip install uv && uv sync"
    (setup,) = explain(ask(root), "postCreateCommand")
    assert setup.sources == ("what installs the project, and what its databases need",)
    assert found["image"] == "mine"
    assert set(outcomes(root).values()) == {"unchanged"}


@pytest.mark.parametrize("value", [r'"\ud800"', r'{{ "\ud800" | json }}'])
def test_half_of_a_surrogate_pair_is_written_as_it_is_read(
    root: Path, value: str
) -> None:
    """By an escape: in UTF-8 there is nothing for it."""
    template = f'{{"recommendations": [{value}]}}'
    make_project(root, {"templates/vscode/extensions.json.jinja": template})
    apply(ask(root))
    assert read(root, ".vscode/extensions.json") == {"recommendations": ["\ud800"]}
    assert set(outcomes(root).values()) == {"unchanged"}
