"""`python -m sceneshift.ide.launch PROCESS`: one process, as `inv dev` would run it.

What an editor starts. A Python program runs in this very interpreter, so that whatever
debugs this one debugs it; anything else takes its place. The environment is that of
SCENESHIFT_ENV, read by the one who reads it for `inv dev`: an editor reads env files in
its own way, and `.env` unasked.
"""

from __future__ import annotations

import argparse
import builtins
import io
import os
import runpy
import shlex
import sys
import time
import types
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from sceneshift.core.commandenv import (
    build_command_env,
    get_instance,
    mark_command_env,
)
from sceneshift.core.config import ProcessConfig
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.core.execution import become
from sceneshift.core.inheritance import inherit
from sceneshift.core.ports import check_free, is_free
from sceneshift.core.processes import find_process
from sceneshift.core.program import PythonProgram, analyse, find_executable
from sceneshift.core.project import load_project
from sceneshift.core.pydevd import quote_folder
from sceneshift.core.services.use import find_services, use_services
from sceneshift.core.wording import quote
from sceneshift.ide.standing import Standing, find_standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sceneshift.core.instances import Instance
    from sceneshift.core.process_entry import ProcessEntry
    from sceneshift.core.project import Project
    from sceneshift.ide.door import Door

_PAUSE_S = 0.1
_STANDING_S = 1.0
_DEBUGGER = "pydevd"
# Else a debugger warns of each interpreter that a program of its own starts.
_QUIET = ("PYDEVD_DISABLE_FILE_VALIDATION", "1")


def main(words: Sequence[str]) -> None:
    """Become a process; ends with its exit code.

    Args:
        words: Its name, after `--ready` where it is to be said when it answers, and
            behind `--` what its command is to have besides.
    """
    place = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(prog="python -m sceneshift.ide.launch")
    parser.add_argument("--ready", action="store_true", help="say when it answers")
    parser.add_argument("process", help="its name in the Procfile")
    given = parser.parse_args(words[:place])
    try:
        _launch(given.process, words[place + 1 :], says_ready=given.ready)
    except SceneshiftError as error:
        StreamConsole().error(error)
        sys.exit(error.exit_code)


def _launch(name: str, extra: Sequence[str], *, says_ready: bool) -> None:
    root = Path.cwd()
    inherit(root)
    project = load_project(root, environ=os.environ, is_looking=True)
    instance = get_instance(project, name)
    door = None
    if says_ready:
        if (standing := find_standing(project, instance)) is not None:
            _stand_by(name, standing, _open_door(project, instance, standing.port))
            return
        check_free({instance.port: instance.name}, root=root)
        door = _open_door(project, instance, instance.port)
    env = build_command_env(project, name)
    env |= mark_command_env(env, os.environ)
    if _DEBUGGER in sys.modules:
        env.setdefault(*_QUIET)
        quote_folder()
    use_services(find_services(project), os.environ, StreamConsole().note)
    section = project.config.processes.get(instance.type, ProcessConfig())
    cwd = root / section.cwd
    program = analyse(instance.command, cwd=cwd, env=env)
    if says_ready:
        _watch(instance, door)
    if isinstance(program, PythonProgram):
        _compare(program)
        _run(program, extra)
        return
    if _DEBUGGER in sys.modules:
        raise UsageError(
            f"{quote(name)} cannot be debugged: {program.reason}",
            hint="make its line of the Procfile one Python program, "
            "without a shell's words",
        )
    command = " ".join([instance.command, *map(shlex.quote, extra)])
    os.chdir(cwd)
    become("/bin/sh", ["sh", "-c", command], _find_node(root, env))


def _compare(program: PythonProgram) -> None:
    """Say where another interpreter was started than `inv dev` takes."""
    own, other = Path(sys.executable), Path(program.interpreter)
    if own.parent.resolve() != other.parent.resolve():
        StreamConsole().note(f"this is {own}, and `inv dev` would take {other}")


def _find_node(root: Path, env: dict[str, str]) -> dict[str, str]:
    """Have the Node that `inv dev` has installed, where there is no other."""
    folders = sorted((root / ".sceneshift" / "node").glob("*/bin"))
    path = env.get("PATH", os.defpath)
    if not folders or find_executable("node", root, env) is not None:
        return env
    return env | {"PATH": os.pathsep.join([str(folders[-1]), path])}


