"""Python's servers and an application for each, which answers with a saved number."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.applications import Application

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

# How an application computes in C and lets nobody in: in a fifth of its requests.
_COMPUTE = """\
import hashlib
import random

from number import VALUE

def compute():
    if {rounds} and random.random() < 0.2:
        hashlib.pbkdf2_hmac("sha256", b"", b"", {rounds})

"""
_ASGI = """\
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    while (await receive()).get("more_body"):
        pass
    compute()
    body = b"[%d]" % VALUE
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"""
_FLASK = """\
from flask import Flask, request

app = Flask(__name__)

@app.route("/", methods=["GET", "POST"])
def show():
    request.get_data()
    compute()
    return f"[{VALUE}]"
"""
_PLAIN = """\
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        compute()
        body = b"[%d]" % VALUE
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *args):
        pass

if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
_WSGI = """\
def app(environ, start_response):
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    compute()
    body = b"[%d]" % VALUE
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
_AIOHTTP = """\
import sys
from aiohttp import web

async def show(request):
    await request.read()
    compute()
    return web.Response(text=f"[{VALUE}]")

if __name__ == "__main__":
    app = web.Application()
    app.router.add_route("*", "/", show)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that knows nothing of reloading.

    Attributes:
        arguments: Of the interpreter; `{port}` is to be replaced.
        source: The application, which begins with what all have.
        needs: What it imports that is not Python's own.
        keeps: Whether its open connections live through a reload.
    """

    arguments: str
    source: str = _ASGI
    needs: tuple[str, ...] = ()
    keeps: bool = False

    def write(self, folder: Path, rounds: int) -> Application:
        """Write its application, which computes so many rounds; 0 means never."""
        folder.mkdir(parents=True)
        text = _COMPUTE.format(rounds=rounds) + self.source
        (folder / "app.py").write_text(text)
        number = folder / "number.py"
        number.write_text("VALUE = 0\n")
        return Application(folder=folder, files=(number,))


def _uvicorn(loop: str, http: str) -> Server:
    return Server(
        arguments=f"{_UVICORN} --loop {loop} --http {http}",
        needs=tuple({"uvicorn", loop, http} - {"asyncio"}),
        keeps=True,
    )


_UVICORN = "-m uvicorn app:app --port {port} --log-level warning"
SERVERS: Mapping[str, Server] = {
    "uvicorn-asyncio-h11": _uvicorn("asyncio", "h11"),
    "uvicorn-asyncio-httptools": _uvicorn("asyncio", "httptools"),
    "uvicorn-uvloop-httptools": _uvicorn("uvloop", "httptools"),
    "uvicorn-uvloop-h11": _uvicorn("uvloop", "h11"),
    "gunicorn-uvicorn": Server(
        arguments=(
            "-m gunicorn app:app -b 127.0.0.1:{port} -k uvicorn.workers.UvicornWorker"
        ),
        needs=("gunicorn", "uvicorn"),
        keeps=True,
    ),
    "flask": Server(
        arguments="-m flask --app app run --port {port}",
        source=_FLASK,
        needs=("flask",),
    ),
    "gunicorn-threads": Server(
        arguments="-m gunicorn app:app -b 127.0.0.1:{port} --threads 4",
        source=_WSGI,
        needs=("gunicorn",),
        keeps=True,
    ),
    "gunicorn-asgi": Server(
        arguments="-m gunicorn app:app -b 127.0.0.1:{port} -k asgi",
        needs=("gunicorn", "uvloop"),
        keeps=True,
    ),
    "hypercorn": Server(
        arguments="-m hypercorn app:app --bind 127.0.0.1:{port}",
        needs=("hypercorn",),
        keeps=True,
    ),
    "aiohttp": Server(
        arguments="app.py {port}", source=_AIOHTTP, needs=("aiohttp",), keeps=True
    ),
    "http.server": Server(arguments="app.py {port}", source=_PLAIN, keeps=True),
}
_FIND = """\
import json, sys
from importlib.util import find_spec
print(json.dumps([name for name in sys.argv[1:] if not find_spec(name)]))
"""


def find_missing(
    python: Path, servers: Iterable[Server], env: Mapping[str, str]
) -> set[str]:
    """Return what an interpreter cannot import of what servers need."""
    names = sorted({name for server in servers for name in server.needs})
    argv = (str(python), "-c", _FIND, *names)
    done = subprocess.run(argv, env=env, check=True, capture_output=True)
    return set(json.loads(done.stdout))
