"""A VS Code that a test drives: code-server, shown in a browser nobody sees."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import urllib.parse
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import components
from browser import Browser
from support import free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stacks import Project
    from vscode.install import Installation

_DRIVER = Path(__file__).with_name("driver")
_DEADLINE_S = 120.0  # a stack's first start installs packages
# What nobody asked for stays away; how things are debugged is as VS Code has it.
_SETTINGS = {
    "chat.disableAIFeatures": True,
    "editor.minimap.enabled": False,
    "extensions.ignoreRecommendations": True,
    "extensions.verifySignature": False,
    "files.autoSave": "off",
    "git.blame.statusBarItem.enabled": False,
    "git.openRepositoryInParentFolders": "never",
    "remote.autoForwardPorts": False,
    "task.quickOpen.history": 0,
    "telemetry.telemetryLevel": "off",
    "window.commandCenter": False,
    "window.title": "${activeEditorShort}${separator}${rootName}",
    "workbench.reduceMotion": "on",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
}
_FLAGS = (
    *("--auth", "none", "--disable-telemetry", "--disable-update-check"),
    *("--disable-workspace-trust", "--disable-getting-started-override"),
)
# What stays open when a program has ended in it, what is gone, and a browser's own.
_SHELLS = frozenset({"", "bash", "chrome_crashpad", "dash", "fish", "sh", "zsh"})
_VARIABLES = "document.querySelectorAll('.debug-variables .monaco-list-row')"
_PICKS = "document.querySelector('.quick-input-list')?.innerText"
_DIALOG = "document.querySelector('.monaco-dialog-box')?.innerText"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line of a file of the folder."""

    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Where a thread stands.

    Attributes:
        session: The session's id.
        thread: The thread's id.
        frame: The id of what is executed.
    """

    session: str
    thread: int
    frame: int


class Editor:
    """An editor that has a folder open.

    Args:
        installation: What runs.
        project: What is open; it has the environment, too.
        place: An empty folder for what it keeps.
    """

    def __init__(
        self, installation: Installation, project: Project, place: Path
    ) -> None:
        self._project = project
        self._node = installation.node
        self._known = 0  # stops that were waited for
        self._threads = ThreadPoolExecutor(1)
        self._address = place / "driver"
        more = {
            "SCENESHIFT_CHROMIUM": str(components.get("chromium")),
            "SCENESHIFT_DRIVER": str(self._address),
            # Nothing is written into the user's own folders.
            **{name: str(place) for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME")},
        }
        self._env = {**project.env, **more}
        words = _list_words(installation, place)
        (place / "config.yaml").write_text("cert: false\n")
        (place / "User").mkdir()
        (place / "User" / "settings.json").write_text(json.dumps(_SETTINGS))
        self._install_driver(words, place / "driver.vsix")
        self._output = (place / "output").open("wb")
        address = f"127.0.0.1:{free_port()}"
        self._process = self._start([*words, *_FLAGS, "--bind-addr", address])
        wait_until(lambda: _answers(f"http://{address}/healthz"))
        self.page = Browser(place / "profile", project.env)
        self.page.resize(1160, 700)
        self.page.open(
            f"http://{address}/?folder={urllib.parse.quote(str(project.root))}"
        )
        wait_until(self._address.exists, _DEADLINE_S)

    def _install_driver(self, words: Sequence[str], archive: Path) -> None:
        """Install our extension: a zip archive, with its files in a folder."""
        with zipfile.ZipFile(archive, "w") as file:
            for each in _DRIVER.iterdir():
                file.write(each, f"extension/{each.name}")
        argv = [*words, "--install-extension", str(archive)]
        done = subprocess.run(
            argv, env=self._env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _start(self, words: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*words, str(self._project.root)],
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        """End it, and what it has started."""
        self.page.__exit__()
        self._process.terminate()
        self._process.wait(30)
        self._output.close()
        self._threads.shutdown()

    def ask(self, op: str, **words: Any) -> Any:
        """Return what an operation of the driver says.

        Raises:
            AssertionError: It fails, or VS Code asks a person.
        """
        future = self._threads.submit(self._call, {"op": op, **words})
        wait_until(lambda: future.done() or self.find_dialog(), _DEADLINE_S)
        assert future.done(), f"{op} {words}: {self.find_dialog()}"
        said = future.result()
        assert "error" not in said, said["error"]
        return said["result"]

    def find_dialog(self) -> str | None:
        """Return the text of a dialog that hinders everything else."""
        text: str | None = self.page.evaluate(_DIALOG)
        return text

    def find_place(self, file: str, text: str) -> Place:
        """Return the line of a file that has a text."""
        lines = (self._project.root / file).read_text().splitlines()
        (line,) = [number for number, each in enumerate(lines, 1) if text in each]
        return Place(file=file, line=line)

    @contextlib.contextmanager
    def debugging(self, name: str, *places: Place) -> Iterator[None]:
        """Have an entry started, with breakpoints; in the end it is stopped."""
        self.set_breakpoints(*places)
        assert self.ask("start", name=name), f"{name} was not started"
        yield
        self.set_breakpoints()
        self.stop()

    def set_breakpoints(self, *places: Place) -> None:
        """Have breakpoints there, and nowhere else."""
        shown = [{"file": each.file, "line": each.line} for each in places]
        self.ask("breakpoints", places=shown)

    def stop(self, name: str | None = None) -> None:
        """Press the square: of one session, or of all."""
        self.ask("stop", name=name)
        wait_until(lambda: not self.ask("sessions"))

    def wait_stop(self, place: Place) -> Stop:
        """Return the next stop, which is there."""
        stops = wait_until(self._list_new, _DEADLINE_S)
        self._known += 1
        first = stops[0]
        # Of a window in a browser, files are remote: their names are addresses.
        path = urllib.parse.unquote(urllib.parse.urlsplit(first["file"]).path)
        expected = (str(self._project.root / place.file), place.line)
        assert (path, first["line"]) == expected, first
        return Stop(
            session=first["session"],
            thread=first["thread"],
            frame=first["frame"],
        )

    def evaluate(self, stop: Stop, expression: str) -> str:
        """Return the value of an expression where a thread stands."""
        words = {"session": stop.session, "frame": stop.frame}
        value: str = self.ask("evaluate", expression=expression, **words)
        return value

    def resume(self, stop: Stop) -> None:
        """Have a thread go on."""
        self.ask("resume", session=stop.session, thread=stop.thread)

    def run_task(self, name: str, *, picked: str | None = None) -> int | None:
        """Run a task to its end; return its exit code.

        Args:
            name: Its label.
            picked: The second of what it has one choose from.
        """
        before = len(self.ask("ended"))
        self.show_command("workbench.action.tasks.runTask", name)
        if picked:
            wait_until(lambda: picked in self.list_picks())
            self.run_command("workbench.action.quickOpenSelectNext")
            self.run_command("workbench.action.acceptSelectedQuickOpenItem")

        def find() -> list[dict[str, Any]]:
            ended: list[dict[str, Any]] = self.ask("ended")[before:]
            return [each for each in ended if each["name"] == name]

        code: int | None = wait_until(find, _DEADLINE_S)[0]["code"]
        return code

    def has_variables(self) -> bool:
        """Tell whether those of a function are shown."""
        return bool(self.page.evaluate(f"{_VARIABLES}.length > 3"))

    def list_picks(self) -> list[str]:
        """Return the lines of the list that somebody is to choose from."""
        text: str = self.page.evaluate(_PICKS) or ""
        return text.splitlines()

    def show_command(self, name: str, *words: Any) -> None:
        """Run a command that asks a person, who does not answer yet."""
        self.ask("command", name=name, words=words, waits=False)

    def run_command(self, name: str, *words: Any) -> None:
        """Run a command to its end."""
        self.ask("command", name=name, words=words, waits=True)

    def clear(self) -> None:
        """Show no file and no terminal."""
        for name in ("closeAllEditors", "closePanel"):
            self.run_command(f"workbench.action.{name}")
        self.run_command("workbench.view.explorer")

    def list_programs(self) -> list[str]:
        """Return what was started in it and goes on: no shells, and none of its own."""
        pids = (pid for pid in self._project.left() if not self._has(pid))
        return [name for pid in pids if (name := _name(pid)) not in _SHELLS]

    def _has(self, pid: int) -> bool:
        """Tell whether a process is of the editor itself, or of who looks at it."""
        try:
            program = Path(f"/proc/{pid}/exe").readlink()
            return program == self._node or os.getsid(pid) == self.page.pid
        except OSError:
            return True  # it is gone

    def _list_new(self) -> list[dict[str, Any]]:
        new: list[dict[str, Any]] = self.ask("stops")[self._known :]
        return new

    def _call(self, words: Mapping[str, Any]) -> Any:
        url = f"http://127.0.0.1:{self._address.read_text()}/"
        request = urllib.request.Request(url, json.dumps(words).encode())
        with urllib.request.urlopen(request, timeout=_DEADLINE_S) as answer:  # noqa: S310
            return json.load(answer)


def _list_words(installation: Installation, place: Path) -> list[str]:
    """Return the program with what keeps it out of the user's own folders."""
    words = [str(installation.node), str(installation.program)]
    words += ["--config", str(place / "config.yaml"), "--user-data-dir", str(place)]
    return [*words, "--extensions-dir", str(place / "extensions")]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10):  # noqa: S310
            return True
    except OSError:
        return False


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
