"""What kind of program a line of the Procfile runs."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.invocation import (
    get_package_folder,
    parse_command,
    resolve_scripts,
)
from sceneshift.core.pageservers import PAGE_SERVERS
from sceneshift.core.program import ShellCommand, analyse
from sceneshift.ide.declared import is_node, is_python, is_script
from sceneshift.ide.model import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sceneshift.core.invocation import Invocation

_PYTHON = re.compile(r"python(\d(\.\d+)?)?t?$")
_VARIABLE = re.compile(r"\$\{?(\w+)")
_VALUED = frozenset({"-W", "-X"})
_UNFIT = frozenset("cIPx")  # options with which an interpreter runs no plain program
_PACKAGE_MANAGERS = frozenset({"bun", "npm", "npx", "pnpm", "yarn"})
# Commands of packages, by what is known of each.
_PYTHON_PROGRAMS = {
    "celery": Kind.CELERY,
    "django": Kind.DJANGO,
    "django-admin": Kind.DJANGO,
    "flask": Kind.FLASK,
    "uvicorn": Kind.UVICORN,
    **dict.fromkeys(
        (
            *("arq", "bokeh", "chainlit", "dagster", "daphne", "dramatiq", "fastapi"),
            *("gradio", "granian", "gunicorn", "huey", "hypercorn", "litestar"),
            *("locust", "mkdocs", "mlflow", "panel", "prefect", "procrastinate"),
            *("pserve", "pytest", "rq", "rqscheduler", "rqworker", "sanic"),
            *("streamlit", "taskiq", "twistd", "waitress-serve"),
        ),
        Kind.PYTHON,
    ),
}
_VITE_WORDS = frozenset({"build", "dev", "optimize", "preview", "serve"})


class Detected(Struct, frozen=True, kw_only=True):
    """What a command line was found to be.

    Attributes:
        kind: Its kind.
        program: What it runs in the end.
        folder: Where that has its files, absolute.
        python_options: Those of its interpreter.
        reload_arguments: What has it reload by itself.
        steady_arguments: What has it not do so.
        ready: Pattern of the line that it writes when it answers.
        reload_ready: The same where it reloads by itself.
        is_page: Whether people look at it in a browser.
        arguments: Those of a page's server.
    """

    kind: Kind
    program: str = ""
    folder: Path
    python_options: tuple[str, ...] = ()
    reload_arguments: tuple[str, ...] = ()
    steady_arguments: tuple[str, ...] = ()
    ready: str | None = None
    reload_ready: str | None = None
    is_page: bool = False
    arguments: tuple[str, ...] = ()

    def has_host(self, address: str) -> bool:
        """Tell whether its arguments have it listen at an address."""
        following = zip(self.arguments, self.arguments[1:], strict=False)
        return f"--host={address}" in self.arguments or ("--host", address) in following


class _Trait(Struct, frozen=True, kw_only=True):
    """What is known of a server.

    Attributes:
        word: What has to be among its arguments; empty: nothing.
        reload: What has it reload by itself.
        steady: What has it not do so.
        ready: The line of a server that answers.
        reload_ready: The same where it reloads by itself.
    """

    word: str = ""
    reload: tuple[str, ...] = ()
    steady: tuple[str, ...] = ()
    ready: str
    reload_ready: str | None = None


_TRAITS = {
    # It says that it is running when its reloader does, and no code is loaded yet.
    "uvicorn": _Trait(
        reload=("--reload",),
        ready=r"Uvicorn running on (https?://\S+)",
        reload_ready="Application startup complete",
    ),
    "flask": _Trait(
        word="run", reload=("--reload",), ready=r"Running on (https?://\S+)"
    ),
    "django": _Trait(
        word="runserver",
        steady=("--noreload",),
        ready=r"Starting development server at (https?://\S+)",
    ),
    "fastapi": _Trait(ready=r"Uvicorn running on (https?://\S+)"),
    "gunicorn": _Trait(ready=r"Listening at: (https?://\S+)"),
    "hypercorn": _Trait(ready=r"Running on (https?://\S+)"),
}


def detect(command: str, cwd: Path, root: Path) -> Detected:
    """Tell what a command line runs.

    Scripts of package.json are followed. A command of no known name is what the files
    of the project declare it to be, whatever is installed: what is generated is to be
    the same on each machine.

    Args:
        command: The Procfile's command line.
        cwd: Where it runs.
        root: The project's folder.
    """
    programs = parse_command(command, cwd)
    if not programs:
        return Detected(kind=Kind.OTHER, folder=cwd)
    last = programs[-1]
    if len(programs) == 1:
        found = _detect_python(last) or _detect_declared(last, root)
        if found is not None:
            return _as_other(found) if _needs_shell(command, cwd) else found
    return _detect_page(last, root)


def _needs_shell(command: str, cwd: Path) -> bool:
    """Tell whether a line says what a shell alone reads, whatever its variables are."""
    env = dict.fromkeys(_VARIABLE.findall(command), "1")
    program = analyse(command, cwd=cwd, env=env)
    return isinstance(program, ShellCommand) and program.is_certain


def _as_other(found: Detected) -> Detected:
    """Return what only a shell can start: no debugger comes along."""
    return Detected(kind=Kind.OTHER, program=found.program, folder=found.folder)


def _detect_python(invocation: Invocation) -> Detected | None:
    """Return what a Python program is, by its name."""
    if invocation.is_module:
        return _describe(invocation.name, invocation.args, invocation)
    if not _PYTHON.match(invocation.name):
        if invocation.name.endswith(".py"):
            return _describe(invocation.name, invocation.args, invocation)
        known = invocation.name in _PYTHON_PROGRAMS
        return (
            _describe(invocation.name, invocation.args, invocation) if known else None
        )
    options, rest = _take_options(invocation.args)
    if rest[:1] == ["-m"]:
        del rest[0]
    is_unfit = any(_UNFIT.intersection(each[1:2]) for each in options)
    if is_unfit or not rest or rest[0].startswith("-"):
        return None
    found = _describe(rest[0], rest[1:], invocation)
    return _with_options(found, options)


def _with_options(found: Detected, options: Sequence[str]) -> Detected:
    from msgspec.structs import replace  # noqa: PLC0415 - few lines have any

    return replace(found, python_options=tuple(options)) if options else found


def _take_options(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the interpreter's options, and what follows them."""
    rest, options = list(words), []
    while rest and rest[0].startswith("-") and rest[0] != "-m":
        options.append(rest.pop(0))
        if options[-1] in _VALUED and rest:
            options.append(rest.pop(0))
    return options, rest


