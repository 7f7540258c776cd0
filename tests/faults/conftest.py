"""What tests of faults share."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ramdisk import find_memory
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """Return a folder in memory, if there is room.

    A kill loses nothing that was written, on a disk or not: only a disk's waiting is.
    """
    memory = find_memory()
    if memory is None:
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(dir=memory))
    try:
        yield folder
    finally:
        # A program that goes on after a command may be writing there still.
        wait_until(lambda: _is_gone(folder))


def _is_gone(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


@pytest.fixture(autouse=True)
def revive(request: pytest.FixtureRequest) -> None:
    """Have servers run: tests of a lost guard end all that this process started."""
    for name in {"server", "mysql"}.intersection(request.fixturenames):
        request.getfixturevalue(f"running_{name}").start()
