"""Projects made of `{filename: content}`, and the installed commands run in them."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import secrets
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sceneshift.core.processes import has_variable, processes
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

DEADLINE_S = 30.0
STAY = "echo up; exec sleep 300"
# Says so when it is asked to end; the shell hears the signal while it waits.
POLITE = "trap 'echo bye; exit 0' TERM; echo up; sleep 300 & wait"
FAILING_SETUP = '[tool.sceneshift.processes.bad]\nsetup = { run = "exit 3" }\n'
STUBBORN = "trap '' TERM INT HUP; echo up; sleep 300 & wait; sleep 300"
TASKS = "from sceneshift import namespace\n\nns = namespace()\n"
# Becomes the leader of a session whose terminal is its standard input.
_LOGIN = "import os, sys; os.login_tty(0); os.execv(sys.argv[1], sys.argv[1:])"
_MARK = "SCENESHIFT_TEST_MARK"
_STRIPPED = ("PORT", "CI", "NO_COLOR", "SCENESHIFT_ENV", "SCENESHIFT_DEBUG")


class MakeProject(Protocol):
    """How a test gets a project."""

    def __call__(
        self,
        files: Mapping[str, str] | None = None,
        *,
        processes: Mapping[str, str] | None = None,
        settings: str = "",
        folder: str = "project",
        **variables: str,
    ) -> Project:
        """Make a project.

        Args:
            files: Its files.
            processes: The commands of `Procfile.dev`, by name.
            settings: The text of `pyproject.toml`.
            folder: Where it lies.
            variables: Environment variables of its commands.
        """
        ...


class Project:
    """A folder, and the processes that were started by its commands.

    They are found by a variable which all of them inherit, whatever they do.

    Args:
        root: Where it lies; made here.
        files: Its files, beside the `tasks.py` that makes it a project.
        variables: What its commands' environment has more than the tests' own.
    """

    def __init__(
        self,
        root: Path,
        files: Mapping[str, str],
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root
        mark = secrets.token_hex(8)
        self.mark = f"{_MARK}={mark}".encode()
        programs = Path(sys.executable).parent
        kept = {k: v for k, v in os.environ.items() if k not in _STRIPPED}
        path = f"{programs}{os.pathsep}{kept.get('PATH', os.defpath)}"
        self.env = {**kept, "PATH": path, **(variables or {}), _MARK: mark}
        self.inv_path = programs / "inv"
        self._started: list[subprocess.Popen[bytes]] = []
        root.mkdir(parents=True, exist_ok=True)
        self.write({"tasks.py": TASKS, **files})

    def write(self, files: Mapping[str, str]) -> None:
        """Write files, with the folders that they lie in."""
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    def inv(
        self, *words: str, stdin: str = "", wait_s: float = DEADLINE_S
    ) -> subprocess.CompletedProcess[str]:
        """Run `inv` with these words to its end."""
        return subprocess.run(
            [self.inv_path, *words],
            cwd=self.root,
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=wait_s,
            check=False,
        )

    def ask(self, *words: str) -> Any:
        """Return the JSON that a command says."""
        done = self.inv(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def read_texts(self, *words: str) -> list[str]:
        """Return the lines of processes that `dev.logs` shows."""
        lines = self.inv("dev.logs", *words, "--json").stdout.splitlines()
        entries: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return [each["text"] for each in entries if not each["note"]]

    def refuse(self, *words: str, code: int) -> str:
        """Return what a command that ends with `code` says; it prints no data."""
        done = self.inv(*words)
        assert (done.returncode, done.stdout) == (code, ""), done
        return done.stderr

    def start(self, *words: str, stdout: int | None = None) -> Stack:
        """Start `inv dev` in the foreground, its output going to a file."""
        return self.start_command("dev", *words, stdout=stdout)

    def start_command(self, *words: str, stdout: int | None = None) -> Stack:
        """Start `inv` with these words."""
        output = self.root.parent / f"{self.root.name}.{len(self._started)}.out"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [self.inv_path, *words],
                cwd=self.root,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=file if stdout is None else stdout,
                stderr=subprocess.STDOUT if stdout is None else file,
                start_new_session=True,
            )
        self._started.append(process)
        return Stack(self, process, output.read_bytes)

    def start_in_terminal(self, *words: str, kind: str = "xterm") -> TerminalStack:
        """Start `inv`, or `inv dev`, as the foreground of a terminal of its own."""
        master, slave = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", _LOGIN, self.inv_path, *(words or ["dev"])],
            cwd=self.root,
            env={**self.env, "TERM": kind},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self._started.append(process)
        return TerminalStack(self, process, master)

    def left(self) -> list[int]:
        """Return the pids of everything that the project's commands have started."""
        return [
            entry.pid
            for entry in processes().values()
            if entry.is_running and has_variable(entry.pid, self.mark)
        ]

    def assert_nothing_left(self) -> None:
        """Fail unless every process of this project goes by itself."""
        wait_until(lambda: not self.left(), DEADLINE_S)

    def close(self) -> None:
        """Leave nothing, whatever the test has found."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()
        for pid in self.left():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self.left())


class Stack:
    """A running `inv dev`."""

    def __init__(
        self,
        project: Project,
        process: subprocess.Popen[bytes],
        read: Callable[[], bytes],
    ) -> None:
        self.project = project
        self.process = process
        self.raw = read

    @property
    def output(self) -> str:
        """What it has written until now."""
        return self.raw().decode(errors="replace")

    @property
    def lines(self) -> list[str]:
        """The same without times and prefixes: what processes have written."""
        return [line.partition(" | ")[2] for line in self.output.splitlines()]

    def wait_for(self, text: str, count: int = 1) -> None:
        """Wait until it has written this text, so many times."""
        self._wait(lambda: self.output.count(text) >= count, repr(text))

    def status(self) -> dict[str, dict[str, Any]]:
        """Return the status of each process, by name; nothing before it answers."""
        done = self.project.inv("dev.status", "--json")
        if done.returncode:
            return {}
        return {each["name"]: each for each in json.loads(done.stdout)["processes"]}

    def wait_status(self, **states: str) -> dict[str, dict[str, Any]]:
        """Wait until the processes are in these states; return the status."""
        return self._wait(partial(self._status_if, states), str(states))

    def _status_if(self, states: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        status = self.status()
        fits = all(status.get(k, {}).get("state") == v for k, v in states.items())
        return status if fits else {}

    def _wait(self, predicate: Callable[[], T], what: str) -> T:
        """Wait for something that an ended stack will not do any more."""

        def look() -> tuple[T] | None:
            has_ended = self.process.poll() is not None
            value = predicate()
            return (value,) if value or has_ended else None

        try:
            found = wait_until(look, DEADLINE_S)
            assert found
            assert found[0]
        except AssertionError:
            raise AssertionError(f"no {what} in:\n{self.output}") from None
        return found[0]

    def send(self, number: int) -> None:
        """Send a signal to the supervisor alone."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end, and that nothing is left; return its exit code."""
        code = self.process.wait(DEADLINE_S)
        self.project.assert_nothing_left()
        return code

    def stop(self, number: int = signal.SIGINT) -> int:
        """End it by a signal; return its exit code."""
        self.send(number)
        return self.wait()

    def guard(self) -> int:
        """Return the pid of the guard process."""
        return next(
            entry.pid
            for entry in processes().values()
            if entry.ppid == self.process.pid and b"guard" in _command(entry.pid)
        )


class TerminalStack(Stack):
    """A running `inv dev` with a terminal."""

    def __init__(
        self, project: Project, process: subprocess.Popen[bytes], master: int
    ) -> None:
        super().__init__(project, process, self._read)
        os.set_blocking(master, False)
        self._master: int | None = master
        self._seen = b""

    def _read(self) -> bytes:
        with contextlib.suppress(OSError):  # nothing at the moment, or the end
            while self._master is not None:
                chunk = os.read(self._master, 65536)
                if not chunk:
                    break
                self._seen += chunk
        return self._seen

    def type(self, data: bytes) -> None:
        """Press keys."""
        assert self._master is not None
        os.write(self._master, data)

    def hang_up(self) -> None:
        """Close the terminal, as closing its window does."""
        assert self._master is not None
        os.close(self._master)
        self._master = None

    def wait(self) -> int:
        """Wait for its end, reading all the while; return its exit code."""
        end = time.monotonic() + DEADLINE_S
        while self.process.poll() is None and time.monotonic() < end:
            self._read()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.01)
        return super().wait()


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
