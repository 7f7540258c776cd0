"""What an entry runs, read off its words: a server, tests, or any other program."""

from __future__ import annotations

import os
import re
import shlex
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from sceneshift.core.config import load_config
from sceneshift.core.procfile import load_procfile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_APPLICATION = re.compile(r"(?P<module>[A-Za-z_][\w.]*):[\w.]+(?:\(.*\))?")
_BOUND = re.compile(r"(?:\S*:)?(?P<port>\d+)")

# Web servers, and the port of one that is told none.
_SERVERS = {
    "daphne": 8000,
    "fastapi": 8000,
    "flask": 5000,
    "granian": 8000,
    "gunicorn": 8000,
    "hypercorn": 8000,
    "manage": 8000,
    "django": 8000,
    "uvicorn": 8000,
    "waitress": 8080,
}
# Runs a process of the Procfile, by its name, and behind `--` more of its arguments.
LAUNCHER = "sceneshift.ide.launch"
_BARE = frozenset({"--wait-for-client", "--log-to-stderr"})
_APP_OPTIONS = ("--app", "-A", "--app-dir")
_PORT_OPTIONS = ("--port", "-p", "--bind", "-b")
_RELOADING = frozenset({"--reload", "--debug"})


class Role(Enum):
    """How a program is made to run a line."""

    WEB = "web"
    TESTS = "tests"
    PROGRAM = "program"


class Target(Struct, frozen=True, kw_only=True):
    """A program of Python.

    Attributes:
        role: How it is made to run a line.
        words: Module or file, and its arguments.
        folders: Where its modules are looked for.
        module: The one with its code, dotted, or a file; empty where none is known.
        port: The one that it is told to listen on, or takes by itself.
        is_reloading: Whether its code runs in a child, which takes turns.
    """

    role: Role
    words: tuple[str, ...]
    folders: tuple[Path, ...]
    module: str
    port: int | None = None
    is_reloading: bool = False

    @property
    def name(self) -> str:
        """The program's name, bare."""
        return _bare(self.words[0]) if self.words else ""

    def find_file(self) -> Path | None:
        """Return the file with its code; None where it is not found."""
        if self.module.endswith(".py"):
            return _first_file(folder / self.module for folder in self.folders)
        parts = Path(*self.module.split(".")) if self.module else None
        if parts is None:
            return None
        names = (parts.with_suffix(".py"), parts / "__main__.py", parts / "__init__.py")
        return _first_file(folder / name for folder in self.folders for name in names)


def _first_file(files: Iterator[Path]) -> Path | None:
    return next((file for file in files if file.is_file()), None)


def read_entry(resolved: Mapping[str, Any], root: Path) -> Target:
    """Return what a launch entry runs.

    Args:
        resolved: The entry, its variables replaced.
        root: The project's folder, whose Procfile says what a process is.
    """
    args = resolved.get("args")
    given = args if isinstance(args, list) else shlex.split(str(args or ""))
    words = [str(resolved.get("module") or resolved.get("program") or ""), *given]
    env = resolved.get("env")
    values = {k: str(v) for k, v in env.items()} if isinstance(env, dict) else {}
    folder = Path(str(resolved["cwd"]))
    return _read_python([str(word) for word in words], folder, values, root)


def read_command(command: Sequence[str], folder: Path, root: Path) -> Target:
    """Return what a process of Python runs.

    Args:
        command: Its command line, in which debugpy may come first.
        folder: Its current folder.
        root: The project's folder.
    """
    words = _skip_options(command[1:], ("-X", "-W"))
    if words[:1] == ["-m"] and words[1:2] == ["debugpy"]:
        words = _skip_options(words[2:], ())
    return _read_python(words[1:] if words[:1] == ["-m"] else words, folder, {}, root)


def _skip_options(words: Sequence[str], valued: Sequence[str]) -> list[str]:
    """Leave options out: those of Python with a value, or those of debugpy."""
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] not in {"-m", "-c"}:
        option = rest.pop(0)
        has_value = option in valued if valued else option not in _BARE
        if rest and has_value:
            rest.pop(0)
    return rest


