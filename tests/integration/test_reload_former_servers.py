"""Programs that accepted connections, and do so no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support import free_port

if TYPE_CHECKING:
    from stacks import MakeProject

SERVER = """\
import http.server, os
address = ("127.0.0.1", int(os.environ["PORT"]))
http.server.HTTPServer(address, http.server.SimpleHTTPRequestHandler).serve_forever()
"""
WORKER = "import time\nprint('working', flush=True)\ntime.sleep(300)\n"


def test_another_program_need_not_accept_connections(
    make_project: MakeProject,
) -> None:
    """Neither after an edit of the Procfile, nor in the next run."""
    project = make_project(
        {"server.py": SERVER, "worker.py": WORKER},
        processes={"app": "python server.py", "other": "python server.py"},
        PORT=str(free_port()),
    )
    stack = project.start()
    stack.wait_status(app="ready", other="ready")
    project.write({"Procfile.dev": "app: python worker.py\nother: python server.py\n"})
    stack.wait_for("| working")
    stack.wait_status(app="ready")
    assert stack.stop() == 130
    project.write({"Procfile.dev": "app: python worker.py\nother: python worker.py\n"})
    stack = project.start()
    stack.wait_status(app="ready", other="ready")
    assert stack.stop() == 130
