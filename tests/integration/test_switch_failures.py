"""A switch that comes to nothing leaves the old environment as it was."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from reloading import Visitor
from support import free_port
from switching import ASGI, FILES, WEB, active, environments, refuse, switch

if TYPE_CHECKING:
    from reloading import Stack

CRASH = """\
import os
print("starting in", os.environ["NAME"], flush=True)
if os.environ["NAME"] == "staging":
    raise RuntimeError("no such database")
"""
SETUP = """\
[tool.sceneshift.processes.web]
setup = { run = "echo preparing $NAME; test $NAME = development" }
"""
NEVER = """\
[tool.sceneshift.processes.web]
health = { command = "test $NAME = development" }
"""


def test_a_crash_at_import_is_told_with_the_last_lines(stack: Stack) -> None:
    """The old process serves on, and nothing of the new ones is left."""
    new = free_port()
    pyproject = environments(development=stack.port, staging=new)
    procfile = WEB + "worker: python crash.py\n"
    crash = CRASH + "import time\ntime.sleep(300)\n"
    files = {**FILES, "crash.py": crash, "Procfile.dev": procfile}
    stack.start({**files, "pyproject.toml": pyproject})
    stack.wait_page("development")
    stack.wait_ready("worker")
    pids = stack.pid("web"), stack.pid("worker")
    with closing(Visitor(stack.port, keeps_alive=True)) as visitor:
        said = refuse(stack, "staging")
    assert "worker | starting in staging" in said
    assert "not switched to `staging`: `worker`: crash.py:4: RuntimeError" in said
    assert "`development` goes on" in said
    assert (stack.pid("web"), stack.pid("worker")) == pids
    assert visitor.failures == []
    assert active(stack) is None
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", new)) != 0
    stack.edit("crash.py", '"staging"', '"nowhere"')
    switch(stack, "staging")


LEAK = """\
import os, time
print("with", os.environ["API_KEY"], flush=True)
if os.environ["NAME"] == "staging":
    raise ValueError("refused: " + os.environ["API_KEY"])
time.sleep(300)
"""


def test_the_last_lines_of_a_failure_have_no_secrets(stack: Stack) -> None:
    """Those that are known by the names of the variables that have them."""
    pyproject = environments(development=stack.port, staging=stack.port)
    files = {**FILES, "Procfile.dev": "worker: python leak.py\n", "leak.py": LEAK}
    files |= {".env": "API_KEY=word-of-mouth\n"}
    stack.start({**files, "pyproject.toml": pyproject.replace("web", "worker")})
    stack.wait_ready("worker")
    said = refuse(stack, "staging")
    assert "worker | with ***\n" in said
    assert "`worker`: leak.py:4: ValueError: refused: ***\n" in said
    (told,) = stack.ask("dev.why")["switches"]
    assert told["error"] == "`worker`: leak.py:4: ValueError: refused: ***"


def test_a_set_up_that_fails_is_told_with_what_it_said(stack: Stack) -> None:
    """Nothing of the target was started."""
    pyproject = environments(SETUP, development=stack.port, staging=stack.port)
    stack.start({**FILES, "pyproject.toml": pyproject})
    stack.wait_page("development")
    pid = stack.pid("web")
    (stack.root / ".sceneshift" / "setup" / "web.json").unlink()
    said = refuse(stack, "staging")
    assert "web | preparing staging" in said
    assert "not switched to `staging`: `web`: " in said
    assert (stack.pid("web"), stack.get()) == (pid, "development")


def test_what_is_never_healthy_is_given_up(stack: Stack) -> None:
    """After so many seconds; it is said what it had written."""
    pyproject = environments(NEVER, development=stack.port, staging=free_port())
    stack.start({**FILES, "pyproject.toml": pyproject})
    stack.wait_page("development")
    stack.wait_ready("web")
    pid = stack.pid("web")
    said = refuse(stack, "staging", "--within", "3")
    assert "`web`: not ready within 3 s" in said
    assert "web | INFO:     Started server process" in said
    assert (stack.pid("web"), stack.get()) == (pid, "development")


CHATTY = """\
import os, time
while True:
    print("at work in", os.environ["NAME"], flush=True)
    time.sleep(0.01)
"""
LINE = """\
[tool.sceneshift.processes.web]
health = { log = "at work in development" }
"""


def test_a_line_of_the_old_process_says_nothing_of_the_new_one(stack: Stack) -> None:
    """Both write to one stream for the time of the switch."""
    pyproject = environments(LINE, development=stack.port, staging=free_port())
    files = {"chatty.py": CHATTY, "Procfile.dev": "web: python chatty.py\n"}
    stack.start({**files, "pyproject.toml": pyproject})
    stack.wait_ready("web")
    said = refuse(stack, "staging", "--within", "3")
    assert "web | at work in staging" in said
    assert "`web`: not ready within 3 s" in said


def test_a_port_that_is_taken_is_told_with_who_holds_it(stack: Stack) -> None:
    """Before anything starts."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        taken = sock.getsockname()[1]
        pyproject = environments(development=stack.port, staging=taken)
        stack.start({**FILES, "pyproject.toml": pyproject})
        stack.wait_page("development")
        said = refuse(stack, "staging")
    assert f"port {taken} of `web` is taken by pid {os.getpid()}" in said
    assert stack.get() == "development"


