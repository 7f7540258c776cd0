"""What went wrong, so that a person can find it."""

from __future__ import annotations

import difflib
import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FEW = 5
_LONGEST = 300


class SeedError(Exception):
    """Something that a person can mend.

    Attributes:
        place: `file:line`; empty where that is not known.
        reason: One sentence.
        component: The package that has to be installed for it; None otherwise.
    """

    def __init__(
        self, reason: str, *, place: str = "", component: str | None = None
    ) -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.place = place
        self.reason = reason
        self.component = component


class DoubleError(SeedError):
    """Two rows have the same key.

    Attributes:
        key: Its columns.
    """

    def __init__(self, reason: str, key: Sequence[str]) -> None:
        super().__init__(reason)
        self.key = key


def explain(error: BaseException) -> str:
    """Return what an error says, on one line."""
    if isinstance(error, SeedError):
        return error.reason
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else ""
    detail = getattr(getattr(error, "diag", None), "message_detail", None)
    if detail:  # psycopg's: which row, which value
        text = f"{text}: {detail.splitlines()[0]}"
    if not is_of_database(error):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def is_of_database(error: BaseException) -> bool:
    """Tell whether a driver, or SQLAlchemy for it, has raised an error."""
    # PEP 249: each driver has a class `Error` of its own, and these below it.
    names = {each.__name__ for each in type(error).__mro__}
    return isinstance(error, DBAPIError) or "DatabaseError" in names


def find_place(error: BaseException, folder: str, root: str) -> str:
    """Return `file:line` of the last step within a folder, else within the project."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{shorten(error.filename, root)}:{error.lineno or 1}"
    frames = traceback.extract_tb(error.__traceback__)
    for top in (folder, root):
        for frame in reversed(frames):
            if _is_below(frame.filename, top):
                return f"{shorten(frame.filename, root)}:{frame.lineno}"
    return ""


def shorten(path: str, root: str) -> str:
    """Return a path as seen from the project's folder."""
    return os.path.relpath(path, root) if _is_below(path, root) else path


def suggest(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, or else which there are."""
    names = sorted(known)
    found = difflib.get_close_matches(name, names, n=1)
    if found:
        return f"did you mean `{found[0]}`?"
    if not names:
        return "there are none"
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return f"known: {', '.join(names[:_FEW])}{more}"


def _is_below(path: str, folder: str) -> bool:
    inside = Path(path).absolute().is_relative_to(folder)
    own = f"{os.sep}sceneshift{os.sep}data{os.sep}seeding{os.sep}child{os.sep}"
    return inside and own not in path and f"{os.sep}site-packages{os.sep}" not in path
