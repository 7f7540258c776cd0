"""A stack that runs goes over to another environment, beside the old one."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import psutil
import pytest

from reloading import Stack, Visitor
from support import free_port
from switching import (
    ASGI,
    FILES,
    WEB,
    active,
    begin_switch,
    environments,
    is_gone,
    switch,
)
from watching import git

if TYPE_CHECKING:
    from pathlib import Path


def refuses(port: int) -> bool:
    """Say whether nobody listens on a port."""
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("keeps_alive", [False, True])
def test_no_request_fails_until_the_client_is_told(
    stack: Stack, *, keeps_alive: bool
) -> None:
    """The old address serves until then, and is given up afterwards."""
    new = free_port()
    pyproject = environments(development=stack.port, staging=new)
    stack.start({**FILES, "pyproject.toml": pyproject})
    stack.wait_page("development")
    with closing(Visitor(stack.port, keeps_alive=keeps_alive)) as visitor:
        stack.wait(lambda: visitor.answers)
        switch(stack, "staging")
    assert visitor.failures == []
    assert {*visitor.answers} == {"development"}
    old, stack.port = stack.port, new
    assert stack.get() == "staging"
    stack.wait(lambda: refuses(old))
    assert stack.ask("dev.status")["environment"] == "staging"
    assert active(stack) == "staging\n"


@pytest.mark.parametrize("keeps_alive", [False, True])
def test_an_address_is_handed_over_without_a_failed_request(
    stack: Stack, *, keeps_alive: bool
) -> None:
    """Both environments have the same port; open connections go on."""
    pyproject = environments(development=stack.port, staging=stack.port)
    stack.start({**FILES, "pyproject.toml": pyproject})
    stack.wait_page("development")
    with closing(Visitor(stack.port, keeps_alive=keeps_alive)) as visitor:
        stack.wait(lambda: visitor.has_last("development"))
        switch(stack, "staging")
        stack.wait(lambda: visitor.has_last("staging"))
    assert visitor.failures == []
    assert not keeps_alive or visitor.connections == 1
    assert visitor.answers == sorted(visitor.answers)


SERVER = """\
import http.server, os

class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = os.environ["NAME"].encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

