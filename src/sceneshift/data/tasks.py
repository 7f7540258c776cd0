"""`inv data.*`: thin shells over the modules that know each noun."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from sceneshift.core.errors import UsageError
from sceneshift.core.execution import find_command
from sceneshift.task import find_root, read_count, refuse_windows, task

if TYPE_CHECKING:
    from invoke.context import Context

    from sceneshift.data.target import Request

_DATABASE = "name of the database (default: all of the environment)"
_DRY = "say what would be done"
_ONE = "name of the database (default: default, or the only one)"
_ENV = "the environment (default: the active one)"
_JSON = "print JSON"
_YES = "do it without a question; elsewhere than on a terminal with --env"


def _read(context: Context, env: str, database: str) -> dict[str, Any]:
    """Return what every request has."""
    refuse_windows("inv data")
    return {
        "root": find_root(context),
        "environ": os.environ,
        "environment": env or None,
        "database": database or None,
    }


def _ask(context: Context, env: str, database: str, **flags: Any) -> Request:
    from sceneshift.data.target import Request  # noqa: PLC0415 - 40 ms

    return Request(**_read(context, env, database), **flags)


@task(
    default=True,
    help={"env": _ENV, "database": _DATABASE, "json": _JSON},
)
def status(
    context: Context,
    env: str = "",
    database: str = "",
    json: bool = False,  # noqa: FBT001, FBT002 - a flag
) -> None:
    """Show where the databases stand; `inv data` for short."""
    from sceneshift.data.status import show_status  # noqa: PLC0415 - 50 ms

    show_status(_ask(context, env, database, as_json=json))


@task(
    help={
        "env": _ENV,
        "database": _DATABASE,
        "dataset": "what they are filled with (default: that of the environment)",
        "rebuild": "build it anew, whatever is kept",
        "yes": _YES,
        "dry_run": _DRY,
        "json": _JSON,
    }
)
def reset(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    env: str = "",
    database: str = "",
    dataset: str = "",
    rebuild: bool = False,  # noqa: FBT001, FBT002 - a flag
    yes: bool = False,  # noqa: FBT001, FBT002
    dry_run: bool = False,  # noqa: FBT001, FBT002
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Make the databases anew, each as a whole or not at all."""
    from sceneshift.data.reset import ResetRequest, reset  # noqa: PLC0415 - 50 ms

    request = ResetRequest(
        **_read(context, env, database),
        dataset=dataset or None,
        is_rebuilt=rebuild,
        is_confirmed=yes,
        is_dry=dry_run,
        as_json=json,
    )
    reset(request)


