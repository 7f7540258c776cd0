"""Dumping what is in a PostgreSQL database before another state takes its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.backups.archive import pack
from sceneshift.data.backups.medium import get_version_table
from sceneshift.data.backups.postgresql import look_at
from sceneshift.data.postgresql import content as pgcontent
from sceneshift.data.postgresql import own as pgown
from sceneshift.data.postgresql.dumps import Dumps, Former, dumping
from sceneshift.data.postgresql.duplicate import find_hindrance
from sceneshift.data.postgresql.session import open_session
from sceneshift.data.postgresql.settings import find_database
from sceneshift.data.undo import UnkeptError

if TYPE_CHECKING:
    from sceneshift.data.marker import Marker
    from sceneshift.data.postgresql.session import Place, Session
    from sceneshift.data.target import Target

_SEEING = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_VERSION = """\
SELECT current_setting('server_version_num')::int, current_setting('server_version')
"""


class Keeping:
    """What keeps the states of one database."""

    def __init__(self, target: Target, place: Place, dumps: Dumps) -> None:
        self._target = target
        self._place = place
        self._dumps = dumps

    def keep_for_change(self, former: str, coming: Marker) -> None:
        """Keep what is there, while others work with it.

        Args:
            former: The name that it is kept under.
            coming: What the database is going to say of itself.

        Raises:
            UnkeptError: It cannot be kept, or is not to be.
        """
        with open_session(self._place) as session:
            found = find_database(session.ask, self._place.name)
            assert found is not None
            obstacle = find_hindrance(self._target, session, found)
            if obstacle is not None:
                raise UnkeptError(obstacle)
            self._target.make_folder(self._dumps.folder.name)
            session.run(_SEEING)
            ((seen,),) = session.ask("SELECT pg_export_snapshot()")
            try:
                self.keep(session, former, coming, f"--snapshot={seen}")
            except OSError as error:
                raise UnkeptError(f"it cannot be dumped: {error}") from error
            except SceneshiftError as error:
                raise UnkeptError(f"{error.message} ({error.hint})") from error

    def keep(
        self, session: Session, former: str, coming: Marker, *options: str
    ) -> None:
        """Dump what a session sees, and write down what it is.

        Args:
            session: In the database.
            former: The name that it is kept under.
            coming: What the database is going to say of itself.
            options: More options of pg_dump.

        Raises:
            SceneshiftError: It cannot be dumped.
            OSError: It cannot be written.
        """
        ((number, server),) = session.ask(_VERSION)
        present = pgcontent.read_marker(session)
        content = look_at(session, get_version_table(self._target), is_own=True)
        has_later = any(content.rows.values()) and (
            pgcontent.has_later_rows(session, is_own=True)
            or self._dumps.has_own_rows(present.state if present else "")
        )
        self._dumps.forget(former)
        exclusions = pgown.list_exclusions(pgown.list_others(session))
        major = int(number) // 10_000
        with dumping(self._place, major, [*exclusions, *options]) as data:
            packed = pack(data, self._dumps.locate(former))
        known = Former(
            packed=packed,
            coming=coming,
            rows=content.rows,
            revisions=content.revisions,
            has_own_rows=has_later,
            server=server.partition(" ")[0],
        )
        self._dumps.announce(former, known)

    def settle(self, former: str, coming: Marker) -> bool:
        """Have a state be former if what was to come is there; tell whether it is.

        Args:
            former: The name that it is kept under.
            coming: What the database was to say of itself.

        Raises:
            SceneshiftError: Nobody can tell; the next command does.
        """
        if not self._dumps.is_announced(former):
            return False
        try:
            with open_session(self._place) as session:
                present = pgcontent.read_marker(session)
        except SceneshiftError as error:
            raise SceneshiftError(
                f"whether {quote(self._place.name)} was changed is not known: "
                f"{error.message}",
                hint="look again when its server answers: inv data.status",
            ) from error
        if present != coming:
            return False
        self._dumps.settle(former)
        return True


def read_major(session: Session) -> int:
    """Return the server's major version."""
    ((number, _),) = session.ask(_VERSION)
    return int(number) // 10_000
