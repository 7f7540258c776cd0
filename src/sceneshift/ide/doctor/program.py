"""Checks of an entry of Python that start none of its programs."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from sceneshift.core.holders import find_holder
from sceneshift.core.wording import quote
from sceneshift.ide.doctor.findings import Finding, Kind
from sceneshift.ide.doctor.resolution import (
    find_env_file,
    find_program,
    is_explored,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sceneshift.ide.doctor.interpreter import Interpreter
    from sceneshift.ide.doctor.target import Target

_MONITORED = (3, 12)  # `sys.monitoring`: debuggers and coverage share it
INSTALL = "pip install 'sceneshift[debug]'"


class Facts(Struct, frozen=True, kw_only=True):
    """A launch entry, and what is known of what it names.

    Attributes:
        resolved: The entry, its variables replaced.
        target: What it runs.
        root: The project's folder.
        environ: The process environment.
        interpreter: Its Python; None where there is none.
    """

    resolved: Mapping[str, Any]
    target: Target
    root: Path
    environ: Mapping[str, str]
    interpreter: Interpreter | None


def check_launch(facts: Facts) -> Iterator[Finding]:
    """Yield what is wrong with an entry that starts a program."""
    cwd = Path(str(facts.resolved["cwd"]))
    if not cwd.is_dir():
        yield Finding(
            kind=Kind.MISSING_FOLDER,
            text=f"there is no folder {cwd}, its `cwd`",
            hint="write a folder that is there",
        )
        return
    yield from _check_interpreter(facts)
    yield from _check_program(facts)
    yield from check_env_file(facts.resolved, facts.root)
    yield from check_mappings(facts.resolved)
    yield from _check_children(facts)
    yield from _check_coverage(facts)
    yield from _check_port(facts)


def _check_interpreter(facts: Facts) -> Iterator[Finding]:
    found, named = facts.interpreter, facts.resolved.get("python")
    own = facts.root / ".venv"
    if found is None:
        path = find_program(str(named), facts.root, facts.environ)
        what = "is no Python that answers" if Path(path).exists() else "is not there"
        yield Finding(
            kind=Kind.MISSING_INTERPRETER,
            text=f"its interpreter {what}: {path}",
            hint="make the virtual environment, or name another `python`",
        )
    elif own.is_dir() and Path(found.prefix).resolve() != own.resolve():
        version = ".".join(map(str, found.version))
        yield Finding(
            kind=Kind.FOREIGN_INTERPRETER,
            text=f"it runs Python {version} of {found.prefix}, not that of {own}",
            hint='write "python": "${workspaceFolder}/.venv/bin/python"',
            is_warning=True,
        )


def _check_program(facts: Facts) -> Iterator[Finding]:
    program, module = facts.resolved.get("program"), facts.resolved.get("module")
    if program and not Path(str(facts.resolved["cwd"]), str(program)).exists():
        yield Finding(
            kind=Kind.MISSING_PROGRAM,
            text=f"there is no file {program}, its `program`",
            hint="write a file that is there",
        )
    found = facts.interpreter
    top = str(module or "").partition(".")[0]
    if found is not None and top and top not in found.modules:
        yield Finding(
            kind=Kind.MISSING_MODULE,
            text=f"{found.path} has no module {quote(top)}",
            hint=f"install it there: {found.path} -m pip install {top}",
        )


def check_env_file(resolved: Mapping[str, Any], root: Path) -> Iterator[Finding]:
    """Yield a file of variables that is not there, or that nobody asked for."""
    file = find_env_file(resolved, root)
    if file is None:
        return
    if is_explored(resolved):
        # Only a file that is not there keeps `.env` away from it.
        if not resolved.get("envFile") and file.is_file():
            yield _unasked(file, '"${workspaceFolder}/.sceneshift/none.env"')
        return
    if "envFile" in resolved and not file.is_file():
        yield Finding(
            kind=Kind.MISSING_ENV_FILE,
            text=f"there is no file {file}, its `envFile`; editors do not tell",
            hint="write the file, or take `envFile` out",
        )
    if "envFile" not in resolved and file.is_file():
        yield _unasked(file, '""')


def _unasked(file: Path, other: str) -> Finding:
    return Finding(
        kind=Kind.UNASKED_ENV_FILE,
        text=f"editors give it the variables of {file} without being asked",
        hint=f'write "envFile": {other} where something else reads that file',
        is_warning=True,
    )


def check_mappings(resolved: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the folders of `pathMappings` that are not on this machine."""
    mappings = resolved.get("pathMappings")
    for each in mappings if isinstance(mappings, list) else []:
        local = str(each.get("localRoot", "")) if isinstance(each, dict) else ""
        if not Path(local).is_absolute() or not Path(local).is_dir():
            yield Finding(
                kind=Kind.NO_MAPPING,
                text=f"`pathMappings` has no folder of this machine: {quote(local)}",
                hint='write "localRoot": "${workspaceFolder}", or a folder below it',
            )


