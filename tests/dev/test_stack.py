from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.model import (
    CommandProbe,
    Condition,
    Dependency,
    HttpProbe,
    LogProbe,
    ReloadPolicy,
    SetupStep,
    StopPolicy,
    TcpProbe,
)
from sources import DEVELOPMENT, PATH, PROCESSES, THREE, load, load_one

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.dev.model import StackSpec


def test_a_procfile_alone_makes_a_stack(tmp_path: Path) -> None:
    """Zero configuration works, by honcho's rules."""
    stack = load(tmp_path)
    assert stack.environment == "development"
    assert [(p.name, p.label, p.command, p.port, p.cwd) for p in stack.processes] == [
        ("backend", "backend.1", "sleep 1", 5000, tmp_path),
        ("worker", "worker.1", "sleep 2", 5100, tmp_path),
        ("frontend", "frontend.1", "sleep 3", 5200, tmp_path),
    ]


def test_a_process_knows_itself_and_the_others(tmp_path: Path) -> None:
    """The whole environment of a process is in its specification."""
    stack = load(tmp_path, "web-app: sleep 1\nworker: sleep 2")
    assert stack.get("worker").env == {
        **PATH,
        "ENVIRONMENT": "development",
        "SCENESHIFT_ENV": "development",
        "SCENESHIFT_ROOT": str(tmp_path),
        "PYTHONUNBUFFERED": "1",
        "HONCHO_PROCESS_NAME": "worker.1",
        "PORT": "5100",
        "WEB_APP_PORT": "5000",
        "WEB_APP_URL": "http://127.0.0.1:5000",
        "WORKER_PORT": "5100",
        "WORKER_URL": "http://127.0.0.1:5100",
    }


def test_what_a_person_set_is_kept(tmp_path: Path) -> None:
    """Addresses and PYTHONUNBUFFERED are offers, the process's own table is law."""
    environ = {**PATH, "PYTHONUNBUFFERED": "", "B_URL": "https://b", "LEVEL": "info"}
    stack = load(
        tmp_path,
        "a: sleep 1\nb: sleep 1",
        f"[{PROCESSES}.a.env]\nLEVEL = 'debug'\nAPI = '${{B_URL}}/api'\nN = 2",
        {**environ, "HONCHO_PROCESS_NAME": "outer.1", "SCENESHIFT_ENV": "dev"},
    )
    env = stack.get("a").env
    names = ["PYTHONUNBUFFERED", "B_URL", "LEVEL", "API", "N", "HONCHO_PROCESS_NAME"]
    expected = ["", "https://b", "debug", "https://b/api", "2", "a.1"]
    assert [env[name] for name in names] == expected
    assert env["SCENESHIFT_ENV"] == "development"
    assert stack.get("b").env["LEVEL"] == "info"


def test_the_addresses_can_be_referred_to_everywhere(tmp_path: Path) -> None:
    """`${REDIS_PORT}` is known in variables, databases and env files."""
    (tmp_path / ".env").write_text("FROM_FILE=${WEB_URL}/x\n")
    stack = load(
        tmp_path,
        "web: sleep 1\nredis: sleep 1",
        f"[{DEVELOPMENT}]\nports = {{ redis = 6400 }}\n"
        "env = { BROKER = 'redis://127.0.0.1:${REDIS_PORT}/0' }\n"
        "databases = { cache = 'redis://127.0.0.1:${REDIS_PORT}/1' }\n",
        {**PATH, "WEB_URL": "https://web"},
    )
    assert [
        stack.get("web").env[name]
        for name in ("BROKER", "DATABASE_URL_CACHE", "FROM_FILE")
    ] == ["redis://127.0.0.1:6400/0", "redis://127.0.0.1:6400/1", "https://web/x"]


def test_a_server_that_speaks_no_http_has_an_address_of_its_own(tmp_path: Path) -> None:
    """A client library that takes REDIS_URL by itself understands it."""
    program = tmp_path / "redis-server"
    program.touch(mode=0o755)
    stack = load(tmp_path, f"web: sleep 1\nredis: {program} --port $PORT")
    assert stack.get("web").env["REDIS_URL"] == "redis://127.0.0.1:5100"
    assert stack.get("redis").url == "redis://127.0.0.1:5100"


def test_the_projects_own_python_comes_first(tmp_path: Path) -> None:
    """Programs are looked up in `.venv/bin` before PATH."""
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "only-here").touch(mode=0o755)
    env = load(tmp_path, "web: only-here").get("web").env
    assert env["PATH"] == f"{tmp_path}/.venv/bin:{os.defpath}"
    assert env["VIRTUAL_ENV"] == f"{tmp_path}/.venv"


