"""Whether a Procfile's command line is one Python program, told without a shell.

A line that is one Python program (a console script, `python -m module`, `python
script.py`) can be run by fork. Everything else goes to `sh -c` unchanged.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=", re.ASCII)
# A word with its quotes, or an operator; what is neither is a quote left open.
_TOKEN = re.compile(
    r"""[ \t]*(?:((?:"[^"]*"|'[^']*'|[^ \t\n"';()<>|&])+)|([\n;()<>|&]+))[ \t]*"""
)
_VARIABLE = re.compile(
    r"\$(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<colon>:?)-(?P<default>[^{}$`\"'~\\]*))?\})"
)
_PYTHON_NAME = re.compile(r"python(\d(\.\d+)?)?t?$")
_SHEBANG_PYTHON = re.compile(rb"#![ \t]*(/\S*/python[\d.t]*)[ \t]*\n")
_SHEBANG_ENV = re.compile(rb"#![ \t]*/\S*/env[ \t]+(python[\d.t]*)[ \t]*\n")
# What uv and distlib write where the path is too long for a shebang, or has spaces.
_TRAMPOLINE = re.compile(
    rb"#!/bin/sh\s*\n'''exec' [\"']?([^\"'\n]+?)[\"']? \"\$0\" \"\$@\""
)
# Options of the interpreter that take no value, and those that take one. Not -I and -P,
# which leave the program's folder out of `sys.path`, nor -x, which skips a line of it.
_PLAIN_OPTION = re.compile(r"-[bBdEOqsSuv]+$")
_VALUED_OPTIONS = frozenset({"-W", "-X"})
# `uv run uvicorn` is `uvicorn` where the project's own `.venv` is in use already.
_WRAPPERS = frozenset({"pdm", "pipenv", "poetry", "uv"})


class PythonProgram(Struct, frozen=True, kw_only=True):
    """A command line that is one Python program.

    Attributes:
        interpreter: Absolute path of the interpreter.
        options: Its own options (`-u`, `-X dev`).
        kind: Whether `target` is a module's name or a script's absolute path.
        target: What is run.
        typed: What is `sys.argv[0]` of a script: the path as the line has it.
        argv: The program's arguments.
        cwd: Where it runs.
        env: Its whole environment.
        debug_port: Where an editor attaches to it; None where none is to.
    """

    interpreter: str
    options: tuple[str, ...] = ()
    kind: Literal["module", "script"]
    target: str
    typed: str = ""
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = {}
    debug_port: int | None = None

    @property
    def name(self) -> str:
        """What people call the program: `uvicorn`, `demo.worker`."""
        return self.target if self.kind == "module" else Path(self.target).stem

    @property
    def debugged_env(self) -> Mapping[str, str]:
        """Its environment, in which debugpy does not warn of Python's own modules."""
        if self.debug_port is None:
            return self.env
        return {**self.env, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}

    def package_folders(self) -> list[Path]:
        """Return where its interpreter's packages are installed."""
        prefix = Path(self.interpreter).parent.parent
        found = sorted(prefix.glob("lib*/python3*/site-packages"))
        # A virtual environment's lib64 is its lib.
        return list({path.resolve(): path for path in reversed(found)}.values())


class ShellCommand(Struct, frozen=True, kw_only=True):
    """A command line that only a shell can start.

    Attributes:
        reason: Why it is not run by fork, for people.
        missing: The script that it would give to Python, where that is not there.
        typed: The same as the line has it.
        is_certain: Whether the line itself says so, whatever is installed.
    """

    reason: str
    missing: Path | None = None
    typed: str = ""
    is_certain: bool = False


class _NotSimpleError(Exception):
    """The line needs a shell; the text says why."""


class _ShellError(_NotSimpleError):
    """The line says things that only a shell reads."""


class _NoScriptError(_NotSimpleError):
    """It is one Python program, but for the file, which is not there."""

    def __init__(self, path: Path, typed: str) -> None:
        super().__init__(f"`{typed}` is no Python file")
        self.path = path
        self.typed = typed


def analyse(
    command: str, *, cwd: Path, env: Mapping[str, str]
) -> PythonProgram | ShellCommand:
    """Tell what a command line starts.

    Args:
        command: The line as in the Procfile.
        cwd: Where it would be started.
        env: The environment it would have.
    """
    try:
        line = _Line(command, cwd, dict(env))
        return line.read()
    except _NoScriptError as error:
        return ShellCommand(reason=str(error), missing=error.path, typed=error.typed)
    except _NotSimpleError as reason:
        is_certain = isinstance(reason, _ShellError)
        return ShellCommand(reason=str(reason), is_certain=is_certain)


class _Line:
    """A command line on its way to a program."""

    def __init__(self, command: str, cwd: Path, env: dict[str, str]) -> None:
        self.cwd = cwd
        self.env = env
        self.words = self._split(command)

    def read(self) -> PythonProgram:
        self._take_folder()
        words = self._take_wrapper(self._take_prefix())
        if not words:
            raise _NotSimpleError("it starts nothing")
        path = find_executable(words[0], self.cwd, self.env)
        if path is None:
            raise _NotSimpleError(f"`{words[0]}` is not on the PATH")
        if _PYTHON_NAME.match(Path(words[0]).name):
            return self._python(path, words[1:])
        return self._console_script(path, words)

    def _split(self, command: str) -> list[str]:
        """Cut into words that still have their quotes, and operators."""
        words: list[str] = []
        place = 0
        while place < len(command):
            found = _TOKEN.match(command, place)
            if found is None:
                raise _ShellError("its quotes do not match")
            words.append(found[1] or found[2])
            place = found.end()
        return words

    def _take_folder(self) -> None:
        """Take a leading `cd folder &&`."""
        if self.words[:1] == ["cd"] and self.words[2:3] == ["&&"]:
            folder = self._expand(self.words[1])
            if folder.startswith("-"):
                raise _ShellError(f"a shell reads `cd {folder}`")
            self.cwd = self.cwd / folder
            self.words = self.words[3:]
            if not self.cwd.is_dir():
                raise _NotSimpleError("its folder does not exist")
            if "PWD" in self.env:
                self.env["PWD"] = os.path.normpath(self.cwd)

    def _take_prefix(self) -> list[str]:
        """Take `NAME=value`, `exec` and `env`; return the rest, expanded.

        What is assigned there is the program's, not what the line's variables mean.
        """
        words, given = list(self.words), dict(self.env)
        words = self._take_assignments(words, given, given)
        if words[:1] == ["exec"]:
            del words[0]
        if words[:1] == ["env"]:
            words = self._take_assignments(words[1:], given, self.env)
        words = [self._expand(word) for word in words]
        self.env = given
        return words

    def _take_assignments(
        self, words: list[str], given: dict[str, str], values: Mapping[str, str]
    ) -> list[str]:
        while words and _ASSIGNMENT.match(words[0]):
            name, _equals, value = words[0].partition("=")
            given[name] = self._expand(value, values)
            words = words[1:]
        return words

    def _take_wrapper(self, words: list[str]) -> list[str]:
        """Take `uv run` and its like, where they would run the same program."""
        if len(words) < 3 or words[0] not in _WRAPPERS or words[1] != "run":
            return words
        own = [folder / ".venv" for folder in (self.cwd, *self.cwd.parents)]
        active = Path(self.env.get("VIRTUAL_ENV", "."))
        nearest = next((venv for venv in own if venv.is_dir()), None)
        is_there = (active / "bin" / words[2]).is_file()
        return words[2:] if active == nearest and is_there else words

    def _expand(self, word: str, values: Mapping[str, str] | None = None) -> str:
        """Take quotes away and put variables in, as `sh` would."""
        text, known = "", self.env if values is None else values
        for quote, part in _parts_of(word):
            if quote == "'":
                text += part
                continue
            if quote == "" and re.search(
                r"[*?\[\]{}~;()<>|&#]", _VARIABLE.sub("", part)
            ):
                raise _ShellError(f"a shell reads `{word}`")
            value = _VARIABLE.sub(lambda found: _value_of(found, known), part)
            if quote == "" and value != part and re.search(r"[\s*?\[]|^$", value):
                raise _NotSimpleError(f"a shell splits the value of `{word}`")
            if "`" in part or "$" in _VARIABLE.sub("", part) or "\\" in part:
                raise _ShellError(f"a shell reads `{word}`")
            text += value
        return text

    def _python(self, interpreter: str, words: list[str]) -> PythonProgram:
        options: list[str] = []
        while words and words[0].startswith("-") and words[0] != "-m":
            option = words.pop(0)
            options.append(option)
            if option in _VALUED_OPTIONS and words:
                options.append(words.pop(0))
            elif not _PLAIN_OPTION.match(option) and option[:2] not in _VALUED_OPTIONS:
                raise _NotSimpleError(f"`python {option}` is no program of files")
        if words[:1] == ["-m"] and len(words) > 1:
            return self._program(interpreter, "module", words[1], words[2:], options)
        if words[:1] in ([], ["-m"]):
            raise _NotSimpleError("an interpreter without a program")
        script = self.cwd / words[0]
        if not os.path.lexists(script):
            raise _NoScriptError(script, words[0])
        if script.is_dir() or not script.is_file():
            raise _NotSimpleError(f"`{words[0]}` is no Python file")
        program = self._program(interpreter, "script", str(script), words[1:], options)
        return replace(program, typed=words[0])

    def _console_script(self, path: str, words: list[str]) -> PythonProgram:
        interpreter = find_interpreter(path, self.cwd, self.env)
        if interpreter is None:
            raise _NotSimpleError(f"`{Path(path).name}` is no Python program")
        program = self._program(interpreter, "script", path, words[1:], [])
        return replace(program, typed=words[0] if "/" in words[0] else path)

    def _program(
        self,
        interpreter: str,
        kind: Literal["module", "script"],
        target: str,
        argv: list[str],
        options: list[str],
    ) -> PythonProgram:
        return PythonProgram(
            interpreter=interpreter,
            options=tuple(options),
            kind=kind,
            target=target,
            argv=tuple(argv),
            cwd=self.cwd,
            env=self.env,
        )


def _value_of(found: re.Match[str], values: Mapping[str, str]) -> str:
    """Return the value of a variable, or its default."""
    value = values.get(found["name"] or found["braced"])
    if found["default"] is None:
        return value or ""
    is_missing = not value if found["colon"] else value is None
    return found["default"] if is_missing else value or ""


def _parts_of(word: str) -> list[tuple[str, str]]:
    """Cut a word into its quoted and bare parts: `a"b"'c'` to three."""
    return [
        (quoted[0], quoted[1:-1]) if quoted else ("", bare)
        for quoted, bare in re.findall(r"(\"[^\"]*\"|'[^']*')|([^\"']+)", word)
    ]


def find_executable(name: str, cwd: Path, env: Mapping[str, str]) -> str | None:
    """Return the path of a program as a shell in `cwd` would find it.

    `shutil` has the same, with all that unpacks archives: 2 ms at each start.
    """
    places = env.get("PATH", os.defpath).split(os.pathsep)
    folders = [""] if "/" in name else places
    paths = (os.path.join(cwd / each, name) for each in folders)  # noqa: PTH118 - keeps `..`
    return next(filter(_is_program, paths), None)


def _is_program(path: str) -> bool:
    return os.access(path, os.X_OK) and not os.path.isdir(path)  # noqa: PTH112


def find_interpreter(script: str, cwd: Path, env: Mapping[str, str]) -> str | None:
    """Return the Python that a script's first line names; None where it is none.

    Args:
        script: The script's path.
        cwd: Where it would be started.
        env: The environment it would have: `#!/usr/bin/env python3` reads its PATH.
    """
    try:
        with Path(script).open("rb") as file:
            head = file.read(4096)
    except OSError:
        return None
    by_name = _SHEBANG_ENV.match(head)
    if by_name is not None:
        return find_executable(os.fsdecode(by_name[1]), cwd, env)
    found = _SHEBANG_PYTHON.match(head) or _TRAMPOLINE.match(head)
    if found is None:
        return None
    path = os.fsdecode(found[1])
    return path if Path(path).is_absolute() and Path(path).exists() else None
