"""Files of rows: CSV, JSON and YAML."""

from __future__ import annotations

import csv
import importlib
import json
import re
import sys
from codecs import BOM_UTF8
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from sceneshift.data.seeding.child.failure import SeedError, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import TextIOWrapper

_NUMBER = re.compile(r"\d+[-_]")
_DELIMITERS = ",;\t|"
_START = 1024
_SPACE = re.compile(r"[ \t\r\n]*")

csv.field_size_limit(min(sys.maxsize, 2**31 - 1))


class Row(NamedTuple):
    """A row of a file.

    Attributes:
        line: Where it begins, from 1 on.
        values: By column; of a CSV, in the order of its columns.
    """

    line: int
    values: Any


class Source(NamedTuple):
    """The rows that a file has for one table.

    Attributes:
        path: The file.
        place: The file as seen from the project's folder.
        table: The table.
        columns: The columns of the values; None where each row has its own.
        is_text: Whether all values are texts.
    """

    path: str
    place: str
    table: str
    columns: tuple[str, ...] | None
    is_text: bool

    def read(self) -> Iterator[Row]:
        """Yield the rows, from the first on.

        Raises:
            SeedError: The file is broken.
        """
        if self.is_text:
            return _read_csv(self)
        found = _read_tables(self.path, self.place, self.table)
        return (row for table, row in found if table == self.table)


def list_sources(path: str, root: str) -> list[Source]:
    """Return what a file has rows for.

    Args:
        path: A CSV, JSON or YAML.
        root: The project's folder.

    Raises:
        SeedError: It is broken.
    """
    place = shorten(path, root)
    stem = Path(path).stem
    table = _NUMBER.sub("", stem, count=1) or stem
    if path.endswith(".csv"):
        columns = _read_head(path, place)
        return [Source(path, place, table, columns, is_text=True)] if columns else []
    tables: dict[str, None] = {}
    for name, is_only in _list_tables(path, place, table):
        tables[name] = None
        if is_only:
            break
    return [Source(path, place, name, None, is_text=False) for name in tables]


def _list_tables(path: str, place: str, table: str) -> Iterator[tuple[str, bool]]:
    """Yield the tables of a file, and whether there is no other one."""
    start = Path(path).read_bytes()[:_START].removeprefix(BOM_UTF8).lstrip()[:1]
    for name, _ in _read_tables(path, place, table):
        yield name, start in {b"[", b"-"}


def _open(path: str) -> TextIOWrapper:
    return Path(path).open(encoding="utf-8-sig", newline="")


def _read_head(path: str, place: str) -> tuple[str, ...]:
    with _Csv(path, place) as reader:
        names = tuple(name.strip() for name in next(reader, ()))
    if names and not all(names):
        raise SeedError("a column has no name", place=f"{place}:1")
    double = {name for name in names if names.count(name) > 1}
    if double:
        raise SeedError(
            f"the column `{min(double)}` is there twice", place=f"{place}:1"
        )
    return names


def _read_csv(source: Source) -> Iterator[Row]:
    assert source.columns is not None
    width = len(source.columns)
    with _Csv(source.path, source.place) as reader:
        next(reader)
        line = reader.line + 1
        for values in reader:
            if values:
                if len(values) != width:
                    raise SeedError(
                        f"{len(values)} values for {width} columns",
                        place=f"{source.place}:{line}",
                    )
                yield Row(line, values)
            line = reader.line + 1


class _Csv:
    """The lines of a CSV; what is wrong with it is said with its line."""

    def __init__(self, path: str, place: str) -> None:
        self._path = path
        self._place = place
        self._file = _open(path)
        try:
            head = self._file.readline()
        except UnicodeDecodeError as error:
            self._file.close()
            raise _fail_decoding(path, place) from error
        self._file.seek(0)
        delimiter = max(_DELIMITERS, key=lambda each: (head.count(each), each == ","))
        self._reader = csv.reader(self._file, delimiter=delimiter, strict=True)

    @property
    def line(self) -> int:
        """The last line that was read."""
        return self._reader.line_num

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> list[str]:
        start = self.line + 1
        try:
            return next(self._reader)
        except UnicodeDecodeError as error:
            raise _fail_decoding(self._path, self._place) from error
        except csv.Error as error:
            raise SeedError(str(error), place=f"{self._place}:{start}") from error