def test_instances_have_names_and_ports_of_their_own(tmp_path: Path) -> None:
    """One port further each, and waited for all of them."""
    stack = load(
        tmp_path,
        "web: sleep 1\nproxy: sleep 2",
        f"[{PROCESSES}.proxy]\ndepends_on = ['web']",
        concurrency={"web": 2},
    )
    assert [(p.name, p.port) for p in stack.processes] == [
        ("web.1", 5000),
        ("web.2", 5001),
        ("proxy", 5100),
    ]
    proxy = stack.get("proxy")
    assert [one.name for one in proxy.depends_on] == ["web.1", "web.2"]
    assert proxy.env["WEB_PORT"] == "5000"


def test_a_type_without_instances_is_not_waited_for(tmp_path: Path) -> None:
    """`web=0` says that somebody else runs it."""
    toml = f"[{PROCESSES}.worker]\ndepends_on = ['backend']"
    stack = load(tmp_path, THREE, toml, concurrency={"backend": 0})
    assert [p.name for p in stack.processes] == ["worker", "frontend"]
    assert stack.get("worker").depends_on == ()


def test_some_processes_bring_what_they_depend_on(tmp_path: Path) -> None:
    """And keep the ports that they have in the whole stack."""
    toml = f"[{PROCESSES}.frontend]\ndepends_on = ['worker']"
    stack = load(tmp_path, THREE, toml, only=["frontend"])
    expected = [("worker", 5100), ("frontend", 5200)]
    assert [(p.name, p.port) for p in stack.processes] == expected


def test_ports_of_the_environment_replace_honchos(tmp_path: Path) -> None:
    """Numbers are fixed, `auto` is allocated, and nobody has another's."""
    toml = f"[{DEVELOPMENT}.ports]\nfrontend = 5000\nworker = 'auto'"
    ports = {p.name: p.port for p in load(tmp_path, THREE, toml).processes}
    assert (ports["backend"], ports["frontend"]) == (5100, 5000)
    assert ports["worker"] not in {None, 5000, 5100, 5200}
    assert ports == {p.name: p.port for p in load(tmp_path, THREE, toml).processes}


def _ports(stack: StackSpec) -> dict[str, int | None]:
    return {process.name: process.port for process in stack.processes}


def test_a_running_process_keeps_its_port(tmp_path: Path) -> None:
    """A new line takes the next that nobody has; started anew, all are in order."""
    former = load(tmp_path)
    lines = f"first: sleep 1\n{THREE}last: sleep 1\n"
    kept = {"backend": 5000, "worker": 5100, "frontend": 5200}
    assert _ports(load(tmp_path, lines, former=former)) == {
        "first": 5300,
        **kept,
        "last": 5400,
    }
    anew = {"first": 5000, "backend": 5100, "worker": 5200, "frontend": 5300}
    assert _ports(load(tmp_path, lines)) == {**anew, "last": 5400}


def test_a_port_that_was_left_is_given_again(tmp_path: Path) -> None:
    """A line that gets another name has the port of the former one."""
    former = load(tmp_path)
    renamed = load(tmp_path, THREE.replace("worker", "jobs"), former=former)
    assert _ports(renamed) == {"backend": 5000, "jobs": 5100, "frontend": 5200}
    fewer = load(tmp_path, "frontend: sleep 3", former=renamed)
    assert _ports(fewer) == {"frontend": 5200}
    more = load(tmp_path, "frontend: sleep 3\nnew: sleep 1", former=fewer)
    assert _ports(more) == {"frontend": 5200, "new": 5100}


def test_ports_that_are_kept_follow_what_is_edited(tmp_path: Path) -> None:
    """Where the numbers begin, and a number that is given to a process."""
    former = load(tmp_path, concurrency={"worker": 2})
    lines = f"first: sleep 1\n{THREE}"
    toml = f"[{DEVELOPMENT}.ports]\nfrontend = 3100"
    environ = {**PATH, "PORT": "3000"}
    stack = load(
        tmp_path, lines, toml, environ, former=former, concurrency={"worker": 2}
    )
    assert _ports(stack) == {
        "first": 3300,
        "backend": 3000,
        "worker.1": 3200,
        "worker.2": 3101,
        "frontend": 3100,
    }


def test_port_is_where_the_numbers_begin(tmp_path: Path) -> None:
    """As with honcho and foreman."""
    stack = load(tmp_path, environ={**PATH, "PORT": "3000"})
    assert [p.port for p in stack.processes] == [3000, 3100, 3200]