def _read_python(
    words: Sequence[str], folder: Path, env: Mapping[str, str], root: Path
) -> Target:
    """Return what Python runs; of a process of the Procfile, what its line says."""
    if words[:1] != [LAUNCHER] or len(words) < 2:
        return read_words(words, folder, env)
    config = load_config(root)
    commands = load_procfile(
        root, *([Path(config.procfile)] if config.procfile else [])
    ).commands
    place = words.index("--") if "--" in words else len(words)
    name = words[place - 1]
    line = shlex.split(commands.get(name, ""))
    line = [word for word in line if word != "exec"]
    while line and "=" in line[0]:
        line = line[1:]
    section = config.processes.get(name)
    cwd = root if section is None else root / section.cwd
    words = [*line, *words[place + 1 :]]
    if line and _bare(line[0]).startswith("python"):
        return read_command(words, cwd, root)
    return read_words(words, cwd, env)


def read_words(words: Sequence[str], folder: Path, env: Mapping[str, str]) -> Target:
    """Return what a program is, by its module or file and its arguments."""
    name = _bare(words[0]) if words else ""
    is_manage = name in {"manage", "django"}
    role = Role.PROGRAM
    if name in _SERVERS and (not is_manage or "runserver" in words):
        role = Role.WEB
    if name in {"pytest", "unittest"} or (is_manage and "test" in words):
        role = Role.TESTS
    folders = (*_options(words, ("--app-dir",)), *_split_paths(env), ".", "src")
    return Target(
        role=role,
        words=tuple(words),
        folders=tuple(folder / each for each in folders),
        module=_find_module(name, words, env),
        port=_find_port(name, words, env) if role is Role.WEB else None,
        is_reloading=role is Role.WEB and _reloads(name, words, env),
    )


def _bare(word: str) -> str:
    """Return the name of a module or file: `uvicorn` of `/bin/uvicorn`."""
    return word.replace("\\", "/").rpartition("/")[2].partition(".")[0]


def _split_paths(env: Mapping[str, str]) -> list[str]:
    return [path for path in env.get("PYTHONPATH", "").split(os.pathsep) if path]


def _options(words: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the values of some options, `--name value` and `--name=value`."""
    values = []
    for word, following in zip(words, [*words[1:], ""], strict=False):
        option, equals, value = word.partition("=")
        if option in names:
            values.append(value if equals else following)
    return values


def _find_module(name: str, words: Sequence[str], env: Mapping[str, str]) -> str:
    """Return the module with the code of a program that loads it, or its own."""
    if name in {"flask", "celery"}:
        named = _options(words, _APP_OPTIONS) or [env.get("FLASK_APP", "app")]
        return named[0].partition(":")[0]
    if name == "fastapi":
        return next((word for word in words[1:] if word.endswith(".py")), "main.py")
    if name in _SERVERS and name not in {"manage", "django"}:
        found = filter(None, map(_APPLICATION.fullmatch, words[1:]))
        return next((match["module"] for match in found), "")
    return words[0] if words else ""


def _find_port(name: str, words: Sequence[str], env: Mapping[str, str]) -> int | None:
    given = _options(words, _PORT_OPTIONS)
    if "runserver" in words:
        given = [word for word in words if word[:1].isdigit()]
    variables = ("FLASK_RUN_PORT", "UVICORN_PORT", "PORT")
    given += [env[key] for key in variables[:2] if key in env]
    for text in given:
        found = _BOUND.fullmatch(text)
        if found is not None:
            return int(found["port"])
    return None if given else _SERVERS[name]


def _reloads(name: str, words: Sequence[str], env: Mapping[str, str]) -> bool:
    if "runserver" in words:
        return "--noreload" not in words
    if name == "flask" and env.get("FLASK_DEBUG", "0") not in {"0", ""}:
        return "--no-reload" not in words
    if name == "fastapi":
        return "dev" in words and "--no-reload" not in words
    has_workers = any(word.partition("=")[0] in {"--workers", "-w"} for word in words)
    return bool(_RELOADING & set(words)) or has_workers or name == "gunicorn"