def _fail_decoding(path: str, place: str) -> SeedError:
    """Return the error about a file that is no text, with the line."""
    number = 0
    with Path(path).open("rb") as file:
        for number, line in enumerate(file, 1):  # noqa: B007 - read behind the loop
            try:
                line.decode()
            except UnicodeDecodeError:
                break
    return SeedError("it is not UTF-8", place=f"{place}:{number}")


def _read_tables(path: str, place: str, table: str) -> Iterator[tuple[str, Row]]:
    """Yield (table, row) of a JSON or YAML.

    Its top is a list of rows, or a mapping of tables to such lists.
    """
    try:
        with _open(path) as file:
            text = file.read()
    except UnicodeDecodeError as error:
        raise _fail_decoding(path, place) from error
    walk = _walk_json if path.endswith(".json") else _walk_yaml
    for name, line, values in walk(text, place):
        if not isinstance(values, dict):
            raise SeedError(
                f"a row is to be a mapping of columns to values, found: {values!r:.40}",
                place=f"{place}:{line}",
            )
        odd = next((each for each in values if not isinstance(each, str)), None)
        if odd is not None:
            raise SeedError(
                f"a column's name is to be a text, found: {odd!r:.40}",
                place=f"{place}:{line}",
            )
        yield name or table, Row(line, values)


def _walk_json(text: str, place: str) -> Iterator[tuple[str, int, Any]]:
    """Yield (table or empty, line, row), reading one row after the other."""
    return _Json(text, place).walk()


class _Json:
    """A text of JSON, read from the front."""

    def __init__(self, text: str, place: str) -> None:
        self._text = text
        self._place = place
        self._decoder = json.JSONDecoder()
        self._lines = _Lines(text)
        self._at = 0

    def walk(self) -> Iterator[tuple[str, int, Any]]:
        """Yield (table or empty, line, row)."""
        if self._take("[{") == "[":
            yield from self._walk_rows("")
        elif not self._is_next("}"):
            while True:
                name = self._read()
                self._take(":")
                self._take("[")
                yield from self._walk_rows(name)
                if self._take(",}") == "}":
                    break
        self._skip()
        if self._at != len(self._text):
            raise self._fail("there is more behind the end")

    def _walk_rows(self, name: str) -> Iterator[tuple[str, int, Any]]:
        if self._is_next("]"):
            return
        while True:
            self._skip()
            line = self._lines.find(self._at)
            yield name, line, self._read()
            if self._take(",]") == "]":
                return

    def _is_next(self, mark: str) -> bool:
        self._skip()
        is_next = self._text.startswith(mark, self._at)
        self._at += is_next
        return is_next

    def _take(self, marks: str) -> str:
        self._skip()
        mark = self._text[self._at : self._at + 1]
        if not mark or mark not in marks:
            raise self._fail(f"expected {' or '.join(f'`{each}`' for each in marks)}")
        self._at += 1
        return mark

    def _read(self) -> Any:
        self._skip()
        try:
            value, self._at = self._decoder.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            place = f"{self._place}:{error.lineno}"
            raise SeedError(error.msg, place=place) from error
        return value

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _fail(self, reason: str) -> SeedError:
        return SeedError(reason, place=f"{self._place}:{self._lines.find(self._at)}")


class _Lines:
    """Counts lines; asked for positions that only grow."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1

    def find(self, at: int) -> int:
        """Return the line of a position."""
        self._line += self._text.count("\n", self._at, at)
        self._at = max(self._at, at)
        return self._line


def _walk_yaml(text: str, place: str) -> Iterator[tuple[str, int, Any]]:
    """Yield (table or empty, line, row)."""
    try:
        yaml: Any = importlib.import_module("yaml")  # only who has such a file has it
    except ImportError:
        raise SeedError(
            "it is YAML, and PyYAML is not installed", place=place, component="pyyaml"
        ) from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return
        for name, part in _list_lists(node, yaml, place):
            for row in part.value:
                line = row.start_mark.line + 1
                yield name, line, loader.construct_object(row, deep=True)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SeedError(problem, place=f"{place}:{line}") from error
    finally:
        loader.dispose()


def _list_lists(node: Any, yaml: Any, place: str) -> Iterable[tuple[str, Any]]:
    if isinstance(node, yaml.SequenceNode):
        return [("", node)]
    pairs = node.value if isinstance(node, yaml.MappingNode) else [(node, node)]
    for _, part in pairs:
        if not isinstance(part, yaml.SequenceNode):
            raise SeedError(
                "expected a list of rows, or tables with such lists",
                place=f"{place}:{part.start_mark.line + 1}",
            )
    return [(name.value, part) for name, part in pairs]
