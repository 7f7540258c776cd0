"""`inv data.migrate --rehearse`: migrations on a copy of the data first."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import describe_seconds, name_few
from sceneshift.data.locking import hold_lock
from sceneshift.data.migrations import find_way
from sceneshift.data.rehearsal.report import as_json, judge, read_lines
from sceneshift.data.stage import prepare
from sceneshift.data.system import find_system

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sceneshift.core.console import StreamConsole
    from sceneshift.data.rehearsal.report import Trial
    from sceneshift.data.route import Route
    from sceneshift.data.target import Target
    from sceneshift.data.upgrade import Upgrade

_FEW = 4


class Rehearsal(Struct, frozen=True, kw_only=True):
    """What migrations did to a copy of a database.

    Attributes:
        target: The database.
        trials: The migrations, in the order in which they are applied or undone.
        models: What the models have and the copy has not in the end, or the reverse;
            None where that cannot be told.
        problem: Why it could not be gone on; None where it could.
    """

    target: Target
    trials: list[Trial]
    models: list[str] | None = None
    problem: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether all is well."""
        return not [*self.list_problems()]

    def list_problems(self) -> Iterator[str]:
        """Yield what is wrong."""
        for trial in self.trials:
            for each in trial.problems:
                yield f"{trial.revision}: {each}"
        if self.models:
            yield f"the models have another: {name_few(self.models, _FEW)}"
        if self.problem is not None:
            yield self.problem

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "database": self.target.database.name,
            "place": self.target.title,
            "is_good": self.is_good,
            "revisions": [as_json(each) for each in self.trials],
            "models": self.models,
            "problems": [*self.list_problems()],
        }

    def show(self, console: StreamConsole) -> None:
        """Print it."""
        if not self.trials:
            console.note(f"{self.target.title}: nothing is pending")
            return
        head = ("revision", "took", "rows", "locks")
        whole = "-" if self.target.file is None else "the whole file, at the end"
        console.table([head, *(_make_row(each, whole) for each in self.trials)])
        if self.target.database.system in {"mariadb", "mysql"}:
            console.note(
                f"{self.target.title}: the server does not tell of locks that are "
                "gone; inv data.lint tells which changes others wait for"
            )
        for each in self.list_problems():
            console.note(f"{self.target.title}: {each}")
        if self.models is None:
            console.note(f"{self.target.title}: it was not compared with the models")


def _make_row(trial: Trial, whole: str) -> tuple[str, ...]:
    took = trial.duration_s
    rows = [str(each) for each in trial.rows]
    rows += [f"{name} written anew" for name in trial.rewritten]
    if trial.locks is None:
        locks = whole
    else:
        words = [f"{each.table} {each.mode}" for each in trial.locks]
        words += ["others before it has committed"] if trial.has_committed else []
        locks = ", ".join(words) or "-"
    return (
        trial.revision,
        "-" if took is None else describe_seconds(took),
        ", ".join(rows) or "-",
        locks,
    )


def rehearse(target: Target, to: str | None) -> Rehearsal:
    """Apply migrations to a copy of a database, undo them, and apply them again.

    The copy is gone afterwards, or swept by the next command.

    Args:
        target: The database.
        to: See `find_route`.

    Raises:
        UsageError: There is no such revision.
        SceneshiftError: It cannot be copied, or cannot be migrated at all.
    """
    assert target.migrated is not None
    system = find_system(target)
    with ExitStack() as stack:
        lock = stack.enter_context(hold_lock(target.name_lock()))
        stack.enter_context(system.hold())
        system.sweep()
        scripts, route = find_way(target.migrated, target.root, to)
        if not route.revisions:
            return Rehearsal(target=target, trials=[])
        draft = system.copy()
        stack.callback(system.drop, draft)
        program = prepare(target, scripts, "rehearsal", lock)
        upgrade = replace(program, words=route.words)
        return _run(target, route, system.aim(upgrade, draft))


def _run(target: Target, route: Route, upgrade: Upgrade) -> Rehearsal:
    written = target.make_folder("drafts") / "rehearsal.jsonl"
    written.unlink(missing_ok=True)
    problem = None
    try:
        try:
            replace(upgrade, rehearsal=written, schema=_name_query(target)).run()
        except SceneshiftError as error:
            if not written.exists():
                raise
            problem = error.message
        lines = read_lines(written)
    finally:
        written.unlink(missing_ok=True)
    trials = judge(route, lines, problem, _find_describe(target))
    is_told = any(each.problems for each in trials)
    models, other = _compare(route, upgrade) if problem is None else (None, problem)
    return Rehearsal(
        target=target,
        trials=trials,
        models=models,
        problem=None if is_told and problem is not None else other,
    )


def _compare(route: Route, upgrade: Upgrade) -> tuple[list[str] | None, str | None]:
    """Compare what there is in the end with the models, where that is the head."""
    if route.words != ("upgrade", "heads"):
        return None, None
    try:
        return upgrade.compare(), None
    except SceneshiftError as error:
        return None, f"it cannot be compared with the models: {error.message}"


def _name_query(target: Target) -> str:
    if target.file is not None:
        from sceneshift.data.sqlite.schema import STRUCTURE  # noqa: PLC0415

        return STRUCTURE
    if target.database.system in {"mariadb", "mysql"}:
        from sceneshift.data.mysql.schema import QUERY  # noqa: PLC0415 - of one system

        return QUERY
    from sceneshift.data.postgresql.schema import name_query  # noqa: PLC0415 - of another

    return name_query()


def _find_describe(
    target: Target,
) -> Callable[[Iterable[list[str]]], Mapping[str, str]]:
    if target.file is not None:
        from sceneshift.data.sqlite.schema import describe_structure  # noqa: PLC0415

        return describe_structure
    return lambda rows: {row[0]: row[1] for row in rows}
