"""Keeping our frames out of the user's tracebacks."""

from __future__ import annotations

import importlib
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

# CPython trims the frames of these files from the traceback of an ImportError, and of
# any other error those that end with this function (`remove_importlib_frames` in
# Python/import.c). Frames of ours in between would keep all of them.
_FILE = "<frozen importlib._bootstrap_external>"
_NAME = "_call_with_frames_removed"


def hide(*functions: Callable[..., object]) -> None:
    """Have functions pass for the import system's own, unless somebody traces.

    A debugger or a measurement of coverage needs the true places.
    """
    if sys.gettrace() is not None or "COVERAGE_PROCESS_CONFIG" in os.environ:
        return
    for function in functions:  # pragma: no cover - the measurement is a tracer
        disguise(function)


def disguise(function: Callable[..., object]) -> None:
    """Give a function's frames the names of the import system's own."""
    code = function.__code__
    function.__code__ = code.replace(co_filename=_FILE, co_name=_NAME)


def skip_own(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback from its first frame on that is no import's and not ours."""
    own = (os.path.dirname(__file__), importlib.__file__, "<frozen ")
    while traceback and traceback.tb_frame.f_code.co_filename.startswith(own):
        traceback = traceback.tb_next
    return traceback
