from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sceneshift.data.sharing import Shared

if TYPE_CHECKING:
    from collections.abc import Iterator


class Server:
    """Opens sessions: numbers.

    Attributes:
        opened: Those that are open.
        count: How many there were.
    """

    def __init__(self) -> None:
        self.opened: list[int] = []
        self.count = 0

    @contextlib.contextmanager
    def open(self) -> Iterator[int]:
        """Yield another one."""
        self.count += 1
        number = self.count
        self.opened.append(number)
        try:
            yield number
        finally:
            self.opened.remove(number)


def ask(shared: Shared[int]) -> int:
    """Return which session answers."""
    with shared.asking() as session:
        return session


def test_each_question_has_a_session_where_none_is_open() -> None:
    """And nothing stays open."""
    server = Server()
    shared = Shared(server.open)
    assert [ask(shared), ask(shared)] == [1, 2]
    with shared.look():
        assert [ask(shared), ask(shared)] == [3, 3]
    assert server.opened == []
    assert ask(shared) == 4


def test_a_look_leaves_the_session_that_was_there_before() -> None:
    """Whoever holds a lock by it has to go on by it."""
    server = Server()
    shared = Shared(server.open)
    with server.open() as held, shared.keeping(held):
        with shared.look():
            assert ask(shared) == held
        assert ask(shared) == held
    assert server.count == 1
