"""Running a program as `python` itself would have: `-m module` or a script."""

from __future__ import annotations

import builtins
import os
import runpy
import sys
import types

from sceneshift.dev.zygote import traces
from sceneshift.dev.zygote.code import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sceneshift.dev.zygote.agent import Agent


def adopt_path(settings: dict[str, Any]) -> None:
    """Put at the front of `sys.path` what `python` would have put there."""
    if settings["kind"] == "module":
        sys.path.insert(0, os.getcwd())
    else:
        sys.path.insert(0, os.path.dirname(os.path.realpath(settings["target"])))


def run(agent: Agent, settings: dict[str, Any]) -> None:
    """Become the program; returns when its main module ends.

    Raises:
        SystemExit: The program asks for it, or has failed and the traceback is written.
    """
    try:
        _run(agent, settings)
    except Exception as error:  # noqa: BLE001 - whatever a program raises
        agent.is_armed = False  # what has failed waits for nothing
        error.__traceback__ = traces.skip_own(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        raise SystemExit(1) from None
    except SystemExit as end:
        if end.code:
            agent.is_armed = False  # as above: it gives up
        raise


def _run(agent: Agent, settings: dict[str, Any]) -> None:
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    sys.argv[:] = [settings["typed"], *settings["argv"]]
    sys.orig_argv[:] = [sys.executable, *_own_words(settings), *settings["argv"]]
    if settings["kind"] == "module":
        # What the interpreter itself calls for `-m`: sets __main__'s attributes too.
        runpy._run_module_as_main(settings["target"])  # type: ignore[attr-defined]  # noqa: SLF001
        return
    _run_script(agent, settings["target"], main)


def _own_words(settings: dict[str, Any]) -> list[str]:
    """Return the interpreter's words, for a program that starts itself again."""
    is_module = settings["kind"] == "module"
    words = ["-m", settings["target"]] if is_module else [settings["typed"]]
    return [*settings["options"], *words]


def _run_script(agent: Agent, path: str, main: types.ModuleType) -> None:
    if agent.territory.owns_module(path):
        code = agent.compile(path)
    else:
        code = compile(read(path), path, "exec", dont_inherit=True)
    main.__dict__.update(__file__=path, __cached__=None, __doc__=None)
    exec(code, main.__dict__)  # noqa: S102 - that is what running a program is
