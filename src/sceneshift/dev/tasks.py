"""`inv dev` and `inv dev.*`: thin shells over commands, inquiries and the logbook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.collection import Collection

from sceneshift.core.errors import UsageError
from sceneshift.task import NamesTask, find_root, read_count, refuse_windows, task

if TYPE_CHECKING:
    from pathlib import Path

    from invoke.context import Context

_ENV = "the environment (default: the active one)"
_JSON = "print JSON"
_NAMES = "processes (default: all)"
_HEADLESS = "show no window"


def _root(context: Context) -> Path:
    refuse_windows("inv dev")
    return find_root(context)


def _debug(context: Context, what: str, env: str, browser: str = "") -> None:
    from sceneshift.dev import commands  # noqa: PLC0415
    from sceneshift.dev.request import Request  # noqa: PLC0415

    commands.run(
        Request(
            root=_root(context),
            environment=env or None,
            debug=what,
            browser=browser,
            maker=context.config.sceneshift.first_use,
            follower=context.config.sceneshift.follower,
        )
    )


def _read_debug(value: str | bool | None) -> str:  # noqa: FBT001 - invoke's
    """Return processes that are debugged; an option without a value means all."""
    return "*" if value is True else value or ""


@task(
    optional=["debug"],
    help={
        "env": _ENV,
        "procfile": "another Procfile",
        "concurrency": "instances by process: web=2,worker=3",
        "only": "only these processes and what they depend on: web,worker",
        "debug": "have an editor's debugger in one process, or in all of Python",
        "strict": "end everything as soon as one process ends",
        "detach": "give the prompt back when everything is ready",
        "dry_run": "say what would be started",
        "json": _JSON + " (with --dry-run, or --detach)",
    },
)
def up(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    env: str = "",
    procfile: str = "",
    concurrency: str = "",
    only: str = "",
    debug: str | None = None,
    strict: bool = False,  # noqa: FBT001, FBT002 - a flag
    detach: bool = False,  # noqa: FBT001, FBT002
    dry_run: bool = False,  # noqa: FBT001, FBT002
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Start everything, with hot reload; `inv dev` for short."""
    from sceneshift.dev import commands  # noqa: PLC0415
    from sceneshift.dev.request import Request  # noqa: PLC0415

    request = Request(
        root=_root(context),
        environment=env or None,
        procfile=procfile or None,
        concurrency=concurrency,
        only=only,
        is_strict=strict,
        debug=_read_debug(debug),
        maker=context.config.sceneshift.first_use,
        follower=context.config.sceneshift.follower,
    )
    if dry_run:
        commands.show_plan(request, as_json=json)
    elif detach:
        from sceneshift.dev import background  # noqa: PLC0415

        background.detach(request, as_json=json)
    elif json:
        raise UsageError(
            "`--json` goes with `--dry-run` or `--detach`: output is no JSON",
            hint="while it runs: inv dev.status --json, inv dev.logs --json",
        )
    else:
        commands.run(request)


@task(help={"json": _JSON})
def status(context: Context, json: bool = False) -> None:  # noqa: FBT001, FBT002
    """Show each process: state, pid, address, restarts."""
    from sceneshift.dev import inquiries  # noqa: PLC0415

    inquiries.show_status(_root(context), as_json=json)


