"""The project's own modules of tasks: found, loaded, and survived when broken."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sceneshift.core.errors import SceneshiftError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from invoke.collection import Collection
    from invoke.tasks import Task

# `tasks` is the name of tasks.py itself, which invoke has loaded by then.
PACKAGE = "_sceneshift_project_tasks"


def open_package(folder: Path) -> list[str]:
    """Make a folder a package of a name of its own, in place of an older one.

    Returns:
        The names of its modules, without those that begin with `_`.
    """
    names = sorted(p.stem for p in folder.glob("*.py") if not p.name.startswith("_"))
    for loaded in _find_loaded():
        del sys.modules[loaded]
    package = ModuleType(PACKAGE)
    # Lets the modules say `from . import _shared`.
    package.__path__ = [str(folder)]
    sys.modules[PACKAGE] = package
    return names


def _find_loaded() -> list[str]:
    return [n for n in sys.modules if n == PACKAGE or n.startswith(PACKAGE + ".")]


def load_module(name: str, root: Path) -> ModuleType:
    """Import one of the package's modules.

    Args:
        name: Its name.
        root: The project's folder, for the message.

    Raises:
        SceneshiftError: It is broken; the message says where.
    """
    try:
        return importlib.import_module(f"{PACKAGE}.{name}")
    except (Exception, SystemExit) as exc:
        place = _find_place(exc, root) or f"tasks/{name}.py"
        reason = " ".join(str(exc).split()) or "no reason given"
        raise SceneshiftError(
            f"{place}: `{name}` has no tasks: {type(exc).__name__}: {reason}",
            hint="mend it; SCENESHIFT_DEBUG=1 shows the traceback",
        ) from exc


def list_own(commands: Collection) -> list[str]:
    """Return the names of commands that are not of this package.

    The default of a namespace bears the name of that. One that asks for an argument is
    left out: its name alone starts nothing.
    """
    names = []
    for name, others in commands.task_names.items():
        task = commands[name]
        is_ours = task.body.__module__.startswith(f"{__package__}.")
        if not is_ours and not _asks(task):
            namespace = name.rpartition(".")[0]
            names.append(namespace if namespace in others else name)
    return names


def _asks(task: Task[Any]) -> bool:
    """Tell whether a task does not run without an argument."""
    arguments = task.get_arguments()
    return any(each.positional and each.value is None for each in arguments)


def _find_place(exc: BaseException, root: Path) -> str | None:
    """Return `file:line` of the last line of the project that led to an error."""
    for file, line in reversed(list(_list_places(exc))):
        if file.is_relative_to(root) and ".venv" not in file.relative_to(root).parts:
            return f"{file.relative_to(root)}:{line}"
    return None


def _list_places(exc: BaseException) -> Iterator[tuple[Path, int]]:
    step = exc.__traceback__
    while step is not None:
        yield Path(step.tb_frame.f_code.co_filename), step.tb_lineno
        step = step.tb_next
    if isinstance(exc, SyntaxError) and exc.filename and exc.lineno:
        yield Path(exc.filename), exc.lineno
