"""What each migration does to a database, seen from within the program that runs it.

Its text runs in the project's own interpreter, where nothing of ours may be installed:
it imports Alembic and SQLAlchemy, as env.py does, and the standard library.

The migrations are run as they would be, then undone, then run again, that time in a
transaction each: a transaction keeps its locks, so that is when it is seen which
migration takes which.
"""

from __future__ import annotations

import json
import os
import re
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

VARIABLE = "SCENESHIFT_REHEARSAL"
SCHEMA_VARIABLE = "SCENESHIFT_REHEARSAL_SCHEMA"
FIRST, BACK, AGAIN = "first", "back", "again"
_TABLES = """\
SELECT c.oid, CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END
    || c.relname, c.relfilenode
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND n.nspname !~ '^pg_'
    AND n.nspname <> 'information_schema'
"""
_LOCKS = """\
SELECT relation, mode FROM pg_locks
WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted
"""
_ROWS = """\
SELECT relid, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_xact_user_tables
"""
# Of MariaDB and of MySQL: a table that is copied has another number.
_NUMBERS = """\
SELECT SUBSTRING_INDEX(SUBSTRING_INDEX(name, '/', -1), '#', 1), table_id
FROM information_schema.{} WHERE SUBSTRING_INDEX(name, '/', 1) = database()
"""
_WRITING = re.compile(
    r"\s*(?:(INSERT|REPLACE)(?:\s+OR\s+\w+|\s+IGNORE)?\s+INTO|(UPDATE)(?:\s+OR\s+\w+|\s+IGNORE)?|"
    r"(DELETE)\s+FROM)\s+[\"'`\[]?(\w+)",
    re.IGNORECASE,
)
_COPY = "_alembic_tmp_"  # what Alembic fills in the place of a table of SQLite