address = "127.0.0.1", int(os.environ["PORT"])
http.server.ThreadingHTTPServer(address, Page).serve_forever()
"""


def test_a_server_that_knows_only_how_to_accept_takes_connections_over(
    stack: Stack,
) -> None:
    """Those that the old one had accepted itself."""
    pyproject = environments(development=stack.port, staging=stack.port)
    files = {"server.py": SERVER, "pyproject.toml": pyproject}
    stack.start({**files, "Procfile.dev": "web: python server.py\n"})
    stack.wait_page("development")
    with closing(Visitor(stack.port, keeps_alive=True)) as visitor:
        stack.wait(lambda: visitor.has_last("development"))
        switch(stack, "staging")
        stack.wait(lambda: visitor.has_last("staging"))
    assert (visitor.failures, visitor.connections) == ([], 1)


def test_what_would_be_the_same_is_not_touched(stack: Stack) -> None:
    """A server of which it is known that it does not read what is another."""
    pyproject = environments(development=stack.port, staging=stack.port)
    stack.write({"redis-server": "#!/bin/sh\nexec sleep 300\n"})
    (stack.root / "redis-server").chmod(0o755)
    procfile = WEB + "redis: ./redis-server --port $PORT\n"
    stack.start({**FILES, "pyproject.toml": pyproject, "Procfile.dev": procfile})
    stack.wait_page("development")
    redis, web = stack.pid("redis"), stack.pid("web")
    said = stack.ask("env.switch", "staging")
    assert [each["action"] for each in said["actions"]] == ["replace", "keep"]
    assert stack.pid("redis") == redis
    assert stack.pid("web") != web
    stack.inv("dev.restart", "redis")
    environ = f"/proc/{stack.pid('redis')}/environ"
    with open(environ, "rb") as file:  # noqa: PTH123
        assert b"ENVIRONMENT=staging" in file.read().split(b"\0")


def test_what_is_read_at_import_is_the_targets(stack: Stack, tmp_path: Path) -> None:
    """By installed packages, which a zygote imports ahead, as by the project."""
    packages = make_packages(stack, tmp_path)
    (packages / "vendored.py").write_text('import os\nNAME = os.environ["NAME"]\n')
    both = ASGI.replace("body = NAME", 'body = (vendored.NAME + " " + NAME)')
    pyproject = environments(development=stack.port, staging=stack.port)
    files = {**FILES, "asgi.py": "import vendored\n" + both}
    stack.start({**files, "pyproject.toml": pyproject})
    stack.wait_page("development development")
    wait_learned(stack, "vendored")
    switch(stack, "staging")
    assert stack.get() == "staging staging"


def test_what_is_imported_ahead_in_the_moment_of_a_switch_is_the_targets(
    stack: Stack, tmp_path: Path
) -> None:
    """Nobody has heard yet what that import reads."""
    packages = make_packages(stack, tmp_path)
    (packages / "vendored.py").write_text(
        "import os, time\n"
        'print("importing", os.getpid(), flush=True)\n'
        "time.sleep(2)\n"
        'NAME = os.environ["NAME"]\n'
    )
    both = ASGI.replace("body = NAME", 'body = (vendored.NAME + " " + NAME)')
    pyproject = environments(development=stack.port, staging=stack.port)
    files = {**FILES, "asgi.py": "import vendored\n" + both}
    stack.start({**files, "pyproject.toml": pyproject})
    stack.wait_page("development development")
    stack.wait_output(f"importing {psutil.Process(stack.pid('web')).ppid()}")
    switch(stack, "staging")
    assert stack.get() == "staging staging"


def is_prepared(zygote: int, old: int, new: int) -> bool:
    """Say whether children wait beside the new process, and the old one is gone."""
    pids = {each.pid for each in psutil.Process(zygote).children()}
    return new in pids and old not in pids and len(pids) > 1


def switch_and_suspend(stack: Stack) -> psutil.Process:
    """Switch to a port of its own; return what has the old one, and hears nothing."""
    pyproject = environments(development=stack.port, staging=free_port())
    stack.start({**FILES, "pyproject.toml": pyproject})
    stack.wait_page("development")
    stack.wait_output("ready")
    switch(stack, "staging")
    zygote = psutil.Process(stack.pid("web")).parent()
    assert zygote is not None
    zygote.suspend()
    return zygote


def test_a_switch_back_waits_until_the_old_port_is_free(stack: Stack) -> None:
    """The zygote that both environments share has it until it hears otherwise."""
    zygote = switch_and_suspend(stack)
    asking = begin_switch(stack, "development")
    with contextlib.suppress(subprocess.TimeoutExpired):
        asking.wait(1)
    zygote.resume()
    _, said = asking.communicate(timeout=60)
    assert asking.returncode == 0, said
    assert stack.get() == "development"


def test_a_plan_of_a_switch_back_does_not_wait_for_the_old_port(stack: Stack) -> None:
    """A switch would, so that it is taken hinders nobody."""
    zygote = switch_and_suspend(stack)
    try:
        said = stack.ask("env.switch", "development", "--dry-run")
    finally:
        zygote.resume()
    assert [each["new_port"] for each in said["actions"]] == [stack.port]


def make_packages(stack: Stack, folder: Path) -> Path:
    """Return a folder whose modules count as installed packages."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "user" / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    stack.env |= {"PYTHONUSERBASE": str(folder / "user"), "PYTHONPATH": str(packages)}
    return packages


def wait_learned(stack: Stack, module: str) -> None:
    """Wait until it is known that a module may be imported ahead."""
    learned = stack.root / ".sceneshift" / "zygote" / "web.json"
    stack.wait(learned.exists)
    stack.wait(lambda: module in json.loads(learned.read_text())["foreign"])


def test_what_reads_nothing_of_the_environment_is_imported_once(
    stack: Stack, tmp_path: Path
) -> None:
    """A child of the same zygote runs in the target, and its successors there too."""
    packages = make_packages(stack, tmp_path)
    (packages / "vendored.py").write_text(
        'import os\nprint("imported", os.getpid(), os.environ.get("LOG"), flush=True)\n'
    )
    first, second = stack.port, free_port()
    pyproject = environments(development=first, staging=second)
    files = {**FILES, "asgi.py": "import vendored\n" + ASGI}
    stack.start({**files, "pyproject.toml": pyproject})
    stack.wait_page("development")
    wait_learned(stack, "vendored")
    zygote = psutil.Process(stack.pid("web")).ppid()
    stack.wait_output(f"imported {zygote}")
    count, old = stack.output.count("imported"), stack.pid("web")
    switch(stack, "staging")
    stack.port = second
    stack.wait(partial(is_prepared, zygote, old, stack.pid("web")))
    assert stack.get() == "staging"
    assert psutil.Process(stack.pid("web")).ppid() == zygote
    stack.edit("asgi.py", "NAME.encode", "NAME[1:].encode")
    stack.wait_page("taging")
    switch(stack, "development")
    stack.port = first
    assert stack.get() == "evelopment"
    assert psutil.Process(stack.pid("web")).ppid() == zygote
    assert stack.output.count("imported") == count


