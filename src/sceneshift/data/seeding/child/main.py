"""One run: what is asked for, and what came of it."""

from __future__ import annotations

import gc
import os
import socket
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sceneshift.data.seeding.child.report import Line


_AHEAD = ("sqlalchemy", "sceneshift.data.seeding.child.run")


def main(descriptor: int, driver: str, paths: Sequence[str]) -> None:
    """Do what the other side asks for.

    Args:
        descriptor: A socket that leads to it.
        driver: A module that may be needed; empty where that is not known.
        paths: What modules are looked for in, before all else.
    """
    from sceneshift.data.seeding.child.report import Line  # noqa: PLC0415

    # Programs that a seed starts are not to hold it open.
    os.set_inheritable(descriptor, False)
    line = Line(socket.socket(fileno=descriptor))
    sys.path[:0] = [path for path in paths if path not in sys.path]
    # While it is not known yet what is to be done.
    gc.disable()
    for name in (*_AHEAD, driver or _AHEAD[0]):
        with suppress(ImportError):  # it is told where it is needed
            import_module(name)
    gc.freeze()  # none of it is garbage
    gc.enable()
    asked = line.receive()
    if asked is None:
        return
    os.environ.update(asked.pop("env"))
    line.watch()
    try:
        import sqlalchemy  # noqa: PLC0415
    except ImportError:
        line.send(failed={"reason": "", "component": "sqlalchemy"})
        sys.exit(1)
    if sqlalchemy.__version__.startswith("1."):
        reason = f"seeds need SQLAlchemy 2, and this is {sqlalchemy.__version__}"
        line.send(failed={"reason": reason, "component": "sqlalchemy>=2"})
        sys.exit(1)
    sys.exit(_seed(line, asked))


def _seed(line: Line, asked: dict[str, object]) -> int:
    from sceneshift.data.seeding.child.engine import open_transaction  # noqa: PLC0415
    from sceneshift.data.seeding.child.failure import (  # noqa: PLC0415
        SeedError,
        explain,
    )
    from sceneshift.data.seeding.child.report import Reporter  # noqa: PLC0415
    from sceneshift.data.seeding.child.request import read_request  # noqa: PLC0415
    from sceneshift.data.seeding.child.run import Run  # noqa: PLC0415

    request = read_request(asked)
    run: Run | None = None
    try:
        with open_transaction(request) as connection:
            run = Run(connection, request, Reporter(line))
            run.apply()
    except BaseException as error:  # noqa: BLE001 - SystemExit of a seed, too
        traceback.print_exc()
        place, component = "", None
        if isinstance(error, SeedError):
            place, component = error.place, error.component
        line.send(
            failed={
                "dataset": run.failing if run else "",
                "place": place,
                "reason": explain(error),
                "component": component,
            }
        )
        return 1
    done = {label: each._asdict() for label, each in run.done.items()}
    line.send(done=done, is_changed=run.is_changed)
    return 0
