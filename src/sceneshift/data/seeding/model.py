"""Datasets: folders of files that fill a database.

Nothing here imports SQLAlchemy or a reader of YAML: what `inv data.reset` stores is
found under a hash of the files that are listed here.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from sceneshift.core.errors import ConfigError, UsageError
from sceneshift.core.schema import convert, key_error
from sceneshift.core.wording import quote, suggest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

FILE = "dataset.toml"
SUFFIXES = frozenset({".csv", ".json", ".py", ".sql", ".yaml", ".yml"})

_DAY = timedelta(days=1)
_Names = Annotated[list[str], Meta(description="a list of names in quotes")]
_Columns = Annotated[
    dict[str, _Names], Meta(description='a table, as users = ["email"]')
]


class _Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every table here is: read-only, without unknown keys."""


class _Dates(_Strict, frozen=True):
    anchor: Annotated[datetime, Meta(description="an instant, as 2026-01-31T12:00:00Z")]
    columns: _Columns = {}


class _File(_Strict, frozen=True):
    """What `dataset.toml` says."""

    needs: _Names = []
    environments: _Names | None = None
    seed: Annotated[int, Meta(description="a whole number")] = 1
    keys: _Columns = {}
    dates: Annotated[
        _Dates | None,
        Meta(description='a table with "anchor" and "columns"'),
    ] = None


