"""Applying datasets, file by file."""

from __future__ import annotations

import importlib.util
import itertools
import random
import sys
from typing import TYPE_CHECKING, Any

from sceneshift.data.seeding.child.anywhere import Anywhere
from sceneshift.data.seeding.child.checks import check_references, has_written
from sceneshift.data.seeding.child.context import Context
from sceneshift.data.seeding.child.conversion import Conversion, is_copied
from sceneshift.data.seeding.child.engine import CommitError, check_open
from sceneshift.data.seeding.child.failure import (
    DoubleError,
    SeedError,
    explain,
    find_place,
    shorten,
)
from sceneshift.data.seeding.child.files import list_sources
from sceneshift.data.seeding.child.loading import Loaded, Loader, Order
from sceneshift.data.seeding.child.ordering import order_tables
from sceneshift.data.seeding.child.sequences import repair_sequences
from sceneshift.data.seeding.child.sql import run_file
from sceneshift.data.seeding.child.staging import Postgresql, Sqlite
from sceneshift.data.seeding.child.tables import Catalog, choose_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from sceneshift.data.seeding.child.files import Row, Source
    from sceneshift.data.seeding.child.loading import Backend
    from sceneshift.data.seeding.child.report import Reporter
    from sceneshift.data.seeding.child.request import Request, Wanted

_NUMBERS = itertools.count(1)