@task(
    klass=NamesTask,
    iterable=["names"],
    help={
        "names": _NAMES,
        "follow": "go on with what comes",
        "since": "a span or a time: 10m, 2h, 2026-11-21T09:30",
        "grep": "only lines in which this regular expression is found",
        "lines": "the last so many (default: 100, or all with --since)",
        "json": "print one JSON object a line",
    },
)
def logs(  # noqa: PLR0913, PLR0917 - one argument a flag
    context: Context,
    names: list[str],
    follow: bool = False,  # noqa: FBT001, FBT002
    since: str = "",
    grep: str = "",
    lines: str = "",
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Show the output of processes, of earlier runs too."""
    from sceneshift.dev import logbook  # noqa: PLC0415

    request = logbook.LogRequest(
        names=tuple(names),
        follow=follow,
        since=since,
        grep=grep,
        lines=read_count("--lines", lines, 0),
        as_json=json,
    )
    logbook.show_logs(_root(context), request)


@task(klass=NamesTask, iterable=["names"], help={"names": _NAMES, "json": _JSON})
def restart(context: Context, names: list[str], json: bool = False) -> None:  # noqa: FBT001, FBT002
    """Restart processes, and wait until they are ready."""
    from sceneshift.dev import inquiries  # noqa: PLC0415

    inquiries.act(_root(context), "restart", names, as_json=json)


@task(
    klass=NamesTask,
    iterable=["names"],
    help={"names": "processes (default: the whole stack)", "json": _JSON},
)
def stop(context: Context, names: list[str], json: bool = False) -> None:  # noqa: FBT001, FBT002
    """Stop processes; without a name, end the whole stack."""
    from sceneshift.dev import inquiries  # noqa: PLC0415

    if names:
        inquiries.act(_root(context), "stop", names, as_json=json)
    else:
        inquiries.end_stack(_root(context), as_json=json)


@task(klass=NamesTask, iterable=["names"], help={"names": _NAMES, "json": _JSON})
def start(context: Context, names: list[str], json: bool = False) -> None:  # noqa: FBT001, FBT002
    """Start processes that are stopped, down or completed."""
    from sceneshift.dev import inquiries  # noqa: PLC0415

    inquiries.act(_root(context), "start", names, as_json=json)


@task(
    klass=NamesTask,
    iterable=["names"],
    help={"names": _NAMES, "count": "how many (default: 10)", "json": _JSON},
)
def why(
    context: Context,
    names: list[str],
    count: str = "",
    json: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Show the last reloads and switches: which file, which process, how, how long."""
    from sceneshift.dev import inquiries  # noqa: PLC0415

    asked = read_count("--count", count, 10)
    inquiries.show_reloads(_root(context), names, count=asked, as_json=json)


@task(klass=NamesTask, iterable=["names"], help={"names": "the process"})
def attach(context: Context, names: list[str]) -> None:
    """Give this terminal to a process that stands at a breakpoint."""
    from sceneshift.dev import attachment  # noqa: PLC0415

    if len(names) != 1:
        raise UsageError(
            f"one process is to be named, found: {', '.join(names) or 'none'}",
            hint="see which stands at a breakpoint: inv dev.status",
        )
    attachment.attach(_root(context), names[0])


ns = Collection("dev")
ns.add_task(up, name="up", default=True)
for _each in (status, logs, restart, stop, start, why, attach):
    ns.add_task(_each)


@task(help={"env": _ENV})
def backend(context: Context, env: str = "") -> None:
    """Start everything, with an editor's debugger in the backend."""
    _debug(context, "@backend", env)


@task(help={"env": _ENV})
def worker(context: Context, env: str = "") -> None:
    """Start everything, with an editor's debugger in the worker."""
    _debug(context, "@worker", env)


@task(help={"env": _ENV, "headless": _HEADLESS})
def frontend(context: Context, env: str = "", headless: bool = False) -> None:  # noqa: FBT001, FBT002 - a flag
    """Start everything, and a browser that an editor debugs the page in."""
    _debug(context, "@frontend", env, "headless" if headless else "shown")


@task(help={"env": _ENV, "headless": _HEADLESS})
def full(context: Context, env: str = "", headless: bool = False) -> None:  # noqa: FBT001, FBT002 - a flag
    """Start everything with debuggers: all of Python, and the page in a browser."""
    _debug(context, "*,@frontend", env, "headless" if headless else "shown")


@task(name="attach", help={"json": _JSON})
def ports(context: Context, json: bool = False) -> None:  # noqa: FBT001, FBT002
    """Show where debuggers listen, and which entry of an editor attaches to each."""
    from sceneshift.dev import debuggers  # noqa: PLC0415

    debuggers.show(
        _root(context), as_json=json, entries=context.config.sceneshift.entries
    )


debug = Collection("debug", backend, worker, frontend, full, ports)
