from __future__ import annotations

import subprocess
import sys

from sceneshift.ide.doctor.listening import find_command, find_listening

LISTEN = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""


def test_what_debugpy_listens_on_is_no_server() -> None:
    """Its adapter is among the processes of a program, and answers no request."""
    found = {}
    for name in ("debugpy.adapter", "app"):
        words = [sys.executable, "-c", LISTEN, name]
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            found[name] = find_listening([process.pid]) == {port: "127.0.0.1"}
            command = find_command(process.pid)
            assert command is not None
            assert command[0] == words
            process.communicate()
        assert find_command(process.pid) is None
        assert find_listening([process.pid]) == {}
    assert found == {"debugpy.adapter": False, "app": True}
