"""Pages as development servers make them: code, and a source map within it."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Of code that has two lines before those of its source, which are as they were.
_SHIFT = ";;AAAA"


def make_map(source: str, text: str, **more: Any) -> dict[str, Any]:
    """Return the source map of code that `make_code` makes."""
    following = ";AACA" * (len(text.splitlines()) - 1)
    mappings = f"{_SHIFT}{following}"
    return {"version": 3, "sources": [source], "mappings": mappings, **more}


def make_code(source: str, text: str, **more: Any) -> str:
    """Return what a server makes of a source: two lines more, and a map."""
    data = base64.b64encode(json.dumps(make_map(source, text, **more)).encode())
    address = f"data:application/json;base64,{data.decode()}"
    return f"// made\nlet made;\n{text}//# sourceMappingURL={address}\n"


@contextlib.contextmanager
def serving(files: Mapping[str, str]) -> Iterator[int]:
    """Serve files by their paths; yield the port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer, or say that there is none."""
            text = files.get(self.path.partition("?")[0])
            kind = "javascript" if self.path.endswith(("js", "ts")) else "html"
            data = (text or "there is none").encode()
            self.send_response(404 if text is None else 200)
            self.send_header("Content-Type", f"text/{kind}")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()
