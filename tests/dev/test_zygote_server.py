from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.zygote.server import _forget_children, _watch_children

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def _own_signals() -> Iterator[None]:
    """What the test does to signals is undone."""
    numbers = (signal.SIGCHLD, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_own_signals")
def test_a_child_forgets_children_though_asyncio_was_first() -> None:
    """From Python 3.12 on asyncio takes the wake-up descriptor back at a fork."""
    reader, writer = _watch_children()
    signal.set_wakeup_fd(-1)
    _forget_children(reader, writer)
    assert (reader.fileno(), writer.fileno()) == (-1, -1)
    assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL
