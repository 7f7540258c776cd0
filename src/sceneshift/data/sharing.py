"""One session of a server for several questions, or another one for each."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

SessionT = TypeVar("SessionT")


class Shared(Generic[SessionT]):
    """The session that is open at present, if one is.

    Args:
        start: Opens another one.
    """

    def __init__(self, start: Callable[[], AbstractContextManager[SessionT]]) -> None:
        self._start = start
        self._open: SessionT | None = None

    @contextlib.contextmanager
    def asking(self) -> Iterator[SessionT]:
        """Yield the session that is open, or another one for this question."""
        if self._open is not None:
            yield self._open
            return
        with self._start() as session:
            yield session

    @contextlib.contextmanager
    def keeping(self, session: SessionT) -> Iterator[None]:
        """Have a session answer all questions; what answered them before does then."""
        before, self._open = self._open, session
        try:
            yield
        finally:
            self._open = before

    @contextlib.contextmanager
    def look(self) -> Iterator[None]:
        """Have one session answer all questions."""
        with self.asking() as session, self.keeping(session):
            yield
