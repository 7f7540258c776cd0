"""Tables as the database has them: columns, keys, references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import MetaData, Table, inspect
from sqlalchemy.exc import NoInspectionAvailable

from sceneshift.data.seeding.child.failure import SeedError, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Column, Connection, Inspector


class Target(NamedTuple):
    """A table that rows go to.

    Attributes:
        table: The table: a model's, or what the database says of it.
        label: How it is called in messages and settings.
        names: Its columns by the names that a row may have for them.
        is_model: Whether the project's own types are known.
    """

    table: Table
    label: str
    names: Mapping[str, str]
    is_model: bool

    def column(self, name: str) -> Column[Any]:
        """Return the column that a row calls so.

        Raises:
            SeedError: There is none.
        """
        if name not in self.names:
            raise SeedError(
                f"`{self.label}` has no column `{name}`: {suggest(name, self.names)}"
            )
        return self.table.columns[self.names[name]]


class Reference(NamedTuple):
    """A foreign key.

    Attributes:
        columns: The columns that have it.
        to: The label of the table that it leads to.
        is_nullable: Whether it may be left out.
        is_deferrable: Whether it is checked at the end of the transaction.
    """

    columns: tuple[str, ...]
    to: str
    is_nullable: bool
    is_deferrable: bool


class Catalog:
    """What the database knows of its tables, asked once.

    Args:
        connection: The run's.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._targets: dict[object, Target] = {}
        self._keys: dict[str, list[tuple[str, ...]]] = {}
        self._references: dict[str, list[Reference]] = {}
        self._inspector: Inspector = inspect(connection)

    def forget(self) -> None:
        """Ask anew: a file of SQL may have changed the schema."""
        self._inspector = inspect(self._connection)
        for each in (self._targets, self._keys, self._references):
            each.clear()

    def get(self, named: object) -> Target:
        """Return a table by its name, its model or itself.

        Raises:
            SeedError: There is none.
        """
        if not isinstance(named, (str, type, Table)):
            raise SeedError(
                f"`{named!r}` is no table: give a model, a table or its name"
            )
        if named not in self._targets:
            self._targets[named] = self._find(named)
        return self._targets[named]

    def list_unique(self, target: Target) -> list[tuple[str, ...]]:
        """Return the sets of columns that are unique, short ones first."""
        if target.label not in self._keys:
            is_sqlite = self._connection.dialect.name == "sqlite"
            read = self._read_file if is_sqlite else self._read_unique
            found = read(target.table.name, target.table.schema)
            self._keys[target.label] = sorted(
                found, key=lambda names: (len(names), names)
            )
        return self._keys[target.label]

    def _read_unique(self, name: str, schema: str | None) -> set[tuple[str, ...]]:
        constraints = self._inspector.get_unique_constraints(name, schema)
        found = {tuple(each["column_names"]) for each in constraints}
        for index in self._inspector.get_indexes(name, schema):
            names = index["column_names"]
            # A part of the rows, or what is computed from them, is no key.
            options = index.get("dialect_options", {})
            is_whole = not any(key.endswith("_where") for key in options)
            if index["unique"] and is_whole and None not in names:
                found.add(tuple(name for name in names if name is not None))
        return found

    def _read_file(self, name: str, schema: str | None) -> set[tuple[str, ...]]:
        """Ask SQLite itself: SQLAlchemy reads the table's text, and not all of it."""
        run = self._connection.exec_driver_sql
        prefix = f"{_quote(schema)}." if schema else ""
        found = set()
        listed = run(f"PRAGMA {prefix}index_list({_quote(name)})").all()
        for _, index, is_unique, origin, is_partial in listed:
            if is_unique and not is_partial and origin != "pk":
                columns = run(f"PRAGMA {prefix}index_info({_quote(index)})").all()
                found.add(tuple(column[2] for column in columns))
        return {names for names in found if None not in names}

    def list_primary(self, target: Target) -> tuple[str, ...]:
        """Return the columns of the primary key."""
        found = self._inspector.get_pk_constraint(
            target.table.name, target.table.schema
        )
        return tuple(found["constrained_columns"])

    def list_references(self, target: Target) -> list[Reference]:
        """Return the foreign keys of a table."""
        if target.label not in self._references:
            self._references[target.label] = list(self._read_references(target))
        return self._references[target.label]

    def _read_references(self, target: Target) -> Sequence[Reference]:
        found = self._inspector.get_foreign_keys(target.table.name, target.table.schema)
        columns = {
            each["name"]: each
            for each in self._inspector.get_columns(
                target.table.name, target.table.schema
            )
        }
        return [
            Reference(
                columns=tuple(each["constrained_columns"]),
                to=_label(each["referred_table"], each["referred_schema"]),
                is_nullable=all(
                    columns[name]["nullable"] for name in each["constrained_columns"]
                ),
                is_deferrable=bool(each.get("options", {}).get("deferrable")),
            )
            for each in found
        ]

    def _find(self, named: object) -> Target:
        if isinstance(named, str):
            return self._reflect(named)
        if isinstance(named, Table):
            names = {column.name: column.name for column in named.columns}
            label = _label(named.name, named.schema)
            return Target(table=named, label=label, names=names, is_model=True)
        try:
            mapper = inspect(named)
            table = mapper.local_table
            names = {column.name: column.name for column in table.columns}
            names |= {
                each.key: each.columns[0].name
                for each in mapper.column_attrs
                if each.columns[0].table is table
            }
        except (AttributeError, NoInspectionAvailable):
            raise SeedError(
                f"`{named!r}` is no table: give a model, a table or its name"
            ) from None
        label = _label(table.name, table.schema)
        return Target(table=table, label=label, names=names, is_model=True)

    def _reflect(self, name: str) -> Target:
        schema: str | None = None
        short = name
        if not self._inspector.has_table(name):
            schema, dot, short = name.rpartition(".")
            if not (dot and self._inspector.has_table(short, schema=schema)):
                known = self._inspector.get_table_names(schema or None)
                raise SeedError(f"there is no table `{name}`: {suggest(short, known)}")
        table = Table(
            short,
            MetaData(),
            schema=schema,
            autoload_with=self._connection,
            resolve_fks=False,
        )
        names = {column.name: column.name for column in table.columns}
        label = _label(short, schema)
        return Target(table=table, label=label, names=names, is_model=False)


def choose_key(
    catalog: Catalog,
    target: Target,
    columns: Sequence[str],
    declared: Sequence[str] | None,
) -> tuple[str, ...]:
    """Return the columns that tell which row of the table a row is.

    Those that are declared; else of a unique constraint that is wholly in the rows;
    else the primary key.

    Args:
        catalog: What the database knows.
        target: The table.
        columns: The columns of the rows.
        declared: What the dataset says, or the call.

    Raises:
        SeedError: There is no such key, or the rows do not have it.
    """
    if declared is not None:
        key = tuple(target.column(name).name for name in declared)
        missing = [name for name in key if name not in columns]
        if missing or not key:
            raise SeedError(
                f"rows of `{target.label}` lack a part of their key: "
                f"`{', '.join(missing)}`"
            )
        return key
    candidates = [*catalog.list_unique(target), catalog.list_primary(target)]
    for key in candidates:
        if key and set(key) <= set(columns):
            return key
    raise SeedError(
        f"rows of `{target.label}` have nothing that is unique: a second time they "
        f"would be added again; name what tells them apart in dataset.toml: "
        f"[keys] {target.label} = [...]"
    )


def _label(name: str, schema: str | None) -> str:
    return f"{schema}.{name}" if schema else name


def _quote(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))
