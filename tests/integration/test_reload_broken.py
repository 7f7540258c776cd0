"""Broken code: the old code goes on serving, the error is told once."""

from __future__ import annotations

from functools import partial
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from reloading import Stack

WSGI = """\
from words import WORD

def app(environ, start_response):
    start_response("200 OK", [("Content-Length", str(len(WORD)))])
    return [WORD.encode()]
"""
ASGI = """\
from words import WORD, START

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": f"lifespan.startup.{START}"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": WORD.encode()})
"""
SHOP = """\
from flask import Flask
from words import WORD

app = Flask(__name__)
app.add_url_rule("/", view_func=lambda: WORD)
"""
SERVERS = {
    "uvicorn": "uvicorn asgi:app --port $PORT",
    "flask": "flask --app shop run --port $PORT",
    "gunicorn": "gunicorn wsgi:app -b 127.0.0.1:$PORT",
    "gunicorn-uvicorn": (
        "gunicorn asgi:app -b 127.0.0.1:$PORT -k uvicorn.workers.UvicornWorker"
    ),
}
WORDS = 'WORD = "{}"\nSTART = "complete"\n'
BROKEN = {
    "syntax": ("WORD = \n", r"words\.py:1"),
    "import": ("\nimport nowhere\n" + WORDS.format("x"), r"words\.py:2"),
    "exit": ("import sys\nsys.exit(3)\n", "exit|ended|code 3"),
}


def project(server: str, words: str) -> dict[str, str]:
    """Return a project of one server."""
    files = {"asgi.py": ASGI, "wsgi.py": WSGI, "shop.py": SHOP, "words.py": words}
    return {**files, "Procfile.dev": f"web: {SERVERS[server]}\n"}


@pytest.mark.parametrize("server", SERVERS)
def test_the_old_code_serves_until_the_new_one_is_mended(
    stack: Stack, server: str
) -> None:
    """Whatever is wrong with the new code; each error is shown once."""
    stack.start(project(server, WORDS.format("old")))
    stack.wait_page("old")
    for kind, (words, place) in BROKEN.items():
        reloads = len(stack.ask("dev.why")["reloads"])
        stack.write({"words.py": words})
        stack.wait(partial(_is_last_broken, stack, reloads))
        assert stack.get() == "old", kind
        if kind != "exit":
            stack.wait_output(rf"-- .*{place}")
    stack.write({"words.py": WORDS.format("mended")})
    stack.wait_page("mended")
    notes = [line for line in stack.output.splitlines() if " | -- " in line]
    assert sum("nowhere" in line for line in notes) == 1


def _is_last_broken(stack: Stack, count: int) -> bool:
    reloads = stack.ask("dev.why")["reloads"]
    return len(reloads) > count and reloads[0]["outcome"] in ("broken", "died")


def test_a_lifespan_that_fails_leaves_the_old_code_serving(stack: Stack) -> None:
    """The server ends with 3 after it has imported everything."""
    stack.start(project("uvicorn", WORDS.format("old")))
    stack.wait_page("old")
    stack.write({"words.py": 'WORD = "new"\nSTART = "failed"\n'})
    stack.wait(lambda: _is_last_broken(stack, 0))
    assert stack.get() == "old"
    stack.write({"words.py": WORDS.format("mended")})
    stack.wait_page("mended")


@pytest.mark.parametrize("server", SERVERS)
def test_a_cold_start_with_broken_code_answers_with_the_error(
    stack: Stack, server: str
) -> None:
    """On the port, as a page, and served without a refusal once it is mended."""
    stack.start(project(server, "\nimport nowhere\n"))
    stack.wait_page("words.py")
    connection = HTTPConnection("127.0.0.1", stack.port, timeout=30)
    connection.request("GET", "/", headers={"Accept": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 503
    assert b"nowhere" in answer.read()
    connection.close()
    stack.write({"words.py": WORDS.format("mended")})
    stack.wait(lambda: stack.fetch()[1] == "mended")  # a refusal would raise


def test_a_stopped_server_leaves_its_port(stack: Stack) -> None:
    """Nobody is kept waiting in a queue that nobody serves; it comes as edited."""
    stack.start(project("uvicorn", WORDS.format("up")))
    stack.wait_page("up")
    stack.inv("dev.stop", "web")
    stack.wait(partial(_is_refused, stack))
    stack.write({"words.py": WORDS.format("meanwhile")})
    stack.inv("dev.start", "web")
    stack.wait_page("meanwhile")
    stack.write({"words.py": WORDS.format("edited")})
    stack.wait_page("edited")


def test_a_stopped_process_answers_with_its_error_no_more(stack: Stack) -> None:
    """The page goes with the port, and both come back."""
    broken = "WORD = \n"
    stack.start(project("uvicorn", broken))
    stack.wait(lambda: "words.py" in _text_of(stack))
    assert stack.inv("dev.stop", "web").returncode == 0
    stack.wait(partial(_is_refused, stack))
    stack.write({"words.py": WORDS.format("mended")})
    assert stack.inv("dev.start", "web").returncode == 0
    stack.wait_page("mended")


def test_ctrl_c_ends_it_while_the_error_is_shown(stack: Stack) -> None:
    """With the exit code of Ctrl-C, and without an error of its own."""
    stack.start(project("uvicorn", "WORD = \n"))
    stack.wait(lambda: "words.py" in _text_of(stack))
    stack.close()
    assert stack.wait_end() == 130
    assert "asyncio" not in stack.output


def _text_of(stack: Stack) -> str:
    try:
        return stack.fetch()[1]
    except OSError:
        return ""  # nobody listens yet


def _is_refused(stack: Stack) -> bool:
    try:
        stack.get(timeout_s=1)
    except ConnectionRefusedError:
        return True
    except OSError:
        pass  # it is kept waiting
    return False
