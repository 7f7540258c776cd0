"""Who works with the tables of a database of MariaDB or MySQL, and is waited for."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sceneshift.core.errors import BusyError, SceneshiftError
from sceneshift.core.wording import name_few, quote
from sceneshift.data.mysql.session import (
    WAITED,
    StatementError,
    open_session,
    quote_name,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sceneshift.data.mysql.beside import Beside
    from sceneshift.data.mysql.session import Session

_FEW = 3
_HOLDERS = """\
SELECT p.id, p.user, p.host, p.command, t.trx_id IS NOT NULL
FROM information_schema.processlist p
LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id
WHERE p.id <> connection_id() AND (p.db = {name} OR t.trx_id IS NOT NULL)
ORDER BY t.trx_id IS NULL, p.id
"""


def wait_for_tables(beside: Beside, tables: Sequence[str]) -> None:
    """Wait until nobody is in the middle of something with a table.

    Raises:
        StatementError: Somebody is all the time.
    """
    live = quote_name(beside.place.name)
    locks = ", ".join(f"{live}.{quote_name(each)} WRITE" for each in tables)
    with open_session(beside.place, "") as session:
        try:
            session.run(f"LOCK TABLES {locks}", "UNLOCK TABLES")
        except StatementError as error:
            if error.code in WAITED:  # a user who may not lock has not waited
                raise


def explain_waiting(session: Session, live: str) -> BusyError:
    """Return what says who has been waited for in vain, and that nothing changed."""
    said: list[str] = []
    first: object = None
    with contextlib.suppress(SceneshiftError):  # a user may not see others
        for number, user, host, command, is_writing in session.ask(_HOLDERS, name=live):
            first = number if first is None else first
            what = "in a transaction" if is_writing else str(command).lower()
            said.append(f"{user}@{host} (connection {number}, {what})")
    who = name_few(said, _FEW) if said else "a session that this user may not see"
    return BusyError(
        f"{quote(live)} is as it was, for its tables are in use all the time: {who}",
        hint="end its transaction, or stop it: inv dev.stop"
        + ("" if first is None else f"; or as its administrator: KILL {first}"),
    )