class Watch:
    """Writes down what migrations do.

    Args:
        path: Where to, a line of JSON for what has begun or ended.
        schema: The query that tells what there is.
    """

    def __init__(self, path: str, schema: str) -> None:
        self._file = open(path, "a", encoding="utf-8")  # noqa: PTH123, SIM115
        self._schema = schema
        self._written: dict[str, list[int]] = {}
        self._rewritten: list[str] = []
        self.has_committed = False
        self.phase = FIRST
        self.seen: list[str] = []

    def wrap(self, step: Any, context: Any) -> Any:
        """Have a step of Alembic's tell when it begins and ends."""
        work = step.migration_fn
        revision = step.revision.revision

        def run(**options: Any) -> None:
            if self.phase == FIRST:
                self.seen.append(revision)
            before = self._look(context)
            self._written, self._rewritten = {}, []
            self.has_committed = False
            schema = self._read_schema(context) if len(self.seen) == 1 else None
            self._tell("begin", revision, schema=schema)
            began = time.perf_counter()
            work(**options)
            took = time.perf_counter() - began
            found = self._compare(before, self._look(context))
            found["has_committed"] = self.has_committed
            schema = self._read_schema(context)
            self._tell("end", revision, duration_s=took, schema=schema, **found)

        step.migration_fn = run
        return step

    def note(self, statement: str, count: int) -> None:
        """Take into account what a statement has written to SQLite."""
        found = _WRITING.match(statement)
        if found is None:
            return
        inserting, updating, _, table = found.groups()
        if table.startswith(_COPY):
            self._rewritten.append(table[len(_COPY) :])
            return
        place = 0 if inserting else 1 if updating else 2
        counts = self._written.setdefault(table, [0, 0, 0])
        counts[place] += max(count, 0)

    def _tell(self, event: str, revision: str, **more: Any) -> None:
        line = {"phase": self.phase, "event": event, "revision": revision, **more}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def _read_schema(self, context: Any) -> list[list[str]]:
        rows = _ask(context, self._schema)
        return [[str(each) for each in row] for row in rows]

    def _look(self, context: Any) -> dict[str, Any]:
        if _is_mysql(context):
            return {"numbers": _find_numbers(context)}
        if not _is_postgresql(context):
            return {}
        return {
            "locks": {(oid, mode) for oid, mode in _ask(context, _LOCKS)},
            "tables": {oid: more for oid, *more in _ask(context, _TABLES)},
            "rows": {oid: counts for oid, *counts in _ask(context, _ROWS)},
        }

    def _compare(self, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
        """Return what has been done to the tables that were there before."""
        if "tables" not in after:
            rows = [[name, *counts] for name, counts in self._written.items()]
            numbers = after.get("numbers", {})
            copied = [
                name
                for name, number in before.get("numbers", {}).items()
                if numbers.get(name, number) != number
            ]
            rewritten = [*self._rewritten, *copied]
            return {"rows": rows, "rewritten": rewritten, "locks": None}
        old, new = before["tables"], after["tables"]
        return {
            "rows": [
                [new[oid][0], *_subtract(counts, before["rows"].get(oid))]
                for oid, counts in after["rows"].items()
                if oid in new
                and _subtract(counts, before["rows"].get(oid)) != [0, 0, 0]
            ],
            "rewritten": [
                name
                for oid, (name, node) in old.items()
                if oid in new and new[oid][1] != node
            ],
            "locks": [
                [old[oid][0], mode]
                for oid, mode in sorted(after["locks"] - before["locks"])
                if oid in old
            ],
        }


def _subtract(counts: list[int], before: list[int] | None) -> list[int]:
    pairs = zip(counts, before or (0, 0, 0))  # noqa: B905 - of Python 3.9
    return [max(0, one - other) for one, other in pairs]


def _is_postgresql(context: Any) -> bool:
    return bool(context.connection.dialect.name == "postgresql")


def _is_mysql(context: Any) -> bool:
    return context.connection.dialect.name in {"mysql", "mariadb"}


def _find_numbers(context: Any) -> dict[str, int]:
    """Return the number that each table has; nothing where the user may not see it."""
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - the project's

    is_mariadb = getattr(context.connection.dialect, "is_mariadb", False)
    place = "innodb_sys_tables" if is_mariadb else "innodb_tables"
    try:
        rows = _ask(context, _NUMBERS.format(place))
        return {str(name): number for name, number in rows}
    except DBAPIError:
        return {}


def _ask(context: Any, query: str) -> list[tuple[Any, ...]]:
    options = {"no_parameters": True}
    found = context.connection.exec_driver_sql(query, execution_options=options)
    return [tuple(row) for row in found]


def list_commands() -> dict[str, Any]:
    """Return what Alembic's commands are to be."""
    watch = Watch(os.environ.pop(VARIABLE), os.environ.pop(SCHEMA_VARIABLE))
    _listen(watch)
    _wrap_all(watch)

    def up(config: Any, revision: str) -> None:
        from alembic import command  # noqa: PLC0415 - the project's

        command.upgrade(config, revision)
        _go_back_and_forth(watch, config, is_up=True)

    def down(config: Any, revision: str) -> None:
        from alembic import command  # noqa: PLC0415 - as above

        command.downgrade(config, revision)
        _go_back_and_forth(watch, config, is_up=False)

    return {
        "upgrade": (up, ["revision"], []),
        "downgrade": (down, ["revision"], []),
    }


def _listen(watch: Watch) -> None:
    from sqlalchemy import event  # noqa: PLC0415 - the project's
    from sqlalchemy.engine import Engine  # noqa: PLC0415

    @event.listens_for(Engine, "after_cursor_execute")
    def see(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        watch.note(statement, cursor.rowcount)


def _wrap_all(watch: Watch) -> None:
    """Have all that Alembic does go through the watch."""
    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415

    run, configure = MigrationContext.run_migrations, EnvironmentContext.configure
    leave = MigrationContext.autocommit_block

    def run_migrations(self: Any, **options: Any) -> None:
        given = self._migrations_fn

        def listed(heads: Any, context: Any) -> Iterator[Any]:
            for step in given(heads, context):
                yield watch.wrap(step, context)

        self._migrations_fn = listed
        run(self, **options)

    def configure_each(self: Any, *words: Any, **options: Any) -> None:
        if watch.phase == AGAIN:
            options["transaction_per_migration"] = True
        configure(self, *words, **options)

    def autocommit_block(self: Any) -> Any:
        watch.has_committed = True
        return leave(self)

    MigrationContext.autocommit_block = autocommit_block  # type: ignore[method-assign]
    MigrationContext.run_migrations = run_migrations  # type: ignore[method-assign]
    EnvironmentContext.configure = configure_each  # type: ignore[method-assign]


def _go_back_and_forth(watch: Watch, config: Any, *, is_up: bool) -> None:
    from alembic.runtime.migration import MigrationStep  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    script = ScriptDirectory.from_config(config)
    apply = MigrationStep.upgrade_from_script
    undo = MigrationStep.downgrade_from_script
    there, back = (apply, undo) if is_up else (undo, apply)
    for phase, make, names in (
        (BACK, back, [*reversed(watch.seen)]),
        (AGAIN, there, [*watch.seen]),
    ):
        watch.phase = phase
        _run(config, script, make, names)


def _run(config: Any, script: Any, make: Callable[..., Any], names: list[str]) -> None:
    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415

    def steps(_heads: Any, _context: Any) -> list[Any]:
        return [make(script.revision_map, script.get_revision(name)) for name in names]

    with EnvironmentContext(config, script, fn=steps, as_sql=False):
        script.run_env()