class Dataset(Struct, frozen=True, kw_only=True):
    """Named seed data.

    Attributes:
        name: Its folder's name.
        folder: Where it is, absolute.
        needs: The datasets that come first.
        environments: Where it may be applied; None: wherever nothing is protected.
        seed: What the made-up values are derived from.
        keys: The natural key of a table, where none is to be guessed.
        anchor: The instant that its dates are written for; None where they stay.
        dates: The columns of each table that go with the days since then.
    """

    name: str
    folder: Path
    needs: tuple[str, ...] = ()
    environments: tuple[str, ...] | None = None
    seed: int = 1
    keys: Mapping[str, tuple[str, ...]] = {}
    anchor: datetime | None = None
    dates: Mapping[str, tuple[str, ...]] = {}

    def list_files(self) -> tuple[Path, ...]:
        """Return what is applied, in this order: by name.

        What begins with `_` or `.` is left out, as is what has no suffix of SUFFIXES:
        it is there for the others.
        """
        return tuple(
            path
            for path in sorted(self.folder.iterdir(), key=_name)
            if path.suffix in SUFFIXES and path.name[0] not in "._" and path.is_file()
        )

    def find_now(self, at: datetime) -> datetime:
        """Return the instant that its rows are to be seen from.

        It is the last one, not after `at`, that is whole days after the anchor, or
        after midnight in UTC where there is none: what is applied twice on one day is
        the same both times.
        """
        start = self.anchor or datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017
        return start + _DAY * ((at - start) // _DAY)


def find_datasets(folder: Path, *, root: Path | None = None) -> Mapping[str, Dataset]:
    """Read the datasets of a folder: each folder in it is one.

    Args:
        folder: The folder; there are none where it does not exist.
        root: What files are named relative to in errors; None: what `folder` is in.

    Raises:
        ConfigError: A `dataset.toml` cannot be read, or says what cannot be.
    """
    base = folder.parent if root is None else root
    try:
        found = sorted(path for path in folder.iterdir() if path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise _unreadable(folder, base, error) from error
    return {path.name: _read(path, base) for path in found if path.name[0] not in "._"}


def get_dataset(name: str, datasets: Mapping[str, Dataset]) -> Dataset:
    """Return a dataset.

    Raises:
        UsageError: There is none of this name.
    """
    if name not in datasets:
        raise UsageError(
            f"there is no dataset {quote(name)}", hint=suggest(name, datasets)
        )
    return datasets[name]


def order_datasets(
    dataset: Dataset, datasets: Mapping[str, Dataset]
) -> tuple[Dataset, ...]:
    """Return a dataset behind all that it needs, each once.

    Raises:
        ConfigError: It needs one that is not there, or itself.
    """
    ordered: dict[str, Dataset] = {}
    _visit(dataset, datasets, ordered, [])
    return tuple(ordered.values())


def _visit(
    dataset: Dataset,
    datasets: Mapping[str, Dataset],
    ordered: dict[str, Dataset],
    open_: list[str],
) -> None:
    if dataset.name in ordered:
        return
    if dataset.name in open_:
        names = [*open_[open_.index(dataset.name) :], dataset.name]
        raise _needs_error(
            dataset,
            f"datasets need each other: {' -> '.join(names)}",
            hint="take one of the names out",
        )
    for name in dataset.needs:
        if name not in datasets:
            raise _needs_error(
                dataset,
                f"there is no dataset {quote(name)}",
                hint=suggest(name, [each for each in datasets if each != dataset.name]),
            )
        _visit(datasets[name], datasets, ordered, [*open_, dataset.name])
    ordered[dataset.name] = dataset


def _needs_error(dataset: Dataset, problem: str, *, hint: str) -> ConfigError:
    file = Path(dataset.folder.parent.name, dataset.name, FILE)
    return key_error(file, ["needs"], problem, hint=hint)


def list_inputs(dataset: Dataset, datasets: Mapping[str, Dataset]) -> tuple[Path, ...]:
    """Return every file that a dataset, and what it needs, is made from, sorted.

    All that lies in their folders counts, for a program there may read it: but for what
    Python keeps, and what begins with a dot.

    Raises:
        ConfigError: It needs a dataset that is not there, or itself.
        OSError: A folder cannot be read.
    """
    folders = (each.folder for each in order_datasets(dataset, datasets))
    return tuple(sorted(path for folder in folders for path in _walk(folder)))


def check_policy(
    ordered: Sequence[Dataset], environments: Collection[str]
) -> Iterator[tuple[Dataset, str]]:
    """Yield (dataset, environment) for each policy that names no environment.

    Args:
        ordered: The datasets.
        environments: The names and aliases of all environments.
    """
    for dataset in ordered:
        for name in dataset.environments or ():
            if name not in environments:
                yield dataset, name


def find_excluded(ordered: Sequence[Dataset], names: Collection[str]) -> Dataset | None:
    """Return the first dataset that may not be applied in an environment, or None.

    Args:
        ordered: The datasets.
        names: The environment's name and its aliases.
    """
    for dataset in ordered:
        allowed = dataset.environments
        if allowed is not None and not set(allowed) & set(names):
            return dataset
    return None


def name_file(dataset: Dataset) -> Path:
    """Return how a dataset's settings are called in a message."""
    return Path(dataset.folder.parent.name, dataset.name, FILE)


def _walk(folder: Path) -> Iterator[Path]:
    for entry in os.scandir(folder):
        if entry.name.startswith(".") or entry.name == "__pycache__":
            continue
        if entry.is_dir():
            yield from _walk(Path(entry.path))
        elif entry.is_file():
            yield Path(entry.path)


def _read(folder: Path, base: Path) -> Dataset:
    file = folder / FILE
    shown = file.relative_to(base) if file.is_relative_to(base) else file
    said = convert(_load_toml(file, shown, base), _File, file=shown, prefix=())
    anchor, dates = None, {}
    if said.dates is not None:
        anchor, dates = said.dates.anchor, said.dates.columns
        if anchor.tzinfo is None:
            raise key_error(
                shown,
                ["dates", "anchor"],
                "it has no time zone",
                hint=f"write it so: {anchor.isoformat()}Z",
            )
    return Dataset(
        name=folder.name,
        folder=folder.absolute(),
        needs=tuple(dict.fromkeys(said.needs)),
        environments=None if said.environments is None else tuple(said.environments),
        seed=said.seed,
        keys={table: tuple(names) for table, names in said.keys.items()},
        anchor=anchor,
        dates={table: tuple(names) for table, names in dates.items()},
    )


def _load_toml(file: Path, shown: Path, base: Path) -> dict[str, object]:
    import tomllib  # noqa: PLC0415 - 3 ms that a dataset without the file saves

    try:
        return tomllib.loads(file.read_bytes().decode().removeprefix("\ufeff"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise _unreadable(file, base, error) from error
    except ValueError as error:  # no UTF-8, or no TOML: that says the line
        raise ConfigError(
            f"cannot be read: {error}", file=shown, hint="mend the TOML there"
        ) from error


def _unreadable(path: Path, base: Path, error: OSError) -> ConfigError:
    shown = path.relative_to(base) if path.is_relative_to(base) else path
    reason = (error.strerror or "").lower()
    return ConfigError(
        f"cannot be read: {reason}", file=shown, hint=f"is it yours? ls -ld {path}"
    )


def _name(path: Path) -> str:
    return path.name
