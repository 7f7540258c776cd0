"""What a command line runs and that is not there: told before anything starts."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from sceneshift.core.program import PythonProgram, analyse
from sceneshift.core.wording import quote
from sceneshift.dev.command import find_missing_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SUFFIXES = ("", ".py", ".pyc", ".so")
# Asked of the interpreter itself, for only it knows what its `.pth` files, the user's
# own packages and import hooks add. No module of the project is imported by it.
_ASK = "import sys, importlib.util as u; print(u.find_spec(sys.argv[1]) is None)"
_PATIENCE_S = 5.0


class Absence(Struct, frozen=True, kw_only=True):
    """Something that a command line runs and that is not there.

    Attributes:
        kind: What it is.
        name: What the line calls it.
        problem: What is wrong with it: `does not exist`.
        hint: What to do about it.
    """

    kind: Literal["program", "script", "module"]
    name: str
    problem: str = "does not exist"
    hint: str

    def __str__(self) -> str:
        """Say it after the name of the process: `runs a script that …`."""
        return f"runs a {self.kind} that {self.problem}: {quote(self.name)}"


def find_absence(command: str, *, cwd: Path, env: Mapping[str, str]) -> Absence | None:
    """Return what a command would run and that is surely not there.

    Of a line that only a shell can read, and of a program that is none of Python's,
    nothing is known but the program itself.

    Args:
        command: The command line.
        cwd: Where it is run.
        env: Its environment.
    """
    program = find_missing_program(command, cwd=cwd, env=env)
    if program is not None:
        return _explain_program(program, cwd)
    found = analyse(command, cwd=cwd, env=env)
    if isinstance(found, PythonProgram):
        return _find_absent_module(found)
    if found.missing is None:
        return None
    hint = f"write it, or mend the line; looked at: {found.missing}"
    return Absence(kind="script", name=found.typed, hint=hint)


def _explain_program(program: str, cwd: Path) -> Absence:
    if "/" in program and (cwd / program).is_file():
        return Absence(
            kind="program",
            name=program,
            problem="is not executable",
            hint=f"make it so: chmod +x {shlex.quote(program)}",
        )
    places = str(cwd) if "/" in program else "`.venv/bin` and PATH"
    hint = f"install it, or mend the line; looked in {places}"
    return Absence(kind="program", name=program, hint=hint)


def _find_absent_module(program: PythonProgram) -> Absence | None:
    """Look for the folder or file of `python -m`; ask Python where there is none."""
    top = program.target.partition(".")[0]
    if program.kind != "module" or _is_seen(top, program) or not _is_unknown(program):
        return None
    hint = f"install it, or mend the line; asked {program.interpreter}"
    return Absence(kind="module", name=program.target, hint=hint)


def _is_seen(top: str, program: PythonProgram) -> bool:
    """Tell whether a look at folders is enough: most modules are seen by it."""
    return top in sys.stdlib_module_names or any(
        (folder / f"{top}{suffix}").exists()
        for folder in _list_folders(program)
        for suffix in _SUFFIXES
    )


def _list_folders(program: PythonProgram) -> Iterator[Path]:
    yield program.cwd
    for place in program.env.get("PYTHONPATH", "").split(os.pathsep):
        yield program.cwd / place
    yield from program.package_folders()


def _is_unknown(program: PythonProgram) -> bool:
    """Ask the interpreter whether it knows no such module; any trouble is a no."""
    top = program.target.partition(".")[0]
    try:
        done = subprocess.run(
            [program.interpreter, *program.options, "-c", _ASK, top],
            cwd=program.cwd,
            env=program.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0 and done.stdout.split() == [b"True"]
