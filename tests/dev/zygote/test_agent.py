from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.channel import Channel

if TYPE_CHECKING:
    from pathlib import Path

# What a zygote does for a child that is parked before a file, without the fork.
BORN = """
import os, socket, sys
from sceneshift.core.channel import Channel
from sceneshift.dev.zygote import hooks
from sceneshift.dev.zygote.code import CodeCache, Territory

fd, program = int(sys.argv[1]), sys.argv[2]
agent = hooks.prepare(Territory(os.getcwd()), CodeCache())
channel = Channel(socket.socket(fileno=fd))
birth = hooks.Birth(
    marker="x.1",
    park=True,
    hot=frozenset({"/hot.py"}),
    channel=channel,
    variables={},
    held={},
)
hooks.become(agent, birth)
exec(program)
with open("done", "w"):
    pass
"""
EFFECTS = {
    "write": "open('made', 'w')",
    "append": "open('there', 'a').write('x')",
    "remove": "os.remove('there')",
    "rename": "os.rename('there', 'made')",
    "truncate": "os.truncate('there', 0)",
    "symbolic link": "os.symlink('there', 'made')",
    "link": "os.link('there', 'made')",
    "remove a folder": "os.rmdir('folder')",
    "command": "import subprocess; subprocess.run(['touch', 'made'])",
    "shell": "os.system('touch made')",
    "fork": "os.fork() or (os.mkdir('made'), os._exit(0)); os.wait()",
    "signal": "os.kill(os.getpid(), 0)",
    "thread": "import threading as t; t.Thread(target=os.mkdir, args=['made']).start()",
    "low thread": "import _thread; _thread.start_new_thread(os.mkdir, ('made',))"
    "; import time; time.sleep(0.1)",
    "connection": "socket.create_connection(('127.0.0.1', 1))",
    "address": "socket.socket().bind(('127.0.0.1', 0))",
    "database": "import sqlite3; sqlite3.connect('made').execute('create table t (x)')",
}


@pytest.mark.parametrize("effect", EFFECTS)
def test_nothing_that_others_notice_is_done_ahead(tmp_path: Path, effect: str) -> None:
    """A parked child waits before it, and does it when it is told to go on."""
    (tmp_path / "there").write_text("x")
    (tmp_path / "folder").mkdir()
    before = look(tmp_path)
    ours, theirs = socket.socketpair()
    program = f"try:\n    {EFFECTS[effect]}\nexcept OSError:\n    pass\n"
    with theirs:
        child = subprocess.Popen(
            [sys.executable, "-c", BORN, str(theirs.fileno()), program],
            cwd=tmp_path,
            pass_fds=[theirs.fileno()],
        )
    ours.settimeout(30)
    channel = Channel(ours)
    try:
        wait_parked(channel)
        assert look(tmp_path) == before
        channel.send({"op": "go"})
        assert child.wait(30) == 0
        assert (tmp_path / "done").exists()
    finally:
        child.kill()
        child.wait()
        ours.close()


def look(folder: Path) -> dict[str, bytes]:
    """Return names and contents."""
    return {
        path.name: path.read_bytes() if path.is_file() else b""
        for path in folder.iterdir()
    }


def wait_parked(channel: Channel) -> None:
    """Receive until the child says that it waits."""
    while True:
        received = channel.receive()
        assert received is not None
        if received[0]["event"] == "parked":
            return
