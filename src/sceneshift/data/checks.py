"""What `inv env.validate` looks at of the databases: whether migrations are applied."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sceneshift.core.check import Check, CheckState, Verdict, fail, ok, warn
from sceneshift.core.reach import find_reach
from sceneshift.core.wording import name_few
from sceneshift.data.configuration import list_migrated
from sceneshift.data.standing import find_standing
from sceneshift.data.versions import ComputedNameError, find_plain_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sceneshift.core.check import Subject
    from sceneshift.core.databases import Database
    from sceneshift.data.configuration import Migrated
    from sceneshift.data.standing import Standing

_LIMIT_S = 1.0  # the whole command is to answer within 2 s
_ANSWER_S = 0.8
_FEW = 2
_START = "start its server, or mend DATABASE_URL"


def list_checks(subject: Subject) -> Iterator[Check]:
    """Yield a check for each database that has migrations."""
    project = subject.project
    name = project.environment.name
    for migrated in list_migrated(project):
        database = migrated.database
        is_file = find_plain_file(database, project.root) is not None
        yield Check(
            name=f"migrations {database.name}",
            look=partial(check_migrations, migrated, project.root, name),
            limit_s=_LIMIT_S,
            if_late=CheckState.WARNING if is_file else CheckState.FAILED,
            slow_remedy=None if is_file else _advise(database),
        )


def _advise(database: Database) -> str:
    return f"does its server answer? look at {database.variable}"


def check_migrations(migrated: Migrated, root: Path, environment: str) -> Verdict:
    """Tell whether a database has what the code has.

    Raises:
        SceneshiftError: That cannot be told.
    """
    # Without a library, whose import takes long for one that is down.
    reach = find_reach(migrated.database, root, limit_s=_ANSWER_S)
    if reach.is_reachable is False and find_plain_file(migrated.database, root) is None:
        return fail(f"{migrated.database.system}: {reach.problem}", _START)
    try:
        standing = find_standing(migrated, root)
    except ComputedNameError as error:
        return warn(error.message, error.hint or "")
    if standing.problem is not None:
        return fail(standing.problem, standing.advise(root))
    if not standing.pending:
        return ok(f"at the head: {_name_heads(standing)}")
    names = name_few([str(one) for one in standing.pending], _FEW)
    count = len(standing.pending)
    text = f"{count} pending: {names}"
    if standing.current is None:
        text = f"never migrated, {text}"
    return warn(text, f"inv env.switch {environment} --migrate")


def _name_heads(standing: Standing) -> str:
    return name_few(standing.heads, _FEW) if standing.heads else "no revision yet"