def test_what_is_known_to_listen_is_told_from_what_is_not(tmp_path: Path) -> None:
    """A worker's PORT is nobody's address, and harms nobody when it is taken."""
    stack = load(
        tmp_path,
        "web: sleep 1\na: sleep $PORT\nb: sleep ${PORT:-1}\nc: sleep 1\nd: sleep 1\n"
        "e: sleep 1\nworker: sleep $PORTS",
        f"[{PROCESSES}.c]\nhealth = 'tcp'\n[{PROCESSES}.d]\nopen = '/docs'\n"
        f"[{DEVELOPMENT}.ports]\ne = 6000\n[{PROCESSES}.worker.health]\nlog = 'x'",
    )
    listening = [p.name for p in stack.processes if p.listens]
    assert listening == ["web", "a", "b", "c", "d", "e"]
    assert stack.get("d").url == "http://127.0.0.1:5400/docs"
    assert stack.get("worker").url is None


@pytest.mark.parametrize(
    ("settings", "probe"),
    [
        ("", None),
        ("health = '/up'", HttpProbe(path="/up")),
        ("health = 'tcp'", TcpProbe()),
        ("health = { command = 'true' }", CommandProbe(command="true")),
        ("health = { log = '^up' }", LogProbe(pattern="^up")),
    ],
)
def test_each_form_of_health_is_a_probe(
    tmp_path: Path, settings: str, probe: object
) -> None:
    """The model has one probe for each form."""
    assert load_one(tmp_path, settings).probe == probe


def test_every_setting_reaches_the_model(tmp_path: Path) -> None:
    """What is configured is what the supervisor sees."""
    (tmp_path / "ui").mkdir()
    process = load_one(
        tmp_path,
        "cwd = 'ui'\nopen = '/x'\nwatch = ['a/**']\nreload = 'self'\n"
        "setup = { run = 'npm ci', when = ['package-lock.json'] }\n"
        "stop = { signal = 'sigint', time_s = 9 }",
        command="not-yet-installed",
    )
    assert process.cwd == tmp_path / "ui"
    assert process.open == "/x"
    assert process.watch == ("a/**",)
    assert process.reload is ReloadPolicy.SELF
    assert process.setup == SetupStep(run="npm ci", when=("package-lock.json",))
    assert process.stop == StopPolicy(signal=signal.SIGINT, time_s=9.0)


def test_both_forms_of_dependencies_are_read(tmp_path: Path) -> None:
    """A list means ready; a program may be installed by what completes first."""
    stack = load(
        tmp_path,
        "a: sleep 1\nb: sleep 1\nc: comes-from-b",
        f"[{PROCESSES}.b]\ndepends_on = ['a']\n"
        f"[{PROCESSES}.c.depends_on]\na = 'started'\nb = 'completed'",
    )
    assert stack.get("b").depends_on == (Dependency(name="a"),)
    assert stack.get("c").depends_on == (
        Dependency(name="a", condition=Condition.STARTED),
        Dependency(name="b", condition=Condition.COMPLETED),
    )


def test_a_diamond_is_no_circle(tmp_path: Path) -> None:
    """Two ways to one process are fine."""
    stack = load(
        tmp_path,
        "a: sleep 1\nb: sleep 1\nc: sleep 1\nd: sleep 1",
        f"[{PROCESSES}.a]\ndepends_on = ['b', 'c']\n"
        f"[{PROCESSES}.b]\ndepends_on = ['d']\n[{PROCESSES}.c]\ndepends_on = ['d']",
    )
    assert len(stack.processes) == 4


def test_all_files_that_were_looked_for_are_inputs(tmp_path: Path) -> None:
    """A change of one, or a new one, asks for another look."""
    names = [str(path.relative_to(tmp_path)) for path in load(tmp_path).inputs]
    assert names == [
        "pyproject.toml",
        ".sceneshift/environment",
        "Procfile.dev",
        ".env",
        ".env.development",
    ]


def test_the_procfile_is_the_flags_or_the_configured_one(tmp_path: Path) -> None:
    """A flag is nearer than a file."""
    (tmp_path / "P1").write_text("one: sleep 1")
    (tmp_path / "P2").write_text("two: sleep 1")
    toml = "[tool.sceneshift]\nprocfile = 'P1'"
    assert load(tmp_path, THREE, toml).processes[0].name == "one"
    assert load(tmp_path, THREE, toml, procfile="P2").processes[0].name == "two"


def test_a_process_that_is_not_there_is_not_got(tmp_path: Path) -> None:
    """`get_` raises where `find_` would return None."""
    with pytest.raises(KeyError, match="none"):
        load(tmp_path).get("none")


def test_a_link_to_the_project_is_followed(tmp_path: Path) -> None:
    """One checkout has one name, whichever way it is reached."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    stack = load(tmp_path / "link", f"web: {sys.executable} -V")
    assert stack.root == tmp_path / "real"
    assert stack.processes[0].cwd == tmp_path / "real"
