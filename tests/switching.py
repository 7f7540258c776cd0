"""Projects with several environments, and switching between them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reloading import Stack

ASGI = """\
import os
NAME = os.environ["NAME"]

async def app(scope, receive, send):
    body = NAME.encode()
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"""
WORKER = """\
import os, time
print("working in", os.environ["NAME"], flush=True)
time.sleep(300)
"""
WEB = "web: uvicorn asgi:app --port $PORT --lifespan off\n"
FILES = {"asgi.py": ASGI, "worker.py": WORKER, "Procfile.dev": WEB}

SLOW = """\
import os, time
if os.environ["NAME"] == "staging":
    open("importing", "w").write(str(os.getpid()))
    while not os.path.exists("go"):
        time.sleep(0.01)
"""

# A module that knows of migrations; files tell it what there is to be done.
MIGRATIONS = """\
import time
from typing import NamedTuple
from sceneshift.core.errors import SceneshiftError

class Pending(NamedTuple):
    database: str
    revisions: tuple
    problem: str | None = None

def find_pending(root, environ, environment):
    if (root / "unknown").exists():
        raise SceneshiftError("no database answers", hint="start it")
    lacking = (root / f"pending-{environment}").read_text().split()
    return [Pending("default", tuple(lacking)), Pending("cache", (), "it is no table")]

def migrate(root, environ, environment):
    (root / "migrating").touch()
    while (root / "hold").exists():
        time.sleep(0.01)
    if (root / "broken").exists():
        raise SceneshiftError("`default`: revision b2 has failed", hint="mend it")
    lacking = (root / f"pending-{environment}").read_text().split()
    (root / f"pending-{environment}").write_text("")
    return [Pending("default", tuple(lacking))]
"""


def environments(more: str = "", **ports: int) -> str:
    """Return a configuration with environments; `NAME` is that of each.

    Args:
        more: Other tables.
        ports: The port of `web` in each.
    """
    tables = [
        f"[tool.sceneshift.environments.{name}]\n"
        f'ports = {{ web = {port} }}\nenv = {{ NAME = "{name}" }}\n'
        for name, port in ports.items()
    ]
    return "".join([*tables, more])


def begin_switch(stack: Stack, name: str, *flags: str) -> subprocess.Popen[str]:
    """Ask for a switch, and do not wait for its end."""
    return subprocess.Popen(
        [sys.executable, "-m", "invoke", "env.switch", name, *flags],
        cwd=stack.root,
        env=stack.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def switch(stack: Stack, name: str, *flags: str) -> None:
    """Switch, and see that it is done."""
    done = stack.inv("env.switch", name, *flags)
    assert done.returncode == 0, done.stderr + stack.output


def refuse(stack: Stack, name: str, *flags: str, code: int = 1) -> str:
    """Have a switch fail; return what is said."""
    done = stack.inv("env.switch", name, *flags)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr + stack.output
    return done.stderr


def active(stack: Stack) -> str | None:
    """Return the environment that the next start would be in, as it is kept."""
    file = stack.root / ".sceneshift" / "environment"
    return file.read_text() if file.exists() else None


def is_gone(pid: int) -> bool:
    """Say whether a process has ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


class Slow:
    """A switch whose new web process waits in the middle of its imports.

    Attributes:
        stack: What runs.
        client: Who asked.
        pyproject: The configuration.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.pyproject = environments(development=stack.port, staging=stack.port)
        procfile = WEB + "worker: python worker.py\n"
        files = {**FILES, "asgi.py": SLOW + FILES["asgi.py"]}
        files |= {"pyproject.toml": self.pyproject, "Procfile.dev": procfile}
        stack.start(files)
        stack.wait_page("development")
        stack.wait_ready("worker")
        self.client = begin_switch(stack, "staging")
        stack.wait((stack.root / "importing").exists)

    def let_go(self) -> None:
        """Let the new process go on."""
        (self.stack.root / "go").touch()

    def wait_client(self) -> tuple[int, str]:
        """Return exit code and errors of who asked."""
        _said, errors = self.client.communicate(timeout=30)
        return self.client.returncode, errors

    def close(self) -> None:
        """Leave nobody who waits."""
        if self.client.poll() is None:
            self.client.kill()
        self.client.communicate()
