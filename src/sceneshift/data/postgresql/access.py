"""Sessions in a PostgreSQL database, and in drafts, of who may be in no other one."""

from __future__ import annotations

import contextlib
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.postgresql.again import ask_again
from sceneshift.data.postgresql.keeping import read_major
from sceneshift.data.postgresql.server import quote_name
from sceneshift.data.postgresql.session import Place, open_session
from sceneshift.data.sharing import Shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from sceneshift.core.databases import Database
    from sceneshift.data.postgresql.session import Session

T = TypeVar("T")


class Access:
    """The way into a database.

    Args:
        place: The database.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._shared = Shared(self._open)

    @cached_property
    def major(self) -> int:
        """The server's major version."""
        with self.asking() as session:
            return read_major(session)

    def look(self) -> AbstractContextManager[None]:
        """Have one session answer all questions."""
        return self._shared.look()

    def asking(self) -> AbstractContextManager[Session]:
        """Yield a session in it.

        Raises:
            SceneshiftError: It is not there, or cannot be reached.
        """
        return self._shared.asking()

    def look_into(self, draft: Database | None, ask: Callable[[Session], T]) -> T:
        """Return what it or a draft says of itself, whoever exchanges it meanwhile."""

        def look() -> T:
            with self.entering(draft) as session:
                return ask(session)

        return ask_again(look)

    @contextlib.contextmanager
    def entering(self, draft: Database | None) -> Iterator[Session]:
        """Yield a session in a draft; None means the database itself."""
        if draft is None:
            with self.asking() as session:
                yield session
            return
        with open_session(Place(url=draft.url, root=self._place.root)) as session:
            yield session

    @contextlib.contextmanager
    def _open(self) -> Iterator[Session]:
        with contextlib.ExitStack() as stack:
            try:
                session = stack.enter_context(open_session(self._place))
            except SceneshiftError as error:
                name = self._place.name
                if f'database "{name}" does not exist' not in error.message:
                    raise
                raise SceneshiftError(
                    f"{quote(name)} is not there, and its user may make no databases",
                    hint=f"have it made: CREATE DATABASE {quote_name(name)} OWNER …",
                ) from error
            yield session
