from __future__ import annotations

import os
import py_compile
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.bytecode import drop_compiled

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source and its compiled form, which an interpreter trusts."""
    path = tmp_path / "near.py"
    path.write_text("N = 0\n")
    py_compile.compile(str(path))
    return path


def compiled_of(source: Path) -> list[str]:
    """Return what lies compiled beside a source."""
    return sorted(path.name for path in source.parent.glob("__pycache__/*"))


def save(source: Path, text: str, *, later_s: int = 0) -> None:
    """Save with the time of the last save, or a later one."""
    at = source.stat().st_mtime + later_s
    source.write_text(text)
    os.utime(source, (at, at))


def test_what_would_be_taken_for_the_new_source_is_removed(source: Path) -> None:
    """One size within a second: only the content is another."""
    save(source, "N = 1\n")
    drop_compiled(source)
    assert compiled_of(source) == []


@pytest.mark.parametrize(("text", "later_s"), [("N = 10\n", 0), ("N = 1\n", 1)])
def test_what_no_interpreter_would_take_is_left(
    source: Path, text: str, later_s: int
) -> None:
    """Another size or another second is told apart by the interpreter."""
    save(source, text, later_s=later_s)
    drop_compiled(source)
    assert len(compiled_of(source)) == 1


def test_files_of_others_are_left(source: Path) -> None:
    """Of other modules, of other kinds, too short to be any, checked by content."""
    other = source.with_name("nearby.py")
    other.write_text("N = 0\n")
    py_compile.compile(str(other))
    cache = source.parent / "__pycache__"
    (cache / "near.cpython-300.pyc").write_bytes(b"short")
    for each in cache.glob("near.cpython-3[0-9][0-9].pyc"):
        if each.stat().st_size > 5:
            each.unlink()
    mode = py_compile.PycInvalidationMode.CHECKED_HASH
    hashed = str(cache / "near.by-hash.pyc")
    py_compile.compile(str(source), cfile=hashed, invalidation_mode=mode)
    before = compiled_of(source)
    drop_compiled(source)
    assert compiled_of(source) == before
    assert len(before) == 3


def test_a_source_that_is_gone_has_none(tmp_path: Path) -> None:
    """Nor has one that was never compiled."""
    drop_compiled(tmp_path / "gone.py")
    (tmp_path / "new.py").touch()
    drop_compiled(tmp_path / "new.py")
    assert list(tmp_path.iterdir()) == [tmp_path / "new.py"]
