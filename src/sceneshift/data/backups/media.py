"""Which medium the backups of a database have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote

if TYPE_CHECKING:
    from sceneshift.data.backups.medium import Medium
    from sceneshift.data.target import Target


def find_medium(target: Target) -> Medium:
    """Return that of a database.

    Raises:
        SceneshiftError: There is none.
    """
    if target.file is not None:
        from sceneshift.data.backups.sqlite import SqliteMedium  # noqa: PLC0415

        return SqliteMedium(target)
    if target.database.system in {"postgres", "postgresql"}:
        from sceneshift.data.backups.postgresql import (  # noqa: PLC0415 - 20 ms
            PostgresqlMedium,
        )
        from sceneshift.data.postgresql.confined import is_confined  # noqa: PLC0415

        if is_confined(target):
            from sceneshift.data.backups.pgfile import FileMedium  # noqa: PLC0415

            return FileMedium(target)
        return PostgresqlMedium(target)
    if target.database.system in {"mariadb", "mysql"}:
        from sceneshift.data.backups.mysql import MysqlMedium  # noqa: PLC0415 - as above

        return MysqlMedium(target)
    target.check_lasting()
    raise SceneshiftError(
        f"no backup can be had of {quote(target.database.name)}: it is a database of "
        f"{quote(target.database.system)}",
        hint="files of SQLite, and databases of PostgreSQL, MariaDB and MySQL are what "
        "can be, so far",
    )
