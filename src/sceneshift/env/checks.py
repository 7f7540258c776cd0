"""What `inv env.validate` looks at, as far as this room knows: a table of contents.

Other rooms have a module `checks` with a function `list_checks` of their own, which
`composition` names.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sceneshift.core.check import (
    Check,
    CheckState,
    Need,
    Verdict,
    fail,
    ok,
    skip,
    warn,
)
from sceneshift.core.databases import list_databases
from sceneshift.core.holders import find_holders
from sceneshift.core.ports import is_free
from sceneshift.core.project import listens
from sceneshift.core.reach import find_reach
from sceneshift.core.services.use import find_services
from sceneshift.core.wording import describe_seconds, name_few
from sceneshift.env.disk import check_clock, check_room
from sceneshift.env.example import compare_example
from sceneshift.env.exposure import advise, find_exposed, summarize
from sceneshift.env.installation import list_installation_checks
from sceneshift.env.occupancy import Checkout, Claimed, read_stack_id
from sceneshift.env.response import ask
from sceneshift.env.running import find_running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from sceneshift.core.check import Subject
    from sceneshift.core.databases import Database
    from sceneshift.core.project import Project
    from sceneshift.env.running import RunningStack

_ANSWER_S = 0.8
_LIMIT_S = 1.0  # the whole command is to answer within 2 s
_COMING = frozenset(
    {"waiting", "setup", "starting", "restarting", "reloading", "paused"}
)
_DONE = frozenset({"completed", "debugging"})


def list_checks(subject: Subject) -> Iterator[Check]:
    """Yield the checks of a project in an environment."""
    project = subject.project
    root = project.root
    running = find_running(root)
    yield Check(name="env files", look=partial(check_env_files, project))
    yield Check(name="example", look=partial(check_example, project))
    yield Check(name="secrets", look=partial(check_secrets, project), limit_s=_LIMIT_S)
    yield Check(
        name="ports",
        look=partial(check_ports, project, running, is_next=subject.is_next),
        limit_s=_LIMIT_S,
    )
    yield from list_process_checks(project, running)
    for database in list_databases(project.environment.values):
        yield Check(
            name=f"database {database.name}",
            look=partial(check_database, database, subject),
            limit_s=_LIMIT_S,
            if_late=CheckState.FAILED,
            slow_remedy=f"is the name of its host known? look at {database.variable}",
        )
    yield from list_installation_checks(subject)
    yield Check(name="disk space", look=partial(check_room, root))
    yield Check(name="clock", look=partial(check_clock, root))


def check_env_files(project: Project) -> Verdict:
    """Tell which are there; those that the configuration lists are expected."""
    environment = project.environment
    there = [str(file) for file in environment.files if (project.root / file).is_file()]
    section = project.config.environments.get(environment.name)
    listed = None if section is None else section.env_files
    missing = [file for file in listed or () if file not in there]
    if missing:
        first = missing[0]
        return warn(
            f"listed and not there: {', '.join(missing)}",
            f"write {first}, or take it out of `env_files` of {environment.name}",
        )
    return ok(f"read: {', '.join(there)}") if there else skip("there are none")


def check_example(project: Project) -> Verdict:
    """Compare the example with the env files, and look for what waits for a person."""
    found = compare_example(project.root, project.environment)
    if found.problem is not None:
        return skip(found.problem)
    remedy = f"inv env.check-example {project.environment.name}"
    if not found.is_in_step:
        names = [one.name for one in found.missing_in_example + found.missing_in_files]
        return warn(f"missing on one side: {name_few(names, 3)}", remedy)
    if found.unfilled:
        names = [str(one) for one in found.unfilled]
        return warn(f"still to be filled in: {name_few(names, 3)}", "edit these lines")
    return ok("the same names on both sides")


def check_secrets(project: Project) -> Verdict:
    """Tell whether git has secrets, or would take some in."""
    found = find_exposed(project.root, project.config)
    if found is None:
        return skip("this is no git repository, or git is missing")
    if found:
        return fail(summarize(found), advise(found))
    return ok("git has none, and would take in none")


def check_ports(
    project: Project, running: RunningStack | None, *, is_next: bool = False
) -> Verdict:
    """Tell whether each port is free, or held by the stack that runs here.

    Args:
        project: Whose ports.
        running: The stack that runs.
        is_next: Whether that stack is about to be in this environment.
    """
    environment = project.environment.name
    if is_next and running is not None and running.environment is not None:
        environment = running.environment
    ports = [
        Claimed(
            number=each.port,
            process=each.name,
            environment=environment,
            checkout=project.root,
        )
        for each in project.instances
        if listens(project, each)
    ]
    if not ports:
        return skip("no process listens")
    taken = [port.number for port in ports if not is_free(port.number)]
    holders = find_holders(taken, root=project.root) if taken else {}
    checkout = Checkout(
        root=project.root,
        ports=tuple(ports),
        running=running,
        stack_id=None if running is None else read_stack_id(project.root),
    )
    for port in ports:
        if port.number in taken:
            holder = holders.get(port.number)
            state = checkout.judge(port, holder) if holder else "taken"
            who = holder or "an unknown process"
            text = f"port {port.number} of `{port.process}` is held by {who}"
            if state == "leftover":
                return fail(text, f"inv env.ports --free {port.process}")
            if state == "taken":
                return fail(text, "end that program, or give the process another port")
    return ok(", ".join(f"{port.process} {port.number}" for port in ports))


def list_process_checks(
    project: Project, running: RunningStack | None
) -> Iterator[Check]:
    """Yield a check for each process, where the stack runs in this environment."""
    name = project.environment.name
    if running is None:
        reason = "nothing runs in this checkout"
    elif running.problem is not None:
        reason = running.problem
    elif running.environment != name:
        reason = f"the stack runs in {running.environment}"
    else:
        for process in running.processes:
            yield Check(
                name=f"process {process['name']}",
                look=partial(check_process, project, process),
                limit_s=_LIMIT_S,
            )
        return
    yield Check(name="processes", look=partial(skip, reason))


def check_process(project: Project, process: Mapping[str, Any]) -> Verdict:
    """Tell whether a process is up, and how long an answer takes."""
    name, state = process["name"], process["state"]
    logs = f"inv dev.logs {name}"
    if state == "failed":
        return fail("it is down", logs)
    if process["is_broken"]:
        return fail("its newest code is broken, older code is up", logs)
    if state == "stopped":
        return warn("it is stopped", f"inv dev.start {name}")
    if state in _COMING:
        return warn(f"it is on its way: {state}", f"{logs} --follow")
    if state in _DONE or process["url"] is None:
        return ok(state)
    response = ask(process["port"], _find_path(project, name), limit_s=_ANSWER_S)
    text = f"{response.detail}, {describe_seconds(response.time_s)}"
    return ok(text) if response.is_good else fail(text, logs)


def _find_path(project: Project, name: str) -> str | None:
    """Return the path by which the process's health is told; None: a connection."""
    section = project.config.processes.get(name.partition(".")[0])
    health = None if section is None else section.health
    return health if isinstance(health, str) and health.startswith("/") else None


def check_database(database: Database, subject: Subject) -> Verdict:
    """Tell whether the file is there, or the server accepts a connection.

    Raises:
        SceneshiftError: It is a server of the project's own, which cannot be started.
    """
    services = find_services(subject.project)
    found = find_reach(
        database, subject.project.root, limit_s=_ANSWER_S, services=services
    )
    if found.is_reachable:
        return ok(f"{database.system}: it can be reached")
    if found.is_reachable is None:
        for service in services:
            if service.has(database.url):
                from sceneshift.core.services.cluster import (  # noqa: PLC0415 - few
                    open_cluster,
                )

                programs = open_cluster(service, subject.environ).programs
                return ok(f"{found.problem}, by {programs.folder}")
        return skip(f"{database.system}: {found.problem}")
    text = f"{database.system}: {found.problem}"
    if database.system != "sqlite":
        missing = fail(text, f"start its server, or mend {database.variable}")
        return subject.judge_missing(Need("server", database.name), missing)
    if found.is_missing:
        missing = fail(text, f"make it, or mend {database.variable}")
        return subject.judge_missing(Need("database", database.name), missing)
    return fail(text, f"see whose it is, and its folder; or mend {database.variable}")