def test_a_worker_works_in_the_target(stack: Stack) -> None:
    """The old one ends when the new one is at work."""
    pyproject = environments(development=stack.port, staging=free_port())
    procfile = WEB + "worker: python worker.py\n"
    stack.start({**FILES, "pyproject.toml": pyproject, "Procfile.dev": procfile})
    stack.wait_page("development")
    stack.wait_ready("worker")
    old = stack.pid("worker")
    switch(stack, "staging")
    stack.wait_output("working in staging")
    assert stack.status("worker")["state"] == "ready"
    stack.wait(lambda: is_gone(old))


BY_SHELL = "web: true; exec python -m http.server $PORT --bind 127.0.0.1\n"


def test_what_cannot_run_beside_itself_is_stopped_last(stack: Stack) -> None:
    """A shell's command on the same port, when all others are ready."""
    pyproject = environments(development=stack.port, staging=stack.port)
    procfile = BY_SHELL + "worker: python worker.py\n"
    stack.start({**FILES, "pyproject.toml": pyproject, "Procfile.dev": procfile})
    stack.wait_page("asgi.py")
    said = stack.ask("env.switch", "staging")
    (web, worker) = said["actions"]
    assert (web["how"], web["stops"], worker["how"]) == ("in turn", ["web"], "beside")
    assert "asgi.py" in stack.get()
    with open(f"/proc/{stack.pid('web')}/environ", "rb") as file:  # noqa: PTH123
        assert b"NAME=staging" in file.read().split(b"\0")


SLOW = """\
import os, time
import text
if os.environ["NAME"] == "staging":
    open("importing", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
"""


def test_what_is_saved_during_a_switch_is_not_lost(stack: Stack) -> None:
    """The new process has read the file already; it is reloaded afterwards."""
    pyproject = environments(development=stack.port, staging=stack.port)
    body = ASGI.replace("body = NAME", "body = (NAME + text.TEXT)")
    files = {**FILES, "asgi.py": SLOW + body, "text.py": "TEXT = ' one'\n"}
    stack.start({**files, "pyproject.toml": pyproject})
    stack.wait_page("development one")
    switching = begin_switch(stack, "staging")
    stack.wait((stack.root / "importing").exists)
    stack.write({"text.py": "TEXT = ' two'\n", ".env.staging": "OWN=1\n"})
    (stack.root / "go").touch()
    assert switching.wait(30) == 0, switching.communicate()
    stack.wait_page("staging two")
    switching.communicate()


def test_there_and_back_again_leaves_nothing(stack: Stack) -> None:
    """No descriptor, no process."""
    pyproject = environments(development=stack.port, staging=free_port())
    procfile = WEB + "worker: python worker.py\n"
    stack.start({**FILES, "pyproject.toml": pyproject, "Procfile.dev": procfile})
    stack.wait_page("development")
    for name in ("staging", "development"):
        switch(stack, name)
    counts: list[tuple[int, int]] = []

    def is_steady() -> bool:
        counts.append((stack.descriptors(), len(stack.leftovers())))
        return counts[-50:] == counts[-1:] * 50

    stack.wait(is_steady)
    before = counts[-1]
    for name in ("staging", "development") * 3:
        switch(stack, name)
    stack.wait(lambda: (stack.descriptors(), len(stack.leftovers())) == before)


def test_a_switch_is_first_told_and_then_done(stack: Stack) -> None:
    """`--dry-run` says what would be done; the end says where everything is."""
    new = free_port()
    table = '[tool.sceneshift.processes.web]\nhealth = "/health"\nopen = "/docs"\n'
    pyproject = environments(table, development=stack.port, staging=new)
    stack.start({**FILES, "pyproject.toml": pyproject})
    stack.wait_page("development")
    pid = stack.pid("web")
    plan = stack.ask("env.switch", "staging", "--dry-run")
    assert (plan["outcome"], stack.pid("web"), active(stack)) == ("planned", pid, None)
    (action,) = plan["actions"]
    assert (action["how"], action["settings"]) == ("beside", ["port"])
    assert {"NAME", "ENVIRONMENT", "PORT"} < {*action["variables"]}
    said = stack.ask("env.switch", "staging")
    assert said["outcome"] == "switched"
    assert said["duration_s"] > 0
    base = f"http://127.0.0.1:{new}"
    assert said["links"] == [f"{base}/docs", f"{base}/health"]
    again = stack.inv("env.switch", "staging")
    assert (again.returncode, again.stdout) == (0, again.stdout)
    assert "`staging` is active already" in again.stderr