class Run:
    """One application of datasets to a database.

    Args:
        connection: A connection in the transaction that all of it is.
        request: What is asked for.
        reporter: Is told how far it is.

    Attributes:
        catalog: What the database knows of its tables.
        is_raw: Whether values go to the driver itself, past SQLAlchemy.
        done: What became of rows, by table.
        is_changed: Whether a row of the database is another now; None where it does
            not tell.
        failing: The dataset that is applied now.
    """

    def __init__(
        self, connection: Connection, request: Request, reporter: Reporter
    ) -> None:
        self.connection = connection
        self.environment = request.environment
        self.catalog = Catalog(connection)
        self.done: dict[str, Loaded] = {}
        self.failing = ""
        self.is_changed: bool | None = None
        self._request = request
        self._reporter = reporter
        backend = _find_backend(connection, is_draft=request.is_draft)
        self.is_raw = not isinstance(backend, Anywhere)
        self._loader = Loader(connection, self.catalog, backend, reporter.count)

    def apply(self) -> None:
        """Apply all datasets, and look whether the database is whole.

        Raises:
            SeedError: Something fails.
        """
        for dataset in self._request.datasets:
            self.failing = dataset.name
            for is_rows, files in itertools.groupby(dataset.files, _has_rows):
                if is_rows:
                    self._load_files(dataset, list(files))
                else:
                    for file in files:
                        self._run_program(dataset, file)
        self._reporter.say("checking references")
        check_references(self.connection)
        repair_sequences(self.connection)
        self.is_changed = has_written(self.connection)

    def load(self, order: Order) -> Loaded:
        """Put rows into a table, and remember what became of them."""
        loaded = self._loader.load(order)
        self._remember(order.target.label, loaded)
        # Now, for a session may add rows without numbers next.
        repair_sequences(self.connection, order.target.table)
        return loaded

    def _run_program(self, dataset: Wanted, file: str) -> None:
        place = shorten(file, self._request.root)
        self._reporter.begin(dataset.name, place)
        if file.endswith(".sql"):
            run_file(self.connection, file, place)
            self._check_open(place)
            self.catalog.forget()
            return
        context = Context(self, dataset)
        random.seed(dataset.seed)  # who draws from it draws the same each time
        try:
            _find_function(file, place)(context)
            context.close()
            self._check_open(place)
        except SeedError as error:
            if not error.place:
                error.place = find_place(error, dataset.folder, self._request.root)
            raise
        except Exception as error:
            at = find_place(error, dataset.folder, self._request.root) or place
            raise SeedError(explain(error), place=at) from error

    def _check_open(self, place: str) -> None:
        """Make sure that a program has not ended the transaction."""
        try:
            check_open(self.connection)
        except CommitError as error:
            error.place = place
            raise

    def _load_files(self, dataset: Wanted, files: Sequence[str]) -> None:
        """Load files of rows, those that are referred to first."""
        root = self._request.root
        sources: dict[str, list[Source]] = {}
        for file in files:
            for source in list_sources(file, root):
                label = self._check(dataset, source)
                sources.setdefault(label, []).append(source)
        references = {
            label: self.catalog.list_references(self.catalog.get(label))
            for label in sources
        }
        steps = order_tables(
            references,
            must_exist=self.connection.dialect.name != "sqlite",
            # One file is one statement, but for systems that know no better.
            gradual={
                label
                for label, several in sources.items()
                if len(several) > 1 or not self.is_raw
            },
        )
        done = {
            step.table: self._load_sources(dataset, sources[step.table], step.withheld)
            for step in steps
        }
        for step in steps:
            if step.withheld:
                again = self._load_sources(dataset, sources[step.table], frozenset())
                done[step.table] = _correct(done[step.table], again)
            self._remember(step.table, done[step.table])
        for step in steps:
            repair_sequences(self.connection, self.catalog.get(step.table).table)

    def _check(self, dataset: Wanted, source: Source) -> str:
        """Return the label of the table that a file is for, which it must fit."""
        try:
            target = self.catalog.get(source.table)
            if source.columns:
                actual = [target.column(name).name for name in source.columns]
                declared = dataset.keys.get(target.label)
                choose_key(self.catalog, target, actual, declared)
        except SeedError as error:
            error.place = f"{source.place}:1" if source.columns else source.place
            raise
        return target.label

    def _load_sources(
        self, dataset: Wanted, sources: Sequence[Source], withheld: frozenset[str]
    ) -> Loaded:
        each = (self._load_source(dataset, one, withheld) for one in sources)
        return sum(each, Loaded())

    def _remember(self, label: str, loaded: Loaded) -> None:
        self.done[label] = self.done.get(label, Loaded()) + loaded

    def _load_source(
        self, dataset: Wanted, source: Source, withheld: frozenset[str]
    ) -> Loaded:
        self._reporter.begin(dataset.name, source.place)

        def load(rows: Iterable[Row]) -> Loaded:
            return self._loader.load(self._order(dataset, source, rows, withheld))

        savepoint = self.connection.begin_nested()
        try:
            loaded = load(source.read())
            savepoint.commit()
        except SeedError as error:
            savepoint.rollback()
            if not error.place:
                error.place = self._find_row(source, load, error)
            if error.place == source.place:
                error.place = self._find_other(dataset, source)
            raise
        return loaded

    def _find_other(self, dataset: Wanted, source: Source) -> str:
        """Return `file:line` of a row with the key of another, else the file."""
        target = self.catalog.get(source.table)
        first = next(source.read()).values
        names = source.columns or tuple(first)
        key = choose_key(self.catalog, target, names, dataset.keys.get(target.label))
        return _find_double(source, key)

    def _order(
        self,
        dataset: Wanted,
        source: Source,
        rows: Iterable[Row],
        withheld: frozenset[str],
    ) -> Order:
        target = self.catalog.get(source.table)
        return Order(
            target=target,
            rows=(row.values for row in rows),
            columns=source.columns,
            key=dataset.keys.get(target.label),
            conversion=Conversion(
                self.connection.dialect,
                is_raw=self.is_raw,
                is_text=source.is_text,
                shift_days=dataset.shift_days,
                shifted=dataset.dates.get(target.label, ()),
            ),
            withheld=withheld,
        )

    def _find_row(self, source: Source, load: Any, failure: SeedError) -> str:
        """Return `file:line` of the row that is refused, and the file where none is.

        Ever fewer rows are loaded, those that are taken staying where they are.
        """
        if isinstance(failure, DoubleError):
            return _find_double(source, failure.key)
        rows = source.read()
        size = 1
        is_narrowing = False
        waiting: list[Row] = []
        while True:
            waiting += itertools.islice(rows, max(0, size - len(waiting)))
            part = waiting[:size]
            if not part:
                return source.place
            savepoint = self.connection.begin_nested()
            try:
                load(part)
                savepoint.commit()
            except SeedError as error:
                savepoint.rollback()
                is_narrowing = True
                if len(part) == 1:
                    is_same = _sort_of(error) is _sort_of(failure)
                    return f"{source.place}:{part[0].line}" if is_same else source.place
                size = len(part) // 2
                continue
            del waiting[:size]
            size = max(1, len(waiting) // 2) if is_narrowing and waiting else size * 2


def _correct(first: Loaded, again: Loaded) -> Loaded:
    """Return what became of rows that came twice: the new ones as known, then."""
    updated = max(0, again.updated - first.inserted)
    known = again.updated + again.unchanged - first.inserted - updated
    return Loaded(first.inserted, updated, known)


def _find_double(source: Source, key: Sequence[str]) -> str:
    """Return `file:line` of the second row that has some key."""
    seen: set[str] = set()
    for line, values in source.read():
        named = (
            dict(zip(source.columns, values, strict=True)) if source.columns else values
        )
        text = repr([named.get(name) for name in key])
        if text in seen:
            return f"{source.place}:{line}"
        seen.add(text)
    return source.place


def _sort_of(error: SeedError) -> type[BaseException] | None:
    return None if error.__cause__ is None else type(error.__cause__)


def _has_rows(file: str) -> bool:
    return not file.endswith((".py", ".sql"))


def _find_backend(connection: Connection, *, is_draft: bool) -> Backend:
    if connection.dialect.name == "sqlite":
        return Sqlite(connection)
    if is_copied(connection.dialect):
        return Postgresql(connection, is_draft=is_draft)
    return Anywhere(connection)


def _find_function(file: str, place: str) -> Any:
    """Import a program, and return its function `seed`.

    It gets a name that no other module has, and can import whatever the project can.
    """
    name = f"sceneshift_seed_{next(_NUMBERS)}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    found = getattr(module, "seed", None)
    if not callable(found):
        raise SeedError(
            "there is no function `seed(context)`; what is there for others alone "
            "begins with `_`",
            place=f"{place}:1",
        )
    return found
