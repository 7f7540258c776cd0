"""Real servers, each with an application that answers with a saved number."""

from __future__ import annotations

NUMBER = "NUMBER = 0\n"
ASGI = """\
import asyncio
from number import NUMBER

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": str(NUMBER)})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    while (await receive()).get("more_body"):
        pass
    if scope["path"] == "/slow":
        await asyncio.sleep(0.6)
        start = {"type": "http.response.start", "status": 200, "headers": []}
        await send(start)
        await send({"type": "http.response.body", "body": b"slow %d" % NUMBER})
        return
    if scope["path"] == "/events":
        kind = (b"content-type", b"text/event-stream")
        await send({"type": "http.response.start", "status": 200, "headers": [kind]})
        while True:
            body = b"data: %d\\n\\n" % NUMBER
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await asyncio.sleep(0.02)
    start = {"type": "http.response.start", "status": 200}
    await send({**start, "headers": [(b"content-length", b"%d" % len(str(NUMBER)))]})
    await send({"type": "http.response.body", "body": str(NUMBER).encode()})
"""
WSGI = """\
import time
from number import NUMBER

def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(0.6)
        start_response("200 OK", [])
        return [b"slow %d" % NUMBER]
    body = str(NUMBER).encode()
    length = int(environ.get("CONTENT_LENGTH") or 0)
    environ["wsgi.input"].read(length)
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
FLASK = """\
import time
from flask import Flask
from number import NUMBER

app = Flask(__name__)

@app.route("/slow")
def slow():
    time.sleep(0.6)
    return f"slow {NUMBER}"

@app.route("/", methods=["GET", "POST"])
def index():
    return str(NUMBER)
"""
DEBUG = (
    FLASK
    + """
if __name__ == "__main__":
    import os
    app.run(port=int(os.environ["PORT"]), debug=True)
"""
)
RELOADING = """\
import os
import uvicorn

if __name__ == "__main__":
    uvicorn.run("asgi:app", port=int(os.environ["PORT"]), reload=True)
"""
DJANGO = """\
import os
import sys

from django.core.management import execute_from_command_line
from django.http import HttpResponse
from django.urls import path

ALLOWED_HOSTS = ["*"]
DEBUG = True
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "manage"
SECRET_KEY = "for a test"

def show(request):
    from number import NUMBER
    request.body
    return HttpResponse(str(NUMBER))

urlpatterns = [path("", show)]

if __name__ == "__main__":
    from number import NUMBER
    os.environ["DJANGO_SETTINGS_MODULE"] = "manage"
    execute_from_command_line(sys.argv)
"""
PLAIN = """\
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from number import NUMBER

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = str(NUMBER).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *args):
        pass

if __name__ == "__main__":
    address = ("127.0.0.1", int(os.environ["PORT"]))
    ThreadingHTTPServer(address, Handler).serve_forever()
"""
STREAMS = """\
import asyncio, os, sys
from number import NUMBER

async def answer(reader, writer):
    while await answer_one(reader, writer):
        await writer.drain()
    writer.close()

async def answer_one(reader, writer):
    length, line = 0, await reader.readline()
    is_there = line != b""
    while line not in (b"\\r\\n", b""):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
        line = await reader.readline()
    await reader.readexactly(length)
    if is_there:
        body = str(NUMBER).encode()
        head = b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n"
        writer.write(head % len(body) + body)
    return is_there

async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", int(os.environ["PORT"]))
    if sys.argv[1:] == ["patched"]:  # as by gevent
        import select
        del select.epoll
    await server.serve_forever()

if __name__ == "__main__":
    if sys.argv[1:] == ["uvloop"]:
        import uvloop
        uvloop.run(main())
    else:
        asyncio.run(main())
"""
SOURCES = {
    "asgi": ASGI,
    "wsgi": WSGI,
    "shop": FLASK,
    "debug": DEBUG,
    "reloading": RELOADING,
    "manage": DJANGO,
    "plain": PLAIN,
    "streams": STREAMS,
}
SERVERS = {
    "uvicorn": "uvicorn asgi:app --port $PORT --loop asyncio --log-level warning",
    "uvicorn-uvloop": "uvicorn asgi:app --port $PORT --loop uvloop --http httptools",
    "uvicorn-h11": "uvicorn asgi:app --port $PORT --http h11 --log-level warning",
    "workers": "uvicorn asgi:app --port $PORT --workers 2",
    "uvicorn-reload": "python reloading.py",
    "flask": "flask --app shop run --port $PORT",
    "flask-debug": "python debug.py",
    "django": "python manage.py runserver $PORT",
    "hypercorn": "hypercorn asgi:app --bind 127.0.0.1:$PORT --reload",
    "gunicorn": "gunicorn wsgi:app -b 127.0.0.1:$PORT",
    "gunicorn-threads": (
        "gunicorn wsgi:app -b 127.0.0.1:$PORT --threads 4 --keep-alive 60"
    ),
    "gunicorn-uvicorn": (
        "gunicorn asgi:app -b 127.0.0.1:$PORT -k uvicorn.workers.UvicornWorker"
    ),
    "gunicorn-asgi": "gunicorn asgi:app -b 127.0.0.1:$PORT -k asgi",
    "plain": "python plain.py",
    "asyncio": "python -m streams",
    "asyncio-patched": "python -m streams patched",
    "uvloop": "python -m streams uvloop",
}
CLOSES_EACH = {"flask", "flask-debug", "gunicorn"}  # with each answer, by itself


def project(command: str) -> dict[str, str]:
    """Return a project of one server."""
    files = {f"{name}.py": source for name, source in SOURCES.items()}
    return {**files, "number.py": NUMBER, "Procfile.dev": f"web: {command}\n"}