def test_a_plan_changes_nothing(stack: Stack) -> None:
    """No port is remembered for it, and it stands in nobody's way."""
    settings = '[tool.sceneshift.environments.staging]\nports = { web = "auto" }\n'
    settings += 'env = { NAME = "staging" }\n'
    pyproject = environments(settings, development=stack.port)
    stack.start({**FILES, "pyproject.toml": pyproject})
    stack.wait_page("development")
    stack.wait_ready("web")
    state = stack.root / ".sceneshift"
    before = {path for path in state.rglob("*") if path.parent.name != "zygote"}
    (action,) = stack.ask("env.switch", "staging", "--dry-run")["actions"]
    after = {path for path in state.rglob("*") if path.parent.name != "zygote"}
    assert after == before
    said = stack.ask("env.switch", "staging")
    assert said["actions"] == [action]


def test_a_worktree_is_told_by_its_own_name(tmp_path: Path) -> None:
    """Addresses and links alike: there its cookies are."""
    table = '[tool.sceneshift.processes.web]\nhealth = "/health"\nopen = "/api/docs"\n'
    pyproject = environments(table, development=free_port(), staging=free_port())
    main, tree = Stack(make_folder(tmp_path / "shop")), Stack(tmp_path / "one")
    main.write({**FILES, "pyproject.toml": pyproject, ".gitignore": "output\n"})
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        git(main.root, *words)
    git(main.root, "worktree", "add", "-q", "../one")
    del tree.env["PORT"]
    with closing(tree):
        tree.start({"pyproject.toml": pyproject})
        tree.wait_ready("web")
        said = tree.ask("env.switch", "staging")
        (web,) = said["processes"]
        base = f"http://one.shop.localhost:{web['port']}"
        assert said["links"] == [f"{base}/api/docs", f"{base}/health"]
        table = tree.inv("env.switch", "staging").stdout
    assert table.splitlines()[1].split()[2:] == said["links"]


def make_folder(path: Path) -> Path:
    """Make a folder and return it."""
    path.mkdir()
    return path


def test_where_nothing_runs_the_next_start_is_in_it(stack: Stack) -> None:
    """And a start is, unless it is told otherwise."""
    pyproject = environments(development=stack.port, staging=stack.port)
    stack.write({"tasks.py": "from sceneshift import namespace\nns = namespace()\n"})
    stack.write({**FILES, "pyproject.toml": pyproject})
    planned = stack.ask("env.switch", "staging", "--dry-run")
    assert (planned["outcome"], active(stack)) == ("planned", None)
    done = stack.inv("env.switch", "staging")
    assert "the next `inv dev` starts in `staging`" in done.stderr
    assert active(stack) == "staging\n"
    stack.env["SCENESHIFT_ENV"] = "development"
    done = stack.inv("env.switch", "staging")
    assert "SCENESHIFT_ENV is set here" in done.stderr
    del stack.env["SCENESHIFT_ENV"]
    stack.start({**FILES, "pyproject.toml": pyproject})
    stack.wait_page("staging")


def test_the_configuration_is_read_on_in_the_target(stack: Stack) -> None:
    """Though the start was told another environment."""
    pyproject = environments(development=stack.port, staging=stack.port)
    stack.start({**FILES, "pyproject.toml": pyproject}, "--env", "development")
    stack.wait_page("development")
    switch(stack, "staging")
    stack.edit("pyproject.toml", 'NAME = "staging"', 'NAME = "other"')
    stack.wait_page("other")
    assert os.listdir(stack.root / ".sceneshift").count("environment") == 1  # noqa: PTH208


def test_each_database_is_set_up_once(stack: Stack) -> None:
    """What has filled that of one environment has not filled that of another."""
    tables = environments(development=stack.port, staging=stack.port).split("env =")
    pyproject = "env =".join(
        [
            tables[0] + 'databases = { default = "sqlite:///one.db" }\n',
            tables[1] + 'databases = { default = "sqlite:///two.db" }\n',
            tables[2] + "[tool.sceneshift.processes.web]\n"
            "setup = { run = 'echo filling $DATABASE_URL' }\n",
        ]
    )
    stack.start({**FILES, "pyproject.toml": pyproject})
    stack.wait_page("development")
    for name in ("staging", "development", "staging"):
        switch(stack, name)
    assert stack.output.count("| filling sqlite:///") == 2
    assert stack.output.count("/two.db") == 1
