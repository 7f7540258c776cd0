"""Copies of what the databases hold: taken, listed, put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.errors import UsageError
from sceneshift.data.tasks.flags import DATABASE, DRY, ENV, JSON, YES, ask, read_flags
from sceneshift.task import NamesTask, task

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    help={
        "note": "what is to be known of it",
        "database": DATABASE,
        "env": ENV,
        "dry_run": DRY,
        "json": JSON,
    }
)
def backup(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    note: str = "",
    database: str = "",
    env: str = "",
    dry_run: bool = False,  # noqa: FBT001, FBT002 - a flag
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Take a backup of the databases, while others work with them."""
    from sceneshift.data.backups.taking import (  # noqa: PLC0415 - 60 ms
        BackupRequest,
        back_up,
    )

    request = BackupRequest(
        **read_flags(context, env, database),
        note=note,
        is_dry=dry_run,
        as_json=json,
    )
    back_up(request)


@task(
    help={
        "database": "of this database alone",
        "env": "of this environment alone",
        "pin": "have the one whose id begins or ends so stay",
        "unpin": "let it go in its time again",
        "prune": "let go of those that are old or too many",
        "check": "read all of the data, however long that takes",
        "json": JSON,
    }
)
def backups(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    database: str = "",
    env: str = "",
    pin: str = "",
    unpin: str = "",
    prune: bool = False,  # noqa: FBT001, FBT002 - a flag
    check: bool = False,  # noqa: FBT001, FBT002
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """List the backups; pin or prune them."""
    from sceneshift.data.backups import listing  # noqa: PLC0415 - 50 ms

    if sum(map(bool, (pin, unpin, prune))) > 1:
        raise UsageError(
            "one of --pin, --unpin and --prune is to be given",
            hint="see what there is: inv data.backups",
        )
    request = ask(context, env, database, as_json=json)
    if pin or unpin:
        listing.pin(request, pin or unpin, is_pinned=bool(pin))
    elif prune:
        listing.prune_all(request)
    else:
        listing.show_backups(request, is_checked=check)


@task(
    klass=NamesTask,
    iterable=["names"],
    help={
        "names": "the backup: how its id begins or ends, its folder, or a file",
        "into": "put it into this database (default: the one that it is of)",
        "database": "the database that a file is of (default: default, or the only)",
        "env": ENV,
        "yes": YES,
        "dry_run": DRY,
        "json": JSON,
    },
)
def restore(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    names: list[str],
    into: str = "",
    database: str = "",
    env: str = "",
    yes: bool = False,  # noqa: FBT001, FBT002 - a flag
    dry_run: bool = False,  # noqa: FBT001, FBT002
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Put a backup in its database's place, in one step."""
    from sceneshift.data.backups.restoring import (  # noqa: PLC0415 - 60 ms
        RestoreRequest,
        restore,
    )

    if len(names) != 1:
        raise UsageError(
            "one backup is to be named" if names else "no backup is named",
            hint="see what there is: inv data.backups",
        )
    request = RestoreRequest(
        **read_flags(context, env, database),
        named=names[0],
        into=into or None,
        is_confirmed=yes,
        is_dry=dry_run,
        as_json=json,
    )
    restore(request)
