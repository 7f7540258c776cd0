"""The databases themselves: found, reached, made and emptied."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sceneshift.core.execution import find_command
from sceneshift.data.tasks.flags import (
    DATABASE,
    DRY,
    ENV,
    JSON,
    ONE,
    YES,
    ask,
    read_flags,
)
from sceneshift.task import read_count, task

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    help={
        "env": ENV,
        "database": ONE,
        "driver": "name this driver instead, as psycopg or asyncpg, or none",
        "show_password": "show the password even on a terminal",
        "yes": "show that of a protected environment even there",
        "json": JSON,
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
        **read_flags(context, env, database),
        driver=driver or None,
        is_terminal=sys.stdout.isatty(),
        is_shown=show_password,
        is_confirmed=yes,
        as_json=json,
    )
    show_url(request)


@task(
    help={
        "env": ENV,
        "database": DATABASE,
        "within": "seconds that they may take (default: 30)",
        "json": JSON,
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

    request = ask(context, env, database, as_json=json)
    wait(request, within_s=read_count("--within", within, 30))


@task(
    help={
        "env": ENV,
        "database": ONE,
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
        **read_flags(context, env, database),
        words=tuple(find_command(sys.argv, context.remainder)),
        is_confirmed=yes,
    )
    open_shell(request)


@task(help={"env": ENV, "database": DATABASE, "dry_run": DRY, "json": JSON})
def create(
    context: Context,
    env: str = "",
    database: str = "",
    dry_run: bool = False,  # noqa: FBT001, FBT002 - a flag
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Make the databases that are not there."""
    from sceneshift.data.create import create  # noqa: PLC0415

    request = ask(
        context,
        env,
        database,
        is_dry=dry_run,
        as_json=json,
    )
    create(request)


@task(
    help={
        "env": ENV,
        "database": DATABASE,
        "yes": YES,
        "dry_run": DRY,
        "json": JSON,
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

    request = ask(
        context,
        env,
        database,
        is_confirmed=yes,
        is_dry=dry_run,
        as_json=json,
    )
    drop(request)
