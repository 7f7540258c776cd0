"""A headless Chromium that a test drives over two pipes, with nothing installed.

See `--remote-debugging-pipe`: the DevTools protocol's JSON, ended by NUL.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

import components
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # the superuser may not have one
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--window-size=1400,1000",
    "--remote-debugging-pipe",
)
# The pipes have to be descriptors 3 and 4, whichever they are here.
_LAUNCH = """\
import fcntl, os, sys
pipes = [fcntl.fcntl(int(pipe), fcntl.F_DUPFD, 10) for pipe in sys.argv[1:3]]
for place, pipe in enumerate(pipes, 3):
    os.dup2(pipe, place)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """One page.

    Args:
        profile: An empty folder.
        env: The environment.
    """

    def __init__(self, profile: Path, env: Mapping[str, str]) -> None:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        launch = [sys.executable, "-c", _LAUNCH, str(theirs_in), str(theirs_out)]
        chromium = components.get("chromium")
        self._process = subprocess.Popen(
            [*launch, chromium, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(theirs_in, theirs_out),
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._out = os.fdopen(ours_out, "wb", buffering=0)
        self._in = os.fdopen(ours_in, "rb")
        self._number = 0
        self._buffer = b""
        self._session: str | None = None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        """End it."""
        self._session = None
        self._call("Browser.close")
        self._process.wait(10)
        self._out.close()
        self._in.close()

    @property
    def pid(self) -> int:
        """Its process, the leader of a session."""
        return self._process.pid

    def open(self, url: str) -> None:
        """Go to an address."""
        self._call("Page.navigate", url=url)

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression in the page; None where it fails."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    def resize(self, width: int, height: int) -> None:
        """Have a window of this size, which believes that it is looked at."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1}
        self._call("Emulation.setDeviceMetricsOverride", **size, mobile=False)
        self._call("Emulation.setFocusEmulationEnabled", enabled=True)

    def capture(self) -> bytes:
        """Return a picture of it, a PNG."""
        return base64.b64decode(self._call("Page.captureScreenshot")["data"])

    def wait_for(self, text: str, deadline_s: float = 30.0) -> None:
        """Wait until the page shows a text."""
        script = "document.body ? document.body.innerText : ''"
        try:
            wait_until(lambda: text in (self.evaluate(script) or ""), deadline_s)
        except AssertionError:
            raise AssertionError(f"no {text!r} in: {self.evaluate(script)}") from None

    def _call(self, method: str, **params: Any) -> Any:
        """Return the answer to a command; events are let go by."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            chunk = self._in.read1(65536)
            assert chunk, "the browser has ended"
            self._buffer += chunk
        raw, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(raw)
        return message
