from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.dev.zygote.writes import WRITES, find_written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Act = Callable[[Path], object]

_seen: list[str] | None = None
_is_laid: list[bool] = []


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if _seen is not None and event in WRITES:
        _seen.extend(find_written(event, args))


def written_by(act: Act, folder: Path) -> set[str]:
    """Return what is seen of it, relative to the folder it works in."""
    global _seen  # noqa: PLW0603 - an audit hook is for ever
    if not _is_laid:
        _audit.__dict__["__cantrace__"] = True  # else no measurement sees into it
        sys.addaudithook(_audit)
        _is_laid.append(True)
    _seen = []
    try:
        act(folder)
        return {os.path.relpath(path, folder) for path in _seen}
    finally:
        _seen = None


def _truncate_open(folder: Path) -> None:
    with (folder / "a").open("r+") as file:
        os.truncate(file.fileno(), 0)


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda it: (it / "a").replace(it / "b"), {"a", "b"}),
        (lambda it: shutil.move(f"{it}/a", f"{it}/b"), {"a", "b"}),
        (lambda it: shutil.move(it / "a", it / "b"), {"a", "b"}),
        (lambda it: (it / "a").unlink(), {"a"}),
        (lambda it: shutil.rmtree(it / "folder"), {"folder/x"}),
        (lambda it: os.truncate(it / "a", 0), {"a"}),
        (lambda it: sqlite3.connect(it / "data").close(), {"data"}),
        (_truncate_open, set()),
        (lambda it: (it / "code.new").rename(it / "code.py"), set()),
    ],
)
def test_what_a_program_changes_is_found(
    tmp_path: Path, act: Act, expected: set[str]
) -> None:
    """However it names the file; code, and what has no name, is left out."""
    (tmp_path / "folder").mkdir()
    for name in ("a", "folder/x", "code.new"):
        (tmp_path / name).write_text("x")
    assert written_by(act, tmp_path) == expected


def test_a_folder_that_is_not_open_names_nothing() -> None:
    """The call will fail anyway."""
    assert find_written("os.remove", ("a", 999_999)) == []
