"""What editors start, beside a stack that runs already."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from breakpoints import LOOP
from reloading import Stack
from support import free_port
from watching import git

if TYPE_CHECKING:
    from stacks import MakeProject

SERVE = "sleep 0.5; python -u -m http.server --bind 127.0.0.1 $PORT"
TABLE = "[tool.sceneshift.environments.development]\n"
GATE = """\
[tool.sceneshift.processes.web]
setup = { run = "until test -e open; do sleep 0.1; done", when = [] }
"""


def test_a_process_of_the_running_stack_is_stood_for(make_project: MakeProject) -> None:
    """What an editor has started it can end, and the stack is as it was.

    Also where the stack was told of another PORT than the editor, before it is ready,
    and when it is started again.
    """
    port, named = str(free_port()), free_port()
    project = make_project(
        processes={"web": SERVE},
        settings=f'{TABLE}env = {{ PORT = "{named}" }}\n{GATE}',
        PORT=port,
    )
    stack = project.start()
    stack.wait_status(web="setup")
    env = {key: value for key, value in project.env.items() if key != "PORT"}
    with subprocess.Popen(
        [sys.executable, "-m", "sceneshift.ide.launch", "--ready", "web"],
        cwd=project.root,
        env=env,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == (
            "`web` of the stack that runs here is setup: this waits for it\n"
        )
        (project.root / "open").touch()
        assert process.stderr.readline() == (
            f"port {named}, which entries name, leads to {port}\n"
        )
        assert process.stderr.readline() == f"web is ready: http://127.0.0.1:{port}/\n"
        process.stderr.readline()
        assert project.inv("dev.restart", "web").returncode == 0
        stack.wait_status(web="ready")
        with urllib.request.urlopen(f"http://127.0.0.1:{named}/") as answer:
            assert answer.status == 200
        assert stack.stop() == 130
        assert process.wait(30) == 0


def ask(stack: Stack, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a project."""
    return subprocess.run(
        words,
        cwd=stack.root,
        env=stack.env | env,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_entry_attaches_to_the_stack_of_its_own_worktree(tmp_path: Path) -> None:
    """At the main checkout's port, which the entry names; or it is said why not."""
    port = free_port()
    main, other = Stack(tmp_path / "shop"), Stack(tmp_path / "other")
    main.root.mkdir()
    main.write(
        {
            "tasks.py": "from sceneshift import namespace\nns = namespace()\n",
            "Procfile": "work: python work.py\n",
            "work.py": LOOP,
            "pyproject.toml": f"{TABLE}debug_ports = {{ work = {port} }}\n",
            ".gitignore": ".sceneshift/\n.venv\noutput\n",
        }
    )
    assert main.inv("ide.generate").returncode == 0
    for words in (
        ("init", "-q"),
        ("add", "."),
        ("commit", "-qm", "first"),
        ("worktree", "add", "-q", "../other"),
    ):
        git(main.root, *words)
    (other.root / ".venv").symlink_to(Path(sys.prefix))
    try:
        assert other.inv("dev", "--debug", "--detach").returncode == 0
        done = other.inv("ide.doctor", "work: attach (development)")
        assert "hit" in done.stdout, done.stdout + done.stderr
        command = [sys.executable, "-m", "sceneshift.ide.reach", "work"]
        with socket.create_server(("127.0.0.1", 0)) as taken:
            named = str(taken.getsockname()[1])
            done = ask(other, *command, named)
        text = f"error: port {named}, which the entry names, is taken by pid "
        assert done.stderr.startswith(text), done.stderr
        own = re.findall(r"; in this checkout it is (\d+)", done.stderr)
        assert ask(other, *command, *own).returncode == 0
        done = ask(other, *command, *own, SCENESHIFT_ENV="staging")
        assert done.returncode == 1
        assert done.stderr == (
            "error: the stack that runs here is of `development`, and the entry of "
            "`staging`\nhint: switch it: inv env.switch staging\n"
        )
    finally:
        other.inv("dev.stop")
        shutil.rmtree(other.root)
