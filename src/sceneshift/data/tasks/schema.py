"""What the databases are like: their migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from sceneshift.task import task

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    help={
        "env": ENV,
        "database": "name of the database (default: all that have migrations)",
        "to": "a revision, base, or steps as in +1 and -1 (default: all there is)",
        "rehearse": "try it on a copy first, and do it if all is well",
        "yes": "migrate a protected environment, or downgrade, without a question",
        "dry_run": DRY,
        "json": JSON,
    }
)
def migrate(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    env: str = "",
    database: str = "",
    to: str = "",
    rehearse: bool = False,  # noqa: FBT001, FBT002 - a flag
    yes: bool = False,  # noqa: FBT001, FBT002
    dry_run: bool = False,  # noqa: FBT001, FBT002
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Apply pending migrations, each database's as a whole or not at all."""
    from sceneshift.data.migrate import migrate_all  # noqa: PLC0415

    request = ask(
        context,
        env,
        database,
        is_confirmed=yes,
        is_dry=dry_run,
        as_json=json,
    )
    migrate_all(request, to=to or None, is_rehearsed=rehearse)


@task(help={"env": ENV, "database": DATABASE, "json": JSON})
def check(
    context: Context,
    env: str = "",
    database: str = "",
    json: bool = False,  # noqa: FBT001, FBT002 - a flag
) -> None:
    """Compare databases, migrations and models; changes nothing."""
    from sceneshift.data import drift  # noqa: PLC0415

    drift.check(ask(context, env, database, as_json=json))


@task(
    help={
        "message": "what the revision does, in a few words",
        "env": ENV,
        "database": ONE,
        "branch": "label of the branch that it goes on with",
        "empty": "leave it to be filled in by hand",
        "json": JSON,
    }
)
def new(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    message: str,
    env: str = "",
    database: str = "",
    branch: str = "",
    empty: bool = False,  # noqa: FBT001, FBT002 - a flag
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Write the next migration, by what the models have and migrations lack."""
    from sceneshift.data.new import NewRequest, new  # noqa: PLC0415

    request = NewRequest(
        **read_flags(context, env, database),
        message=message,
        branch=branch or None,
        is_empty=empty,
        as_json=json,
    )
    new(request)


@task(
    help={
        "env": ENV,
        "database": "name of the database (default: all that have migrations)",
        "message": "what it says (default: the heads that it joins)",
        "json": JSON,
    }
)
def merge(
    context: Context,
    env: str = "",
    database: str = "",
    message: str = "",
    json: bool = False,  # noqa: FBT001, FBT002 - a flag
) -> None:
    """Join the heads that two people's migrations have left."""
    from sceneshift.data.new import NewRequest, merge  # noqa: PLC0415

    request = NewRequest(
        **read_flags(context, env, database), message=message or None, as_json=json
    )
    merge(request)


@task(
    help={
        "env": ENV,
        "database": "name of the database (default: all that have migrations)",
        "all": "look at all migrations, not at pending ones alone",
        "since": "look at those after this revision, wherever the database is",
        "json": JSON,
    }
)
def lint(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    env: str = "",
    database: str = "",
    all: bool = False,  # noqa: A002, FBT001, FBT002 - a flag
    since: str = "",
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Tell what pending migrations do that is dangerous, and what to do instead."""
    from sceneshift.data.lint import command  # noqa: PLC0415 - 50 ms

    request = command.LintRequest(
        **read_flags(context, env, database),
        is_all=all,
        since=since or None,
        as_json=json,
    )
    command.lint(request)


@task(
    help={
        "env": ENV,
        "database": ONE,
        "to": "the last revision that is replaced (default: the head)",
        "message": "what the new one says (default: baseline)",
        "yes": YES,
        "dry_run": DRY,
        "json": JSON,
    }
)
def squash(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    env: str = "",
    database: str = "",
    to: str = "",
    message: str = "",
    yes: bool = False,  # noqa: FBT001, FBT002 - a flag
    dry_run: bool = False,  # noqa: FBT001, FBT002
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Replace migrations by one, once it is proved that it makes the same."""
    from sceneshift.data.squash import command  # noqa: PLC0415 - 60 ms

    request = command.SquashRequest(
        **read_flags(context, env, database),
        to=to or None,
        message=message or None,
        is_confirmed=yes,
        is_dry=dry_run,
        as_json=json,
    )
    command.squash(request)
