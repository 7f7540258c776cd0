"""Any server that reloads by fork is switched so, too."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from reloading import Visitor
from switching import FILES, WEB, environments, switch

if TYPE_CHECKING:
    from reloading import Stack

WSGI = """
import os

def app(environ, start_response):
    body = os.environ["NAME"].encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
COLD = "[tool.sceneshift.processes.web]\nreload = 'cold'\n"
COMMANDS = {
    "gunicorn": "web: gunicorn -w 2 -k gthread wsgi:app --bind 127.0.0.1:$PORT\n",
    "workers": WEB.replace("\n", " --workers 2\n"),
    "cold": WEB,
}


@pytest.mark.parametrize("keeps_alive", [False, True])
@pytest.mark.parametrize("server", COMMANDS)
def test_no_client_of_a_server_notices(
    stack: Stack, server: str, *, keeps_alive: bool
) -> None:
    """With several workers, without a fork, there and back."""
    more = COLD if server == "cold" else ""
    pyproject = environments(more, development=stack.port, staging=stack.port)
    files = {**FILES, "wsgi.py": WSGI, "Procfile.dev": COMMANDS[server]}
    stack.start({**files, "pyproject.toml": pyproject})
    stack.wait_page("development")
    for name in ("staging", "development"):
        visit_over_a_switch(stack, name, keeps_alive=keeps_alive)


def visit_over_a_switch(stack: Stack, name: str, *, keeps_alive: bool) -> None:
    """Switch while there are visitors, none of which may fail."""
    with ExitStack() as opened:
        visitors = [
            opened.enter_context(closing(Visitor(stack.port, keeps_alive=keeps_alive)))
            for _ in range(3)
        ]
        stack.wait(lambda: all(each.answers for each in visitors))
        switch(stack, name)
        stack.wait(lambda: all(each.has_last(name) for each in visitors))
    assert [failure for each in visitors for failure in each.failures] == []