def _describe(name: str, arguments: Sequence[str], invocation: Invocation) -> Detected:
    """Return what is known of a Python program of a name."""
    program = Path(name).name
    key = "django" if program in {"manage.py", "django-admin"} else program
    trait = _TRAITS.get(key)
    if trait is not None and trait.word and trait.word not in arguments:
        trait = None
    if trait is None:
        kind = _PYTHON_PROGRAMS.get(key, Kind.PYTHON)
        is_server = kind in {Kind.FLASK, Kind.DJANGO}  # of another command
        kind = Kind.PYTHON if is_server else kind
        return Detected(kind=kind, program=program, folder=invocation.folder)
    has_reload = not set(trait.reload).isdisjoint(arguments)
    has_steady = not set(trait.steady).isdisjoint(arguments)
    return Detected(
        kind=_PYTHON_PROGRAMS.get(key, Kind.PYTHON),
        program=program,
        folder=invocation.folder,
        reload_arguments=() if has_reload else trait.reload,
        steady_arguments=() if has_steady else trait.steady,
        ready=trait.reload_ready if has_reload else trait.ready,
        reload_ready=trait.reload_ready or trait.ready,
    )


def _detect_declared(invocation: Invocation, root: Path) -> Detected | None:
    """Return what a command is that the project's files name."""
    name, folder = invocation.name, invocation.folder
    if name in _PACKAGE_MANAGERS or name in PAGE_SERVERS:
        return None
    path = Path(os.path.normpath(folder / invocation.path))
    is_own = "/" in invocation.path and path.is_relative_to(root) and is_script(path)
    if not is_own and not is_python(name, folder, root):
        return None
    return Detected(kind=Kind.PYTHON, program=name, folder=folder)


def _detect_page(invocation: Invocation, root: Path) -> Detected:
    """Return what Node runs; `OTHER` where it runs nothing."""
    program = resolve_scripts(invocation)
    if program is None:
        is_manager = invocation.name in _PACKAGE_MANAGERS
        kind = Kind.NODE if is_manager else Kind.OTHER
        folder = get_package_folder(invocation) if is_manager else invocation.folder
        return Detected(kind=kind, program=invocation.name, folder=folder)
    is_page = program.name in PAGE_SERVERS
    is_run = is_page or program is not invocation or program.name == "node"
    is_run = is_run or is_node(program.name, program.folder, root)
    kind = Kind.NODE if is_run else Kind.OTHER
    kind = Kind.VITE if program.name == "vite" else kind
    return Detected(
        kind=kind,
        program=program.name,
        folder=_find_vite_root(program) if kind is Kind.VITE else program.folder,
        is_page=is_page,
        arguments=program.args if is_page else (),
    )


def _find_vite_root(program: Invocation) -> Path:
    """Return the folder that is Vite's root: `vite web` serves another one."""
    words = [word for word in program.args if word not in _VITE_WORDS]
    if words and not words[0].startswith("-"):
        return Path(os.path.normpath(program.folder / words[0]))
    return program.folder