def test_an_address_goes_back_to_whoever_had_it(stack: Stack) -> None:
    """Where something fails after it was handed over: here what waits for it."""
    pyproject = environments(
        "[tool.sceneshift.processes.worker]\ndepends_on = ['web']\n",
        development=stack.port,
        staging=stack.port,
    )
    procfile = WEB + "worker: python crash.py\n"
    crash = CRASH + "import time\ntime.sleep(300)\n"
    files = {**FILES, "crash.py": crash, "Procfile.dev": procfile}
    stack.start({**files, "pyproject.toml": pyproject})
    stack.wait_page("development")
    stack.wait_ready("worker")
    pid = stack.pid("web")
    with closing(Visitor(stack.port, keeps_alive=False)) as visitor:
        stack.wait(lambda: visitor.has_last("development"))
        assert "no such database" in refuse(stack, "staging")
        stack.wait(lambda: visitor.has_last("development"))
    assert visitor.failures == []
    assert stack.pid("web") == pid
    assert stack.get() == "development"


def test_what_was_stopped_for_it_is_started_again(stack: Stack) -> None:
    """A shell's command on the same port, which its new self cannot have."""
    pyproject = environments(development=stack.port, staging=stack.port)
    serve = "exec python -m http.server $PORT --bind 127.0.0.1"
    procfile = f"web: echo in $NAME; test $NAME = development && {serve}\n"
    stack.start({**FILES, "pyproject.toml": pyproject, "Procfile.dev": procfile})
    stack.wait_page("asgi.py")
    stack.wait_ready("web")
    said = refuse(stack, "staging")
    assert "web | in staging" in said
    assert "`web`: ended with exit code 1" in said
    assert stack.status("web")["state"] == "ready"
    assert "asgi.py" in stack.get()
    assert stack.ask("dev.status")["environment"] == "development"


def test_what_is_down_stays_down_with_its_page(stack: Stack) -> None:
    """Nobody else answers at its address, which it would have handed over."""
    table = "[tool.sceneshift.processes.worker]\ndepends_on = ['web']\n"
    pyproject = environments(table, development=stack.port, staging=stack.port)
    broken = FILES["asgi.py"].replace(
        "async", "if NAME == 'development':\n    raise NameError('mend me')\nasync"
    )
    crash = "raise SystemExit(3)\n"
    procfile = WEB + "worker: python crash.py\n"
    files = {**FILES, "asgi.py": broken, "crash.py": crash, "Procfile.dev": procfile}
    stack.start({**files, "pyproject.toml": pyproject})
    stack.wait_page("mend me")
    assert "`worker`: ended with exit code 3" in refuse(stack, "staging")
    stack.wait_page("mend me")


@pytest.mark.parametrize("command", ["python mute.py", "echo mute; sleep 300; :"])
def test_the_page_of_what_is_down_is_no_new_process(stack: Stack, command: str) -> None:
    """It answers where a new process would, by fork or not, which says nothing yet."""
    pyproject = environments(development=stack.port, staging=stack.port)
    pyproject += 'env = { NAME = "staging", PROCFILE = "Procfile.other" }\n'
    pyproject = pyproject.replace('env = { NAME = "staging" }\n', "", 1)
    files = {**FILES, "asgi.py": "raise NameError('mend me')\n"}
    files |= {"mute.py": "import time\ntime.sleep(300)\n"}
    files |= {"Procfile.other": f"web: {command}\n", "pyproject.toml": pyproject}
    stack.start(files)
    stack.wait_page("mend me")
    said = refuse(stack, "staging", "--within", "1")
    assert "error: not switched to `staging`: `web`: not ready within 1 s\n" in said
    stack.wait_page("mend me")
    stack.write({"asgi.py": ASGI})
    stack.wait_page("development")


def test_what_never_listens_is_taken_to_be_ready_as_ever(stack: Stack) -> None:
    """Nobody answers where it would, the old one neither."""
    pyproject = environments(development=stack.port, staging=stack.port)
    mute = {"mute.py": "import time\ntime.sleep(300)\n"}
    files = {**FILES, **mute, "Procfile.dev": "web: python mute.py\n"}
    stack.start({**files, "pyproject.toml": pyproject})
    stack.wait_ready("web")
    switch(stack, "staging", "--within", "15")  # ten, and what the rest takes


def test_a_name_that_is_not_there_is_told_with_the_nearest(stack: Stack) -> None:
    """Running or not."""
    pyproject = environments(development=stack.port, staging=free_port())
    stack.start({**FILES, "pyproject.toml": pyproject})
    stack.wait_page("development")
    assert "did you mean `staging`?" in refuse(stack, "stagign", code=2)
    assert stack.inv("dev.stop").returncode == 0
    assert "did you mean `staging`?" in refuse(stack, "stagign", code=2)
    assert active(stack) is None


def test_a_target_that_cannot_be_is_refused(stack: Stack) -> None:
    """By the key that is wrong; what runs goes on."""
    pyproject = environments(development=stack.port, staging=free_port())
    table = "[tool.sceneshift.environments.broken]\nports = { wbe = 1 }\n"
    stack.start({**FILES, "pyproject.toml": pyproject + table})
    stack.wait_page("development")
    assert "environments.broken.ports.wbe" in refuse(stack, "broken", code=2)
    assert stack.get() == "development"


def test_a_name_that_cannot_be_kept_is_no_switch(stack: Stack) -> None:
    """What the next start would be in is a part of it."""
    pyproject = environments(development=stack.port, staging=free_port())
    stack.start({**FILES, "pyproject.toml": pyproject}, "--env", "development")
    stack.wait_page("development")
    (stack.root / ".sceneshift" / "environment").mkdir()
    assert "the state of this checkout cannot be written" in refuse(stack, "staging")
    assert stack.get() == "development"
