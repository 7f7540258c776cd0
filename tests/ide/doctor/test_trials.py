from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from breakpoints import ENVIRON, LOOP, serving_debugger
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.marks import ROOT_VARIABLE
from sceneshift.core.ports import is_free
from sceneshift.ide.doctor import Examined, Kind, Outcome, Request, examine, report
from support import free_port, wait_until
from watching import git

if TYPE_CHECKING:
    from pathlib import Path

SITE = """\
import os

from flask import Blueprint, Flask, abort

pages = Blueprint("pages", __name__)


@pages.route("/greeting/<name>")
def greet(name):
    text = f"hello {name}"
    return text


def describe():
    return {"paths": {"/own/greeting/{name}": {"get": {}}, "/own": {}}}


def refuse():
    if "REFUSES" in os.environ:
        abort(403)


app = Flask(__name__)
app.register_blueprint(pages, url_prefix="/own")
app.add_url_rule("/openapi.json", view_func=describe)
app.before_request(refuse)
"""

# A server whose code runs in a child, as with any reloader of its own.
PARENT = """\
import subprocess, sys
from app import app

if sys.argv[2:]:
    app.run(port=int(sys.argv[1]))
else:
    raise SystemExit(subprocess.call([sys.executable, __file__, sys.argv[1], "child"]))
"""

WORK = '''\
"""Works."""

import sys


def work():
    print("worked")
    return 3


if __name__ == "__main__":
    sys.exit(work())
'''

TEST = """\
import os


def test_one():
    \"\"\"Be run.\"\"\"
    assert os.environ["OWN"] == "staging"
"""

READY = "a debugger can come"
ENDED = "import sys; print('\\x1b[31mno luck\\x1b[0m', file=sys.stderr); sys.exit(4)"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with a site, a worker, and a test."""
    root = tmp_path_factory.mktemp("it's own")
    (root / ".vscode").mkdir()
    (root / "test_work.py").write_text(TEST)
    for name, text in {"app": SITE, "parent": PARENT, "work": WORK}.items():
        (root / f"{name}.py").write_text(text)
    (root / ".vscode/extensions.json").write_text(
        '{"recommendations": ["ms-python.debugpy"]}'
    )
    return root


def run(
    root: Path, entry: dict[str, Any], tasks: Any = (), *, limit_s: float = 30
) -> Examined:
    """Run an entry."""
    given = {
        "name": "one",
        "type": "debugpy",
        "request": "launch",
        "python": sys.executable,
        "envFile": "",
        **entry,
    }
    write(root, "launch", {"configurations": [given]})
    write(root, "tasks", {"tasks": tasks})
    (found,) = examine(root, ["one"], Request(environ=ENVIRON, limit_s=limit_s))
    return found


def write(root: Path, name: str, value: Any) -> None:
    """Write a file of the editor's."""
    (root / f".vscode/{name}.json").write_text(json.dumps(value))


def test_a_route_is_called_until_it_is_hit(root: Path) -> None:
    """Also in the child of a reloader, and where only the application knows paths."""
    args = ["--app", "app", "run", "--debug", "--port", str(free_port())]
    found = run(root, {"module": "flask", "args": args, "subProcess": True})
    assert (found.outcome, found.detail) == (Outcome.HIT, "app.py:10 in greet")
    assert found.findings == ()


def test_a_server_whose_child_is_not_debugged_is_told(root: Path) -> None:
    """Its breakpoints are accepted, and never hit."""
    entry = {"program": "parent.py", "args": [str(free_port())], "subProcess": False}
    found = run(root, entry)
    assert [one.kind for one in found.findings] == [Kind.SUBPROCESSES_OFF]
    assert "the code runs in a child process" in found.detail


def test_mappings_that_lead_elsewhere_are_told(root: Path) -> None:
    """A program of this machine needs none."""
    mappings = [{"localRoot": str(root), "remoteRoot": "/srv"}]
    found = run(root, {"program": "work.py", "pathMappings": mappings})
    assert [one.kind for one in found.findings] == [Kind.NO_MAPPING]
    assert "and its `pathMappings` lead breakpoints away from" in found.detail


