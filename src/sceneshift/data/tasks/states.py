"""What the databases hold: shown, made anew, filled, taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.errors import UsageError
from sceneshift.data.tasks.flags import DATABASE, DRY, ENV, JSON, YES, ask, read_flags
from sceneshift.task import read_count, task

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    default=True,
    help={"env": ENV, "database": DATABASE, "json": JSON},
)
def status(
    context: Context,
    env: str = "",
    database: str = "",
    json: bool = False,  # noqa: FBT001, FBT002 - a flag
) -> None:
    """Show where the databases stand; `inv data` for short."""
    from sceneshift.data.status import show_status  # noqa: PLC0415 - 50 ms

    show_status(ask(context, env, database, as_json=json))


@task(
    help={
        "env": ENV,
        "database": DATABASE,
        "dataset": "what they are filled with (default: that of the environment)",
        "keep_schema": "leave the schema as it is, and put in other rows alone",
        "rebuild": "build it anew, whatever is kept",
        "yes": YES,
        "dry_run": DRY,
        "json": JSON,
    }
)
def reset(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    env: str = "",
    database: str = "",
    dataset: str = "",
    keep_schema: bool = False,  # noqa: FBT001, FBT002 - a flag
    rebuild: bool = False,  # noqa: FBT001, FBT002
    yes: bool = False,  # noqa: FBT001, FBT002
    dry_run: bool = False,  # noqa: FBT001, FBT002
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Make the databases anew, each as a whole or not at all."""
    from sceneshift.data.reset import ResetRequest, reset  # noqa: PLC0415 - 50 ms

    request = ResetRequest(
        **read_flags(context, env, database),
        dataset=dataset or None,
        is_rebuilt=rebuild,
        is_confirmed=yes,
        is_dry=dry_run,
        as_json=json,
    )
    if keep_schema:
        from sceneshift.data.refill import refill  # noqa: PLC0415

        refill(request)
    else:
        reset(request)


@task(
    help={
        "dataset": "the dataset (default: the one that the environment names)",
        "database": "name of the database (default: all that have the dataset)",
        "env": ENV,
        "dry_run": DRY,
        "json": JSON,
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
        **read_flags(context, env, database),
        dataset=dataset or None,
        is_dry=dry_run,
        as_json=json,
    )
    command.seed(request)


@task(
    help={
        "env": ENV,
        "database": "name of the database (default: that of the last change)",
        "redo": "make again what was taken back last",
        "yes": YES,
        "dry_run": DRY,
        "json": JSON,
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
        **read_flags(context, env, database),
        is_redo=redo,
        is_confirmed=yes,
        is_dry=dry_run,
        as_json=json,
    )
    undo(request)


@task(help={"env": ENV, "database": DATABASE, "dry_run": DRY, "json": JSON})
def follow(
    context: Context,
    env: str = "",
    database: str = "",
    dry_run: bool = False,  # noqa: FBT001, FBT002 - a flag
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Have the databases be those of the branch of git; what is there is kept."""
    from sceneshift.data.branches.command import follow_all  # noqa: PLC0415 - 50 ms

    follow_all(ask(context, env, database, is_dry=dry_run, as_json=json))


@task(
    help={
        "env": ENV,
        "database": DATABASE,
        "pin": "have the one whose id begins so stay",
        "unpin": "let it go in its time again",
        "restore": "put it in its database's place",
        "prune": "let go of those that are old or too many",
        "days": "with --prune: how long one is kept that nobody uses (default: 30)",
        "yes": YES,
        "json": JSON,
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
    request = ask(
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


@task(help={"env": ENV, "database": DATABASE, "yes": YES})
def claim(
    context: Context,
    env: str = "",
    database: str = "",
    yes: bool = False,  # noqa: FBT001, FBT002 - a flag
) -> None:
    """Have a database say that it is of this project and environment."""
    from sceneshift.data.claim import claim  # noqa: PLC0415

    claim(ask(context, env, database, is_confirmed=yes))
