"""A database that is on a server of the project's own."""

from __future__ import annotations

import fcntl
import shutil
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.services import readiness
from serving_services import SETTINGS, find_major, serving
from stacks import Project
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.core.services.service import Service

pytestmark = pytest.mark.needs("postgresql")

ASKING = """\
import os, time
import psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    print("in", *connection.execute("SELECT current_database()").fetchone(), flush=True)
time.sleep(1000)
"""
# What is switched to lacks a server as yet.
WITHOUT = """\
[project]
name = "shop"
[tool.sceneshift.environments.development]
[tool.sceneshift.environments.staging]
databases = {{ default = "postgres:{major}" }}
"""


@pytest.fixture(scope="module", name="project")
def make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Return a project for all of these tests; its server is made once."""
    text = SETTINGS.format(major=find_major())
    files = {"pyproject.toml": text, "ask.py": ASKING, "Procfile.dev": "job: sleep 9\n"}
    project = Project(tmp_path_factory.mktemp("services") / "shop", files)
    with serving(project.root):
        yield project
    project.close()


@pytest.fixture(name="service")
def find(project: Project) -> Iterator[Service]:
    """Return its server, which is down before and after a test."""
    text = SETTINGS.format(major=find_major())
    project.write({"pyproject.toml": text, ".sceneshift/environment": "development\n"})
    with serving(project.root) as service:
        yield service


def has_users(service: Service) -> bool:
    """Tell whether anything keeps it from ending."""
    with (service.folder / "users.lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_a_switch_starts_what_the_environment_needs(
    project: Project, service: Service
) -> None:
    """The stack does, which was begun without, and is its user from then on."""
    shutil.rmtree(service.folder, ignore_errors=True)
    text = WITHOUT.format(major=find_major())
    project.write({"pyproject.toml": text, "Procfile.dev": "job: sleep 1000\n"})
    stack = project.start("--env", "development")
    stack.wait_status(job="ready")
    assert not readiness.is_ready(service)
    done = project.inv("env.switch", "staging")
    assert done.returncode == 0, done.stderr
    assert "is made for this project" in stack.output
    assert readiness.is_ready(service)
    assert has_users(service)
    assert stack.stop() == 130
    assert readiness.is_ready(service)


def test_it_is_up_before_the_processes_and_outlives_them(
    project: Project, service: Service
) -> None:
    """It is no process of the stack, but of use to it; nothing else is left."""
    project.write({"Procfile.dev": "job: python ask.py\n"})
    stack = project.start()
    stack.wait_for("in shop_development")
    assert has_users(service)
    pid = readiness.read_pid(service)
    assert stack.stop() == 130
    assert not has_users(service)
    assert readiness.is_ready(service)
    address = service.describe_address("", "shop_development")
    assert project.inv("data.url").stdout == f"{address}\n"
    assert readiness.read_pid(service) == pid


def test_a_command_that_is_run_is_a_user(project: Project, service: Service) -> None:
    """As long as it runs, and by whatever it is ended."""
    running = project.start_command("env.run", "--", "python", "ask.py")
    running.wait_for("in shop_development")
    assert has_users(service)
    running.process.kill()
    running.wait()
    wait_until(lambda: not has_users(service))


def test_one_that_is_down_is_none_that_is_missing(
    project: Project, service: Service
) -> None:
    """Looking starts nothing; that its programs are there is looked at."""
    assert not readiness.is_ready(service)
    checks = {each["name"]: each for each in project.ask("env.validate")["checks"]}
    assert checks["database default"]["state"] == "ok"
    assert "is started by whoever needs it" in checks["database default"]["detail"]
    (development, *_) = project.ask("env.list")["environments"]
    assert development["databases"][0]["is_reachable"] is None
    assert not readiness.is_ready(service)
    project.write({"pyproject.toml": SETTINGS.format(major=99)})
    for command in ("dev", "env.run"):
        words = ["--", "true"] if command == "env.run" else []
        done = project.inv(command, *words)
        assert done.returncode == 1
        assert "there is no PostgreSQL 99 on this machine" in done.stderr