@task(
    help={
        "dataset": "the dataset (default: the one that the environment names)",
        "database": "name of the database (default: all that have the dataset)",
        "env": _ENV,
        "dry_run": _DRY,
        "json": _JSON,
    }
)
def seed(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    dataset: str = "",
    database: str = "",
    env: str = "",
    dry_run: bool = False,  # noqa: FBT001, FBT002 - a flag
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Fill the databases with a dataset; a second time changes nothing."""
    from sceneshift.data.seeding import command  # noqa: PLC0415 - 60 ms

    request = command.SeedRequest(
        **_read(context, env, database),
        dataset=dataset or None,
        is_dry=dry_run,
        as_json=json,
    )
    command.seed(request)


@task(
    help={
        "env": _ENV,
        "database": "name of the database (default: all that have migrations)",
        "yes": "migrate a protected environment without a question",
        "dry_run": _DRY,
        "json": _JSON,
    }
)
def migrate(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    env: str = "",
    database: str = "",
    yes: bool = False,  # noqa: FBT001, FBT002 - a flag
    dry_run: bool = False,  # noqa: FBT001, FBT002
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Apply pending migrations, each database's as a whole or not at all."""
    from sceneshift.data.migrate import migrate_all  # noqa: PLC0415

    request = _ask(
        context,
        env,
        database,
        is_confirmed=yes,
        is_dry=dry_run,
        as_json=json,
    )
    migrate_all(request)


@task(
    help={
        "env": _ENV,
        "database": "name of the database (default: that of the last change)",
        "redo": "make again what was taken back last",
        "yes": _YES,
        "dry_run": _DRY,
        "json": _JSON,
    }
)
def undo(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    env: str = "",
    database: str = "",
    redo: bool = False,  # noqa: FBT001, FBT002 - a flag
    yes: bool = False,  # noqa: FBT001, FBT002
    dry_run: bool = False,  # noqa: FBT001, FBT002
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Take the last change of a database back."""
    from sceneshift.data.takeback import UndoRequest, undo  # noqa: PLC0415

    request = UndoRequest(
        **_read(context, env, database),
        is_redo=redo,
        is_confirmed=yes,
        is_dry=dry_run,
        as_json=json,
    )
    undo(request)


@task(help={"env": _ENV, "database": _DATABASE, "json": _JSON})
def check(
    context: Context,
    env: str = "",
    database: str = "",
    json: bool = False,  # noqa: FBT001, FBT002 - a flag
) -> None:
    """Compare databases, migrations and models; changes nothing."""
    from sceneshift.data import drift  # noqa: PLC0415

    drift.check(_ask(context, env, database, as_json=json))


@task(
    help={
        "env": _ENV,
        "database": _DATABASE,
        "pin": "have the one whose id begins so stay",
        "unpin": "let it go in its time again",
        "restore": "put it in its database's place",
        "prune": "let go of those that are old or too many",
        "days": "with --prune: how long one is kept that nobody uses (default: 30)",
        "yes": _YES,
        "json": _JSON,
    }
)
def snapshots(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    env: str = "",
    database: str = "",
    pin: str = "",
    unpin: str = "",
    restore: str = "",
    prune: bool = False,  # noqa: FBT001, FBT002 - a flag
    days: str = "",
    yes: bool = False,  # noqa: FBT001, FBT002
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """List the states that resets have kept; pin, restore or prune them."""
    from sceneshift.data import kept  # noqa: PLC0415
    from sceneshift.data.snapshots.pruning import BYTES, DAYS  # noqa: PLC0415

    if sum(map(bool, (pin, unpin, restore, prune))) > 1:
        raise UsageError(
            "one of --pin, --unpin, --restore and --prune is to be given",
            hint="see what there is: inv data.snapshots",
        )
    request = _ask(
        context,
        env,
        database,
        is_confirmed=yes,
        as_json=json,
    )
    if pin or unpin:
        kept.pin(request, pin or unpin, is_pinned=bool(pin))
    elif restore:
        kept.restore(request, restore)
    elif prune:
        limit = read_count("--days", days, DAYS)
        kept.prune_all(request, days=limit, most_bytes=BYTES)
    else:
        kept.show_snapshots(request)


@task(help={"env": _ENV, "database": _DATABASE, "yes": _YES})
def claim(
    context: Context,
    env: str = "",
    database: str = "",
    yes: bool = False,  # noqa: FBT001, FBT002 - a flag
) -> None:
    """Have a database say that it is of this project and environment."""
    from sceneshift.data.claim import claim  # noqa: PLC0415

    claim(_ask(context, env, database, is_confirmed=yes))


@task(
    help={
        "env": _ENV,
        "database": _ONE,
        "driver": "name this driver instead, as psycopg or asyncpg, or none",
        "show_password": "show the password even on a terminal",
        "yes": "show that of a protected environment even there",
        "json": _JSON,
    }
)
def url(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    env: str = "",
    database: str = "",
    driver: str = "",
    show_password: bool = False,  # noqa: FBT001, FBT002 - a flag
    yes: bool = False,  # noqa: FBT001, FBT002
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Print the address of a database, whole into a pipe."""
    from sceneshift.data.url import UrlRequest, show_url  # noqa: PLC0415

    request = UrlRequest(
        **_read(context, env, database),
        driver=driver or None,
        is_terminal=sys.stdout.isatty(),
        is_shown=show_password,
        is_confirmed=yes,
        as_json=json,
    )
    show_url(request)


@task(
    help={
        "env": _ENV,
        "database": _DATABASE,
        "within": "seconds that they may take (default: 30)",
        "json": _JSON,
    }
)
def wait(
    context: Context,
    env: str = "",
    database: str = "",
    within: str = "",
    json: bool = False,  # noqa: FBT001, FBT002 - a flag
) -> None:
    """Wait until the databases answer."""
    from sceneshift.data.wait import wait  # noqa: PLC0415

    request = _ask(context, env, database, as_json=json)
    wait(request, within_s=read_count("--within", within, 30))


@task(
    help={
        "env": _ENV,
        "database": _ONE,
        "yes": "open one of a protected environment without a question",
    }
)
def shell(
    context: Context,
    env: str = "",
    database: str = "",
    yes: bool = False,  # noqa: FBT001, FBT002 - a flag
) -> None:
    """Become the database's own client: inv data.shell -- -c 'SELECT 1'."""
    from sceneshift.data.shell import ShellRequest, open_shell  # noqa: PLC0415

    request = ShellRequest(
        **_read(context, env, database),
        words=tuple(find_command(sys.argv, context.remainder)),
        is_confirmed=yes,
    )
    open_shell(request)


@task(help={"env": _ENV, "database": _DATABASE, "dry_run": _DRY, "json": _JSON})
def create(
    context: Context,
    env: str = "",
    database: str = "",
    dry_run: bool = False,  # noqa: FBT001, FBT002 - a flag
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Make the databases that are not there."""
    from sceneshift.data.create import create  # noqa: PLC0415

    request = _ask(
        context,
        env,
        database,
        is_dry=dry_run,
        as_json=json,
    )
    create(request)


@task(
    help={
        "env": _ENV,
        "database": _DATABASE,
        "yes": _YES,
        "dry_run": _DRY,
        "json": _JSON,
    }
)
def drop(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    env: str = "",
    database: str = "",
    yes: bool = False,  # noqa: FBT001, FBT002 - a flag
    dry_run: bool = False,  # noqa: FBT001, FBT002
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Empty the databases in one step, which inv data.undo takes back."""
    from sceneshift.data.drop import drop  # noqa: PLC0415

    request = _ask(
        context,
        env,
        database,
        is_confirmed=yes,
        is_dry=dry_run,
        as_json=json,
    )
    drop(request)