def test_a_refusing_server_is_told_with_its_answers(root: Path) -> None:
    """No breakpoint says anything about it."""
    env = {"FLASK_RUN_PORT": str(free_port()), "REFUSES": "1"}
    found = run(root, {"module": "flask", "args": ["run"], "env": env})
    assert found.findings[0].kind is Kind.NEVER_HIT
    assert "no request has come to a handler: GET /greeting/1: 403" in found.detail


def test_a_test_is_hit_in_the_environment_that_is_meant(root: Path) -> None:
    """As the Test Explorer runs it."""
    env = {"OWN": "staging", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    found = run(root, {"purpose": ["debug-test"], "env": env})
    assert (found.outcome, found.detail) == (Outcome.HIT, "test_work.py:6 in test_one")


def test_a_program_that_ends_at_once_is_told(root: Path) -> None:
    """With its last words, without their colours."""
    args = ["--app", "nothing", "run", "--port", str(free_port())]
    found = run(root, {"module": "flask", "args": args})
    assert [one.kind for one in found.findings] == [Kind.ENDED]
    text = "the program ends with exit code 2, and no breakpoint was hit: Error: Could"
    assert text in found.detail


def test_what_stands_elsewhere_needs_a_mapping(root: Path, tmp_path: Path) -> None:
    """The process knows other paths; what to write is said, and mends it."""
    (root / "loop.py").write_text(LOOP)
    shutil.copy(root / "loop.py", tmp_path)
    with serving_debugger(tmp_path / "loop.py") as port:
        entry = {"request": "attach", "connect": {"host": "127.0.0.1", "port": port}}
        found = run(root, entry, limit_s=8)
        assert found.findings[0].kind is Kind.NO_MAPPING
        assert f"the process runs {tmp_path}/loop.py" in found.detail
        mapping = f'{{"localRoot": "${{workspaceFolder}}", "remoteRoot": "{tmp_path}"}}'
        assert mapping in found.findings[0].hint
        found = run(root, {**entry, "pathMappings": [json.loads(mapping)]})
        assert (found.outcome, found.detail) == (Outcome.HIT, "loop.py:8 in step")
        found = run(make_idle(tmp_path), entry, limit_s=4)
        assert found.outcome is Outcome.UNPROVEN
        assert found.detail.startswith("attached, but it has run none of the lines")


def make_idle(folder: Path) -> Path:
    """Return a project of which nothing is run."""
    (folder / "idle/.vscode").mkdir(parents=True)
    (folder / "idle/idle.py").write_text("def idle():\n    return 1\n")
    return folder / "idle"


def test_an_entry_that_the_debugger_refuses_is_told(root: Path) -> None:
    """In its own words."""
    found = run(root, {"program": "work.py", "module": "work"})
    assert [one.kind for one in found.findings] == [Kind.ENDED]
    assert '"program"' in found.detail


def test_a_python_that_no_debugger_comes_up_in_is_told(root: Path) -> None:
    """It may be too old for debugpy; nobody waits for it."""
    other = shutil.which("false")
    found = run(root, {"program": "work.py", "debugLauncherPython": other})
    assert [one.kind for one in found.findings] == [Kind.ENDED]
    assert found.detail == "the program ends before its debugger is there"


def test_code_that_is_elsewhere_has_no_line_to_stop_at(root: Path) -> None:
    """It is another project's."""
    found = run(root, {"module": "json.tool"})
    assert [one.kind for one in found.findings] == [Kind.NO_PLACE]


def test_a_task_starts_what_is_attached_to(root: Path) -> None:
    """In the background, until its problem matcher knows that it is ready."""
    port = free_port()
    (root / "loop.py").write_text(f"print({READY!r}, flush=True)\n{LOOP}")
    # Beside another program that serves pages, which is none of the entry's.
    python = f"{sys.executable} -Xfrozen_modules=off -m"
    other = f"{python} http.server --bind 127.0.0.1 {free_port()}"
    serve = {
        "label": "serve",
        "command": f"({other} &); {python} debugpy --listen {port} loop.py",
        "isBackground": True,
        "problemMatcher": [{"background": {"endsPattern": READY}}],
    }
    entry = {"request": "attach", "connect": {"host": "127.0.0.1", "port": port}}
    found = run(root, {**entry, "preLaunchTask": "serve"}, [serve])
    assert found.outcome is Outcome.HIT, found
    assert found.detail == "loop.py:9 in step"


def test_a_task_that_opens_no_port_is_told(root: Path) -> None:
    """It may start something else."""
    entry = {"request": "attach", "connect": {"port": free_port()}}
    task = {"label": "serve", "type": "shell", "command": "true", "args": ["it's"]}
    found = run(root, {**entry, "preLaunchTask": "serve"}, [task], limit_s=0.5)
    assert [one.kind for one in found.findings] == [Kind.PORT_CLOSED]
    assert "task `serve` is ready, and nothing listens at port" in found.detail


def test_a_linked_worktree_has_ports_of_its_own(tmp_path: Path) -> None:
    """Those of the files are the main checkout's: what was started has others."""
    main, linked = tmp_path / "main", tmp_path / "linked"
    main.mkdir()
    git(main, "init", "-q")
    git(main, "commit", "-q", "--allow-empty", "-m", "first")
    git(main, "worktree", "add", "-q", str(linked))
    (linked / ".vscode").mkdir()
    entry = {"request": "attach", "connect": {"port": free_port()}}
    task = {"label": "serve", "command": "true"}
    found = run(linked, {**entry, "preLaunchTask": "serve"}, [task], limit_s=0.2)
    assert [one.kind for one in found.findings if not one.is_warning] == [
        Kind.PORT_CLOSED
    ]
    assert found.findings[0].hint.startswith("this is a linked worktree: entries name")


def test_a_host_where_nobody_listens_is_told(root: Path) -> None:
    """Only what is attached to tells, where it is no address of this machine's own."""
    connect = {"host": "127.0.0.2", "port": free_port()}
    found = run(root, {"request": "attach", "connect": connect})
    assert [one.kind for one in found.findings] == [Kind.PORT_CLOSED]
    assert "attached to at 127.0.0.2" in found.detail


def test_a_debugger_that_does_not_answer_is_told(root: Path) -> None:
    """A mere connection to its port is enough for that."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect = {"host": "localhost", "port": server.getsockname()[1]}
        found = run(root, {"request": "attach", "connect": connect}, limit_s=0.2)
    assert [one.kind for one in found.findings] == [Kind.SILENT]
    assert "the debugger does not answer within 0.2 s" in found.detail


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ({"command": f"{sys.executable} -c 'exit(3)'"}, "ends with exit code 3"),
        (
            {"type": "process", "command": sys.executable, "args": ["-c", ENDED]},
            "task `serve` ends with exit code 4: no luck",
        ),
        ({"type": "process", "command": "/no/program"}, "cannot be started: /no/pr"),
        ({"dependsOn": ["serve"]}, "task `serve` cannot be run here"),
        ({"dependsOn": "none"}, "task `none` cannot be run here"),
    ],
)
def test_a_task_that_fails_is_told(root: Path, task: Any, text: str) -> None:
    """An editor asks then whether to go on."""
    found = run(
        root,
        {"program": "work.py", "preLaunchTask": "serve"},
        [{"label": "serve", **task}],
    )
    assert [one.kind for one in found.findings] == [Kind.TASK_FAILED]
    assert text in found.detail


@pytest.mark.needs("chromium")
def test_what_another_checkout_has_at_a_port_is_not_what_is_meant(root: Path) -> None:
    """A task that would leave it running is run, and tells of it."""
    port = free_port()
    serve = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    task = {
        "label": "serve",
        "command": "exit 3",
        "isBackground": True,
        "problemMatcher": {"background": {"endsPattern": READY}},
    }
    entry = {"type": "chrome", "url": f"http://127.0.0.1:{port}/"}
    told = []
    for stack in ("/elsewhere", str(root)):
        environ = {**ENVIRON, ROOT_VARIABLE: stack}
        with subprocess.Popen(serve, env=environ, stderr=subprocess.DEVNULL) as other:
            wait_until(lambda: not is_free(port), 30)
            told.append(run(root, {**entry, "preLaunchTask": "serve"}, [task]))
            other.terminate()
    assert "task `serve` ends with exit code 3" in told[0].detail
    assert "has no code" in told[1].detail  # it was opened


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"type": "node"}, "needs a debugger of node"),
        ({"type": "editor-browser", "url": "http://x/"}, "needs the browser of the ed"),
        ({"request": "attach", "listen": {"port": 1}}, "waits for a program"),
        ({"program": "work.py", "args": ["${command:x}"]}, "asks for command:x"),
    ],
)
def test_what_cannot_be_run_here_is_said_so(
    root: Path, entry: dict[str, Any], reason: str
) -> None:
    """That is no failure."""
    found = run(root, entry)
    assert found.outcome is Outcome.NOT_RUN
    assert reason in found.detail


# Asks for what the breakpoint of another entry was at.
ASK = """\
import os, sys
from urllib.request import urlopen

assert os.path.exists("begun")
answer = urlopen(f"http://127.0.0.1:{sys.argv[1]}/own/greeting/you").read()
"""
START: dict[str, Any] = {
    "type": "debugpy",
    "request": "launch",
    "python": sys.executable,
    "envFile": "",
}


def test_several_together_stay_until_each_was_hit(root: Path) -> None:
    """After the task of all, and no one stands at its breakpoint any more."""
    (root / "asking.py").write_text(ASK)
    (root / "ask.py").write_text("import asking\nprint(asking.answer)\n")
    port = free_port()
    env = {"FLASK_RUN_PORT": str(port)}
    site = {"name": "site", **START, "module": "flask", "args": ["run"], "env": env}
    ask = {"name": "ask", **START, "program": "ask.py", "args": [str(port)]}
    whole = {"name": "all", "configurations": ["site", {"name": "ask"}]}
    compounds = [{**whole, "preLaunchTask": "begin", "stopAll": True}]
    write(root, "launch", {"configurations": [site, ask], "compounds": compounds})
    write(root, "tasks", {"tasks": [{"label": "begin", "command": "touch begun"}]})
    (found,) = examine(root, ["all"], Request(environ=ENVIRON))
    detail = "site: app.py:10 in greet; ask: ask.py:2"
    assert (found.outcome, found.detail) == (Outcome.HIT, detail)
    assert is_free(port)


def test_of_several_together_the_worst_is_told(root: Path) -> None:
    """By its name; after one that does not work no other is begun."""
    entries = [
        {"name": "a", **START, "type": "node"},
        {"name": "b", **START, "type": "python"},
        {"name": "c", **START, "program": "no.py"},
    ]
    compounds: list[dict[str, Any]] = [
        {"name": "one", "configurations": ["a"]},
        {"name": "two", "configurations": ["a", "b", "c"]},
        {"name": "three", "configurations": ["a"], "preLaunchTask": "fail"},
    ]
    write(root, "launch", {"configurations": entries, "compounds": compounds})
    write(root, "tasks", {"tasks": [{"label": "fail", "command": "exit 3"}]})
    names = [each["name"] for each in compounds]
    told = [*examine(root, names, Request(environ=ENVIRON))]
    assert [(each.outcome, each.detail) for each in told] == [
        (Outcome.NOT_RUN, "`a`: not run, as it needs a debugger of node"),
        (Outcome.FAILED, "`b`: the type `python` is not known to editors any more"),
        (Outcome.FAILED, "task `fail` ends with exit code 3"),
    ]
    assert told[1].findings[0].text == told[1].detail


def test_a_line_is_printed_for_each_entry(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Data on standard output, and what to do on standard error; or all as JSON."""
    entries = [
        {"name": "a", "type": "node", "request": "launch"},
        {"name": "b", "type": "python", "request": "launch", "program": "work.py"},
        {"name": "c", "type": "node", "request": "launch", "args": "${command:x}"},
    ]
    write(root, "launch", {"configurations": entries})
    with pytest.raises(SceneshiftError, match=r"an entry does not work: b$"):
        report(examine(root, [], Request(environ=ENVIRON)), as_json=False)
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "a: not run, as it needs a debugger of node",
        "b: failed: the type `python` is not known to editors any more",
        "c: not run, as it asks for command:x",
    ]
    assert "  `${command:x}` has no value here\n  hint: it is run from" in printed.err
    assert '  hint: write "type": "debugpy"' in printed.err
    report(examine(root, ["a"], Request(environ=ENVIRON)), as_json=True)
    (found,) = json.loads(capsys.readouterr().out)["configurations"]
    assert found["outcome"] == "not-run"
    assert found["findings"] == []
