from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.check import CheckState
from sceneshift.env import disk

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("least", "little", "state"),
    [
        (0, 0, CheckState.OK),
        (0, 1 << 62, CheckState.WARNING),
        (1 << 62, 1 << 62, CheckState.FAILED),
    ],
)
def test_room_is_judged_by_what_is_needed(
    tmp_path: Path, least: int, little: int, state: CheckState
) -> None:
    """The numbers are set so that any disk is each of the three."""
    verdict = disk.check_room(tmp_path, least=least, little=little)
    assert verdict.state is state
    assert verdict.detail.endswith(" MB are free")


@pytest.mark.parametrize(
    ("slow_s", "state"), [(1e9, CheckState.OK), (0.0, CheckState.WARNING)]
)
def test_a_disk_is_slow_where_a_block_takes_long(
    tmp_path: Path, slow_s: float, state: CheckState
) -> None:
    """Nothing is left of the blocks that were written."""
    assert disk.check_speed(tmp_path, slow_s=slow_s).state is state
    assert os.listdir(tmp_path / ".sceneshift") == [".gitignore"]  # noqa: PTH208


@pytest.mark.parametrize(
    ("most_s", "state"), [(1e9, CheckState.OK), (-1.0, CheckState.FAILED)]
)
def test_a_file_has_the_time_of_this_machine(
    tmp_path: Path, most_s: float, state: CheckState
) -> None:
    """Where the times differ by more than there may be."""
    assert disk.check_clock(tmp_path, most_s=most_s).state is state
