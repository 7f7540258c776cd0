"""Running `inv dev` in a project made of some files, and asking what it serves."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from support import free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
TASKS = "from sceneshift import namespace\nns = namespace()\n"
DEADLINE_S = float(os.environ.get("STACK_DEADLINE_S", "30"))


class Stack:
    """One project and its `inv dev`.

    Attributes:
        root: The project's folder.
        port: A port that the Procfile may name as `{port}`.
    """

    def __init__(self, root: Path, **env: str) -> None:
        self.root = root
        self.port = free_port()
        bin_folder = str(Path(sys.executable).parent)
        path = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
        self.env = {**os.environ, "PATH": path, "PORT": str(self.port), **env}
        self.env.pop("PYTHONBREAKPOINT", None)
        self._process: subprocess.Popen[bytes] | None = None

    def write(self, files: Mapping[str, str]) -> None:
        """Make or change files; each is replaced as an editor would."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            aside = path.with_name(f".{path.name}.aside")
            aside.write_text(text)
            aside.replace(path)

    def edit(self, name: str, old: str, new: str) -> None:
        """Save another text over a part of a file."""
        text = (self.root / name).read_text()
        assert old in text
        (self.root / name).write_text(text.replace(old, new))

    def start(
        self, files: Mapping[str, str], *flags: str, command: str = "dev"
    ) -> Self:
        """Write the project and start it."""
        table = "[tool.sceneshift]\n"
        base = {"tasks.py": TASKS, "pyproject.toml": table}
        self.write({**base, **files})
        with (self.root / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "invoke", command, *flags],
                cwd=self.root,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return self

    def close(self) -> None:
        """End it, and see that nothing is left."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        try:
            process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        wait_until(lambda: not self.leftovers())

    def wait_end(self) -> int:
        """Return the exit code, when it has ended by itself."""
        assert self._process is not None
        return self._process.wait(DEADLINE_S)

    def leftovers(self) -> list[int]:
        """Return processes that still work in the project's folder."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                folder = (entry / "cwd").readlink()
                if folder.is_relative_to(self.root) and _runs(entry):
                    found.append(int(entry.name))
        return found

    @property
    def supervisor(self) -> int:
        """The pid of `inv dev`."""
        assert self._process is not None
        return self._process.pid

    def descriptors(self) -> int:
        """Return how many descriptors `inv dev` has open."""
        return len(list(Path(f"/proc/{self.supervisor}/fd").iterdir()))

    # -- what it says

    @property
    def output(self) -> str:
        """What was printed so far."""
        return (self.root / "output").read_text(errors="replace")

    def wait_output(self, pattern: str, deadline_s: float = DEADLINE_S) -> str:
        """Return the first match of a regular expression in the output."""
        try:
            found = wait_until(
                lambda: re.search(pattern, self.output, re.MULTILINE), deadline_s
            )
        except AssertionError as error:
            raise AssertionError(f"no {pattern!r} in:\n{self.output}") from error
        assert found is not None
        return found.group()

    def wait(self, predicate: Callable[[], T]) -> T:
        """Wait with the deadline of real servers; say what was printed otherwise."""
        try:
            return wait_until(predicate, DEADLINE_S)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output}") from error

    def inv(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run another command in the project."""
        return subprocess.run(
            [sys.executable, "-m", "invoke", *args],
            cwd=self.root,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def ask(self, command: str, *args: str) -> Any:
        """Return the JSON of a command."""
        done = self.inv(command, *args, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def status(self, name: str) -> dict[str, Any]:
        """Return what `inv dev.status` says of a process."""
        found: list[dict[str, Any]] = self.ask("dev.status")["processes"]
        return next(row for row in found if row["name"] == name)

    def pid(self, name: str) -> int:
        """Return the pid of a process."""
        return int(self.status(name)["pid"])

    # -- what it serves

    def get(self, path: str = "/", *, timeout_s: float = DEADLINE_S) -> str:
        """Return a page."""
        status, body = self.fetch(path, timeout_s=timeout_s)
        assert status == 200, body
        return body

    def fetch(
        self, path: str = "/", *, timeout_s: float = DEADLINE_S
    ) -> tuple[int, str]:
        """Return the status and text of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout_s)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def wait_page(self, text: str, path: str = "/") -> None:
        """Wait for an answer that has a text in it."""
        seen = {"body": ""}

        def is_there() -> bool:
            assert self._process is None or self._process.poll() is None, self.output
            with contextlib.suppress(OSError, http.client.HTTPException):
                seen["body"] = self.fetch(path)[1]
            return text in seen["body"]

        try:
            wait_until(is_there, DEADLINE_S)
        except AssertionError as error:
            text = f"no {text!r} in {seen['body']!r}\n{self.output}"
            raise AssertionError(text) from error

    def wait_ready(self, name: str) -> None:
        """Wait until a process is ready."""
        wait_until(lambda: self._is(name, "ready"), DEADLINE_S)

    def _is(self, name: str, state: str) -> bool:
        done = self.inv("dev.status", "--json")
        if done.returncode:
            return False
        rows = json.loads(done.stdout)["processes"]
        return any(row["name"] == name and row["state"] == state for row in rows)


def _runs(entry: Path) -> bool:
    return entry.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "Z"


class Visitor:
    """Sends requests one after the other, and keeps the answers.

    Attributes:
        answers: Texts in the order in which they came.
        failures: What went wrong.
        connections: How many it needed.
    """

    def __init__(
        self, port: int, *, keeps_alive: bool, body: bytes | None = None
    ) -> None:
        self._port = port
        self._keeps_alive = keeps_alive
        self._body = body
        self._stop = threading.Event()
        self.answers: list[str] = []
        self.failures: list[str] = []
        self.connections = 0
        self._thread = threading.Thread(target=self._visit, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Send no more."""
        self._stop.set()
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()

    def has_last(self, answer: str) -> bool:
        """Say whether the last answer was this one."""
        return self.answers[-1:] == [answer]

    def _visit(self) -> None:
        connection = self._connect()
        while not self._stop.is_set():
            try:
                self.answers.append(self._request(connection))
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.failures.append(f"{time.time()} {error!r}")
            if not self._keeps_alive or self.failures:
                connection.close()
                connection = self._connect()
            self._stop.wait(0.01)
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=DEADLINE_S)

    def _request(self, connection: http.client.HTTPConnection) -> str:
        if connection.sock is None:
            self.connections += 1
            connection.connect()
        method = "GET" if self._body is None else "POST"
        connection.request(method, "/", body=self._body)
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise ValueError(f"{answer.status}: {text}")
        return text


def find_stale(answers: list[str]) -> list[tuple[str, str]]:
    """Return answers of newer code, each with one of older code that came after it."""
    return [pair for pair in pairwise(answers) if int(pair[1]) < int(pair[0])]