def _open_door(project: Project, instance: Instance, target: int) -> Door | None:
    """Have the port that entries of editors name lead to the process's own.

    They are the same in the main checkout, unless somebody sets PORT.
    """
    from sceneshift.ide.reading import read_model  # noqa: PLC0415 - for pages alone

    environment = read_model(project.root).find_environment(project.environment.name)
    processes = () if environment is None else environment.processes
    named = (each.port for each in processes if each.name == instance.type)
    port = next(named, None)
    if port is None or port == target:
        return None
    from sceneshift.ide.door import Door  # noqa: PLC0415 - in few checkouts

    door = Door(port, target, root=project.root)
    StreamConsole().note(f"port {port}, which entries name, leads to {target}")
    return door


def _say_ready(name: str, port: int) -> None:
    StreamConsole().note(f"{name} is ready: http://127.0.0.1:{port}/")


def _stand_by(name: str, standing: Standing, door: Door | None) -> None:
    """Stand for a process that runs already, as in `inv dev`, until it ends.

    Whoever started this ends it, and would find nothing to end.
    """
    _say_ready(name, standing.port)
    StreamConsole().note("it ran already: this leaves it running")
    if door is not None:
        door.serve(standing.lives)
    while standing.lives():
        time.sleep(_STANDING_S)


def _watch(instance: Instance, door: Door | None) -> None:
    """Have another process say when the port answers, for as long as this one lives."""
    own = find_process(os.getpid())
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        if door is not None:
            door.close()
        return
    if not os.fork():  # this one's parent is gone: nobody has to wait for it
        while _lives(own) and is_free(instance.port):
            time.sleep(_PAUSE_S)
        if _lives(own):
            _say_ready(instance.type, instance.port)
            if door is not None:
                door.serve(lambda: _lives(own))
    os._exit(0)


def _lives(entry: ProcessEntry | None) -> bool:
    """Tell whether a process goes on; who has ended may be there until it is reaped."""
    found = find_process(entry.pid) if entry else None
    return bool(entry and found and found.is_running and found.key == entry.key)


def _run(program: PythonProgram, extra: Sequence[str]) -> None:
    """Run a Python program as the interpreter itself would have."""
    if sys.path[:1] in ([""], [str(Path.cwd())]):
        del sys.path[0]  # where this was started, which is not where that is
    before = os.environ.get("PYTHONPATH", "")
    _change_environment(program.env)
    os.chdir(program.cwd)
    sys.path[:0] = _list_paths(program, before)
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    is_module = program.kind == "module"
    typed = program.target if is_module else program.typed
    sys.argv[:] = [typed, *program.argv, *extra]
    own = ["-m", program.target] if is_module else [typed]
    sys.orig_argv[:] = [sys.executable, *program.options, *own, *sys.argv[1:]]
    if is_module:
        # What the interpreter itself calls for `-m`: sets __main__'s attributes too.
        runpy._run_module_as_main(program.target)  # type: ignore[attr-defined]  # noqa: SLF001
        return
    code = compile(Path(program.target).read_bytes(), program.target, "exec")
    main.__dict__.update(__file__=program.target, __cached__=None, __doc__=None)
    exec(code, main.__dict__)  # noqa: S102 - that is what running a program is


def _change_environment(env: Mapping[str, str]) -> None:
    """Have all the variables of the program, and no others."""
    for name in os.environ.keys() - env.keys():
        del os.environ[name]
    os.environ.update(env)
    time.tzset()
    sys.dont_write_bytecode = bool(env.get("PYTHONDONTWRITEBYTECODE"))
    is_unbuffered = bool(env.get("PYTHONUNBUFFERED"))
    for stream in filter(_is_text, (sys.stdout, sys.stderr)):
        stream.reconfigure(write_through=is_unbuffered)


def _is_text(stream: object) -> TypeGuard[io.TextIOWrapper]:
    """Tell whether it is one of the interpreter's own, and no window of a debugger."""
    return isinstance(stream, io.TextIOWrapper)


def _list_paths(program: PythonProgram, before: str) -> list[str]:
    """Return what `python` would have put at the front of `sys.path`.

    Args:
        program: What is run; its folder is the current one.
        before: What PYTHONPATH was at the start of this interpreter.
    """
    is_module = program.kind == "module"
    first = program.cwd if is_module else Path(program.target).resolve().parent
    known = {"", *before.split(os.pathsep)}
    paths = program.env.get("PYTHONPATH", "").split(os.pathsep)
    new = [str(Path(each).absolute()) for each in paths if each not in known]
    return [str(first), *new]


if __name__ == "__main__":
    main(sys.argv[1:])