def _check_children(facts: Facts) -> Iterator[Finding]:
    if facts.resolved.get("subProcess") is False and facts.target.is_reloading:
        yield off(f"{facts.target.name} runs the code in a child process")


def off(reason: str) -> Finding:
    """Return the finding about children that are not debugged."""
    return Finding(
        kind=Kind.SUBPROCESSES_OFF,
        text=f"{reason}, and `subProcess` is false: no breakpoint is ever hit",
        hint='write "subProcess": true',
    )


def _check_coverage(facts: Facts) -> Iterator[Finding]:
    found = facts.interpreter
    if facts.target.name != "pytest" or found is None:
        return
    words = (*facts.target.words, *_read_added(facts.resolved))
    has_plugin = "pytest_cov" in found.modules
    if "--no-cov" in words and not has_plugin:
        yield Finding(
            kind=Kind.MISSING_MODULE,
            text="pytest refuses `--no-cov`, as pytest-cov is not installed",
            hint="take it out of `args`, or of PYTEST_ADDOPTS",
        )
    is_measured = any(
        word.partition("=")[0] == "--cov" for word in (*words, *_read_options(facts))
    )
    if is_measured and "--no-cov" not in words and found.version < _MONITORED:
        yield Finding(
            kind=Kind.COVERAGE,
            text="coverage takes the tracing that breakpoints need, before Python 3.12",
            hint='add "--no-cov" to `args`',
        )


def _read_added(resolved: Mapping[str, Any]) -> list[str]:
    """Return the words that an entry gives pytest by a variable."""
    own = resolved.get("env")
    return str(own.get("PYTEST_ADDOPTS", "")).split() if isinstance(own, dict) else []


def _read_options(facts: Facts) -> list[str]:
    """Return the options that pytest has from files and variables."""
    try:
        tables = tomllib.loads((facts.root / "pyproject.toml").read_text("utf-8"))
        options = tables["tool"]["pytest"]["ini_options"]["addopts"]
    except (OSError, ValueError, KeyError, TypeError):
        options = []
    words = options.split() if isinstance(options, str) else [*map(str, options)]
    for name in ("pytest.ini", "tox.ini", "setup.cfg"):
        try:
            lines = (facts.root / name).read_text("utf-8").splitlines()
        except (OSError, ValueError):
            continue
        words += [word for line in lines if "--cov" in line for word in line.split()]
    env = facts.resolved.get("env")
    own = env if isinstance(env, dict) else {}
    given = own.get("PYTEST_ADDOPTS") or facts.environ.get("PYTEST_ADDOPTS", "")
    return words + str(given).split()


def _check_port(facts: Facts) -> Iterator[Finding]:
    port = facts.target.port
    holder = find_holder(port, root=facts.root) if port else None
    if holder is not None:
        yield Finding(
            kind=Kind.PORT_TAKEN,
            text=f"its port {port} is taken by {holder}",
            hint="stop that one first: inv dev.stop",
        )


def check_attach(
    resolved: Mapping[str, Any], root: Path, *, has_task: bool
) -> Iterator[Finding]:
    """Yield what is wrong with an entry that attaches."""
    connect = resolved.get("connect")
    if not isinstance(connect, dict):
        if "port" in resolved or "host" in resolved:
            yield Finding(
                kind=Kind.BAD_VALUE,
                text="`host` and `port` are no keys of an entry that attaches",
                hint='write "connect": {"host": "127.0.0.1", "port": …}',
            )
        return
    port = str(connect.get("port", ""))
    if not port.isdigit():
        yield Finding(
            kind=Kind.BAD_VALUE,
            text=f"the port that it attaches to is no number: {quote(port)}",
            hint='write "port": 5678',
        )
        return
    yield from check_mappings(resolved)
    is_local = connect.get("host", "127.0.0.1") in {"127.0.0.1", "localhost", "::1"}
    # It is looked for, not tried: a mere connection would wedge debugpy.
    if is_local and not has_task and find_holder(int(port), root=root) is None:
        yield Finding(
            kind=Kind.PORT_CLOSED,
            text=f"nothing listens at port {port}, which it attaches to",
            hint="start it with its debugger: inv dev --debug",
        )
