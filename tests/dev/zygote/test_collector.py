from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.zygote.collector import SELDOM, Collector

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _kept() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)


def test_a_start_is_collected_seldom_and_the_rest_as_usual() -> None:
    """It is never off: not every program is known to be ready some day."""
    usual = gc.get_threshold()
    collector = Collector()
    collector.hold_back()
    assert gc.isenabled()
    assert gc.get_threshold()[0] == SELDOM
    collector.let_go()
    assert gc.get_threshold() == usual


def test_a_program_has_the_last_word() -> None:
    """What it has set meanwhile stays."""
    collector = Collector()
    collector.hold_back()
    gc.set_threshold(5, 5, 5)
    collector.let_go()
    assert gc.get_threshold()[0] == 5
