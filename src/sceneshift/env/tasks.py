"""`inv env.*`: thin shells over the modules that know each noun."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from invoke.collection import Collection

from sceneshift.core.errors import UsageError
from sceneshift.core.execution import find_command
from sceneshift.task import NamesTask, find_root, read_count, refuse_windows, task

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from invoke.context import Context

_ENV = "the same by a flag"
_JSON = "print JSON"
_NAME = "the environment (default: the active one)"


def _root(context: Context) -> Path:
    refuse_windows("inv env")
    return find_root(context)


def _pick(names: Sequence[str], env: str) -> str | None:
    """Return the one environment that was named, None for the active one."""
    asked = list(dict.fromkeys([*names, *filter(None, [env])]))
    if len(asked) > 1:
        raise UsageError(
            f"one environment is to be named, found: {', '.join(asked)}",
            hint="see which there are: inv env.list",
        )
    return asked[0] if asked else None


@task(name="list", help={"json": _JSON})
def list_(context: Context, json: bool = False) -> None:  # noqa: FBT001, FBT002
    """List the environments: ports, databases, state; `inv env` for short."""
    from sceneshift.env import catalog  # noqa: PLC0415 - 50 ms

    catalog.show_environments(_root(context), os.environ, as_json=json)


@task(
    klass=NamesTask,
    iterable=["names"],
    help={
        "names": _NAME,
        "env": _ENV,
        "explain": "say where each value comes from, and what it overrides",
        "all": "what the shell has besides, too",
        "json": _JSON,
    },
)
def show(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    names: list[str],
    env: str = "",
    explain: bool = False,  # noqa: FBT001, FBT002 - a flag
    all: bool = False,  # noqa: A002, FBT001, FBT002
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Show an environment's variables, secrets masked."""
    from sceneshift.env import variables  # noqa: PLC0415

    variables.show_variables(
        _root(context),
        os.environ,
        name=_pick(names, env),
        is_explained=explain,
        is_all=all,
        as_json=json,
    )


