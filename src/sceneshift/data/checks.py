"""What `inv env.validate` looks at of the databases: whether migrations are applied."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from sceneshift.core.check import (
    Check,
    CheckState,
    Maker,
    Need,
    Verdict,
    fail,
    ok,
    skip,
    warn,
)
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.reach import find_reach
from sceneshift.core.services.use import find_services
from sceneshift.core.wording import name_few
from sceneshift.data.configuration import list_migrated
from sceneshift.data.standing import find_standing
from sceneshift.data.versions import ComputedNameError, find_plain_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.core.check import Subject
    from sceneshift.core.databases import Database
    from sceneshift.data.configuration import Migrated
    from sceneshift.data.standing import Standing

_LIMIT_S = 1.0  # the whole command is to answer within 2 s
_ANSWER_S = 0.8
_FEW = 2
# What PostgreSQL says in English; in other words it is a failure as ever.
_MISSING = re.compile(r'database ".*" does not exist')


def list_checks(subject: Subject) -> Iterator[Check]:
    """Yield a check for each database that has migrations."""
    project = subject.project
    for migrated in list_migrated(project):
        database = migrated.database
        is_file = find_plain_file(database, project.root) is not None
        yield Check(
            name=f"migrations {database.name}",
            look=partial(check_migrations, migrated, subject),
            limit_s=_LIMIT_S,
            if_late=CheckState.WARNING if is_file else CheckState.FAILED,
            slow_remedy=None if is_file else _advise(database),
        )


def list_makers(subject: Subject) -> Iterator[Maker]:
    """Yield the migrations of each file of SQLite: they make it where it is missing."""
    name = subject.project.environment.name
    for migrated in list_migrated(subject.project):
        database = migrated.database
        if find_plain_file(database, subject.project.root) is not None:
            yield Maker(
                name="its migrations",
                command=f"inv env.switch {name} --migrate",
                needs=[Need("database", database.name)],
                is_coming=subject.is_migrated,
            )


def _advise(database: Database) -> str:
    return f"does its server answer? look at {database.variable}"


def check_migrations(migrated: Migrated, subject: Subject) -> Verdict:
    """Tell whether a database has what the code has.

    Raises:
        SceneshiftError: That cannot be told.
    """
    root, database = subject.project.root, migrated.database
    if (verdict := _look_for_server(database, subject)) is not None:
        return verdict
    try:
        standing = find_standing(migrated, root)
    except ComputedNameError as error:
        return warn(error.message, error.hint or "")
    except SceneshiftError as error:
        if not _MISSING.search(error.message):
            raise
        missing = fail(error.message, error.hint or f"mend {database.variable}")
        return subject.judge_missing(Need("database", database.name), missing)
    if standing.problem is not None:
        return fail(standing.problem, standing.advise(root))
    if not standing.pending:
        return ok(f"at the head: {_name_heads(standing)}")
    names = name_few([str(one) for one in standing.pending], _FEW)
    count = len(standing.pending)
    text = f"{count} pending: {names}"
    if standing.current is None:
        text = f"never migrated, {text}"
    return warn(text, f"inv env.switch {subject.project.environment.name} --migrate")


def _look_for_server(database: Database, subject: Subject) -> Verdict | None:
    """Return what is wrong with a server before it is asked; None where nothing is."""
    root = subject.project.root
    # Without a library, whose import takes long for one that is down.
    services = find_services(subject.project)
    reach = find_reach(database, root, limit_s=_ANSWER_S, services=services)
    if reach.is_reachable is None and any(each.has(database.url) for each in services):
        return skip(reach.problem or "")
    if reach.is_reachable is False and find_plain_file(database, root) is None:
        remedy = f"start its server, or mend {database.variable}"
        missing = fail(f"{database.system}: {reach.problem}", remedy)
        return subject.judge_missing(Need("server", database.name), missing)
    return None


def _name_heads(standing: Standing) -> str:
    return name_few(standing.heads, _FEW) if standing.heads else "no revision yet"
