"""What a Procfile's command line starts, as far as it can be told without a shell.

A line that is one Python program (a console script, `python -m module`, `python
script.py`) can be run by fork. Everything else goes to `sh -c` unchanged.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=", re.ASCII)
_VARIABLE = re.compile(
    r"\$(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)(?::?-(?P<default>[^{}$`\"']*))?\})"
)
_PYTHON_NAME = re.compile(r"python(\d(\.\d+)?)?t?$")
_SHEBANG_PYTHON = re.compile(rb"#!\s*(\S*python[\d.t]*)\s*\r?\n")
# What uv and distlib write where the path is too long for a shebang, or has spaces.
_TRAMPOLINE = re.compile(
    rb"#!/bin/sh\s*\n'''exec' [\"']?([^\"'\n]+?)[\"']? \"\$0\" \"\$@\""
)
# Options of the interpreter that take no value, and those that take one.
_PLAIN_OPTION = re.compile(r"-[bBdEIOPqsSuvx]+$")
_VALUED_OPTIONS = frozenset({"-W", "-X"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonProgram:
    """A command line that is one Python program.

    Attributes:
        interpreter: Absolute path of the interpreter.
        options: Its own options (`-u`, `-X dev`).
        kind: Whether `target` is a module's name or a script's absolute path.
        target: What is run.
        argv: The program's arguments.
        cwd: Where it runs.
        env: Its whole environment.
    """

    interpreter: str
    options: tuple[str, ...] = ()
    kind: Literal["module", "script"]
    target: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What people call the program: `uvicorn`, `demo.worker`."""
        return self.target if self.kind == "module" else Path(self.target).stem

    def package_folders(self) -> list[Path]:
        """Return where its interpreter's packages are installed."""
        prefix = Path(self.interpreter).parent.parent
        return sorted(prefix.glob("lib*/python3*/site-packages"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellCommand:
    """A command line that only a shell can start.

    Attributes:
        reason: Why it is not run by fork, for people.
    """

    reason: str


class _NotSimpleError(Exception):
    """The line needs a shell; the text says why."""


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
    except _NotSimpleError as reason:
        return ShellCommand(reason=str(reason))


class _Line:
    """A command line on its way to a program."""

    def __init__(self, command: str, cwd: Path, env: dict[str, str]) -> None:
        self.cwd = cwd
        self.env = env
        self.words = self._split(command)

    def read(self) -> PythonProgram:
        self._take_folder()
        self._take_assignments()
        words = [self._expand(word) for word in self.words]
        if not words:
            raise _NotSimpleError("it starts nothing")
        path = shutil.which(words[0], path=self.env.get("PATH"))
        if path is None:
            raise _NotSimpleError(f"`{words[0]}` is not on the PATH")
        path = os.path.join(self.cwd, path)  # noqa: PTH118 - keeps `..` as it is
        if _PYTHON_NAME.match(Path(words[0]).name):
            return self._python(path, words[1:])
        return self._console_script(path, words[1:])

    def _split(self, command: str) -> list[str]:
        """Cut into words that still have their quotes; refuse what needs a shell."""
        lexer = shlex.shlex(command, posix=False, punctuation_chars=";()<>|&")
        lexer.whitespace_split = True
        lexer.commenters = ""
        try:
            words = list(lexer)
        except ValueError as error:
            raise _NotSimpleError("its quotes do not match") from error
        return words

    def _take_folder(self) -> None:
        """Take a leading `cd folder &&`."""
        if self.words[:1] == ["cd"] and self.words[2:3] == ["&&"]:
            self.cwd = self.cwd / self._expand(self.words[1])
            self.words = self.words[3:]
            if not self.cwd.is_dir():
                raise _NotSimpleError("its folder does not exist")

    def _take_assignments(self) -> None:
        """Take `exec`, `env` and `NAME=value` from the front."""
        while self.words:
            if self.words[0] in ("exec", "env"):
                self.words.pop(0)
            elif _ASSIGNMENT.match(self.words[0]):
                name, _equals, value = self.words.pop(0).partition("=")
                self.env[name] = self._expand(value)
            else:
                return

    def _expand(self, word: str) -> str:
        """Take quotes away and put variables in, as `sh` would."""
        text = ""
        for quote, part in _parts_of(word):
            if quote == "'":
                text += part
                continue
            if quote == "" and re.search(
                r"[*?\[\]{}~;()<>|&#]", _VARIABLE.sub("", part)
            ):
                raise _NotSimpleError(f"a shell reads `{word}`")
            value = _VARIABLE.sub(self._value_of, part)
            if quote == "" and value != part and re.search(r"\s|^$", value):
                raise _NotSimpleError(f"a shell splits the value of `{word}`")
            if "`" in part or "$" in _VARIABLE.sub("", part) or "\\" in part:
                raise _NotSimpleError(f"a shell reads `{word}`")
            text += value
        return text

    def _value_of(self, found: re.Match[str]) -> str:
        name = found["name"] or found["braced"]
        value = self.env.get(name, "")
        default = found["default"]
        return default if default is not None and not value else value

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
        if not words:
            raise _NotSimpleError("an interpreter without a program")
        script = self.cwd / words[0]
        if script.is_dir() or not script.is_file():
            raise _NotSimpleError(f"`{words[0]}` is no Python file")
        return self._program(interpreter, "script", str(script), words[1:], options)

    def _console_script(self, path: str, words: list[str]) -> PythonProgram:
        interpreter = find_interpreter(path)
        if interpreter is None:
            raise _NotSimpleError(f"`{Path(path).name}` is no Python program")
        return self._program(interpreter, "script", path, words, [])

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


def _parts_of(word: str) -> list[tuple[str, str]]:
    """Cut a word into its quoted and bare parts: `a"b"'c'` to three."""
    return [
        (quoted[0], quoted[1:-1]) if quoted else ("", bare)
        for quoted, bare in re.findall(r"(\"[^\"]*\"|'[^']*')|([^\"']+)", word)
    ]


def find_interpreter(script: str) -> str | None:
    """Return the Python that a script's first line names; None where it is none."""
    try:
        with Path(script).open("rb") as file:
            head = file.read(4096)
    except OSError:
        return None
    found = _SHEBANG_PYTHON.match(head) or _TRAMPOLINE.match(head)
    if found is None:
        return None
    path = os.fsdecode(found[1])
    return path if Path(path).is_absolute() and Path(path).exists() else None