@task(
    klass=NamesTask,
    iterable=["names"],
    help={
        "names": "the environment",
        "env": _ENV,
        "validate": "run the checks of inv env.validate first",
        "force": "with --validate: switch though a check has failed",
        "migrate": "apply pending migrations first",
        "yes": "switch to a protected environment without a question",
        "dry_run": "say what would be done",
        "within": "seconds in which new processes are to be ready (default: 30)",
        "json": _JSON,
    },
)
def switch(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    names: list[str],
    env: str = "",
    validate: bool = False,  # noqa: FBT001, FBT002 - a flag
    force: bool = False,  # noqa: FBT001, FBT002
    migrate: bool = False,  # noqa: FBT001, FBT002
    yes: bool = False,  # noqa: FBT001, FBT002
    dry_run: bool = False,  # noqa: FBT001, FBT002
    within: str = "",
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Have the running stack go over to another environment."""
    from sceneshift.env.switch import SwitchRequest, switch  # noqa: PLC0415

    known = context.config.sceneshift
    request = SwitchRequest(
        root=_root(context),
        environ=os.environ,
        name=_pick(names, env) or "",
        providers=tuple(known.checks) if validate else (),
        migrations=known.migrations,
        is_forced=force,
        is_migrated=migrate,
        is_confirmed=yes,
        is_dry=dry_run,
        within_s=read_count("--within", within, 30),
        as_json=json,
    )
    switch(request)


@task(
    klass=NamesTask,
    iterable=["names"],
    help={
        "names": _NAME,
        "env": _ENV,
        "format": "dotenv, json, sh, fish or github (default: sh)",
        "json": "the same as --format json",
        "yes": "show a protected environment even on a terminal",
    },
)
def export(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    names: list[str],
    env: str = "",
    format: str = "sh",  # noqa: A002
    json: bool = False,  # noqa: FBT001, FBT002 - a flag
    yes: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Print an environment's variables for a shell or a program."""
    from sceneshift.env.export import (  # noqa: PLC0415
        ExportRequest,
        export_variables,
    )

    request = ExportRequest(
        name=_pick(names, env),
        form="json" if json else format,
        is_terminal=sys.stdout.isatty(),
        is_confirmed=yes,
    )
    export_variables(_root(context), os.environ, request)


@task(
    klass=NamesTask,
    iterable=["names"],
    help={
        "names": _NAME,
        "env": _ENV,
        "process": "the process whose PORT and own variables it gets",
    },
)
def run(context: Context, names: list[str], env: str = "", process: str = "") -> None:
    """Run one command in an environment: inv env.run staging -- pytest -x."""
    from sceneshift.env import execution  # noqa: PLC0415

    execution.run_command(
        _root(context),
        os.environ,
        find_command(sys.argv, context.remainder),
        name=_pick(names, env),
        process=process or None,
        maker=context.config.sceneshift.first_use,
    )


@task(
    name="check-example",
    klass=NamesTask,
    iterable=["names"],
    help={"names": _NAME, "env": _ENV, "json": _JSON},
)
def check_example(
    context: Context,
    names: list[str],
    env: str = "",
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Check that .env.example and the env files have the same names."""
    from sceneshift.env import example  # noqa: PLC0415

    example.check_example(
        _root(context), os.environ, name=_pick(names, env), as_json=json
    )


@task(name="check-secrets", help={"json": _JSON})
def check_secrets(context: Context, json: bool = False) -> None:  # noqa: FBT001, FBT002
    """Check that git ignores the env files that have secrets."""
    from sceneshift.env import exposure  # noqa: PLC0415

    exposure.check_secrets(_root(context), as_json=json)


@task(
    help={
        "free": "end what an earlier stack left of this environment or process",
        "dry_run": "with --free: say what would be ended",
        "json": _JSON,
    }
)
def ports(
    context: Context,
    free: str = "",
    dry_run: bool = False,  # noqa: FBT001, FBT002 - a flag
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Show who holds the ports of all environments and worktrees."""
    root = _root(context)
    if free:
        from sceneshift.env import freeing  # noqa: PLC0415

        freeing.free_ports(root, os.environ, free, is_dry=dry_run, as_json=json)
        return
    if dry_run:
        raise UsageError(
            "`--dry-run` goes with `--free`: nothing is done without it",
            hint="write it so: inv env.ports --free NAME --dry-run",
        )
    from sceneshift.env import occupancy  # noqa: PLC0415

    occupancy.show_ports(root, os.environ, as_json=json)


@task(
    help={
        "prune": "end, drop and forget what removed worktrees have left",
        "dry_run": "with --prune: say what would be done",
        "json": _JSON,
    }
)
def worktrees(
    context: Context,
    prune: bool = False,  # noqa: FBT001, FBT002 - a flag
    dry_run: bool = False,  # noqa: FBT001, FBT002
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Show the worktrees: their ports, databases, addresses and memory."""
    from sceneshift.env import trees  # noqa: PLC0415

    if prune:
        trees.prune_worktrees(
            _root(context),
            is_dry=dry_run,
            as_json=json,
            dropper=context.config.sceneshift.leftovers,
        )
        return
    if dry_run:
        raise UsageError(
            "`--dry-run` goes with `--prune`: nothing is done without it",
            hint="write it so: inv env.worktrees --prune --dry-run",
        )
    trees.show_worktrees(_root(context), as_json=json)


@task(
    klass=NamesTask,
    iterable=["names"],
    help={"names": _NAME, "env": _ENV, "json": _JSON},
)
def validate(
    context: Context,
    names: list[str],
    env: str = "",
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Check an environment: files, ports, processes, databases, packages."""
    from sceneshift.env import validation  # noqa: PLC0415

    validation.validate(
        _root(context),
        os.environ,
        name=_pick(names, env),
        providers=context.config.sceneshift.checks,
        as_json=json,
    )


@task(help={"json": _JSON})
def doctor(context: Context, json: bool = False) -> None:  # noqa: FBT001, FBT002
    """Check the machine: programs and their versions, limits, disk, proxy."""
    from sceneshift.env import doctor as machine  # noqa: PLC0415

    machine.examine(_root(context), os.environ, as_json=json)


ns = Collection("env")
ns.add_task(list_, default=True)
for _each in (
    show,
    switch,
    export,
    run,
    check_example,
    check_secrets,
    ports,
    worktrees,
    validate,
    doctor,
):
    ns.add_task(_each)
