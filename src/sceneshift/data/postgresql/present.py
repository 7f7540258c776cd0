"""The PostgreSQL database at its place, which others may exchange at any moment."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar

from sceneshift.core.errors import SceneshiftError
from sceneshift.data.postgresql.again import ask_again
from sceneshift.data.postgresql.content import read_marker
from sceneshift.data.postgresql.session import open_session
from sceneshift.data.postgresql.settings import find_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sceneshift.data.marker import Marker
    from sceneshift.data.postgresql.beside import Beside
    from sceneshift.data.postgresql.session import Session

T = TypeVar("T")


class Present:
    """What is there, and what it says of itself.

    Args:
        beside: What is beside it.
    """

    def __init__(self, beside: Beside) -> None:
        self._beside = beside
        self._is_held = False
        self._known: tuple[Marker | None] | None = None

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Hold its lock: nobody else changes what it says until then."""
        with self._beside.hold():
            self._is_held = True
            try:
                yield
            finally:
                self._is_held, self._known = False, None

    def read_marker(self) -> Marker | None:
        """Return what it says that it is."""
        if self._known is None:
            found = self.ask(read_marker, None)
            self.remember(found)
            return found
        return self._known[0]

    def remember(self, marker: Marker | None) -> None:
        """Know what it says now, as long as nobody else changes it."""
        self._known = (marker,) if self._is_held else None

    def forget(self) -> None:
        """Ask it anew, as it is changed."""
        self._known = None

    def ask(self, ask: Callable[[Session], T], absent: T) -> T:
        """Return what it answers, whoever exchanges it meanwhile.

        Args:
            ask: Asks it.
            absent: What is returned where there is none.
        """

        def look() -> T:
            with open_session(self._beside.place) as session:
                return ask(session)

        try:
            return ask_again(look)
        except SceneshiftError:
            if self._exists():
                raise
            return absent

    def _exists(self) -> bool:
        with self._beside.asking() as session:
            return find_database(session.ask, self._beside.place.name) is not None
