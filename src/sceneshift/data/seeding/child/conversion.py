"""Values of files and programs, as a driver takes them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import types

from sceneshift.data.seeding.child.failure import SeedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Column
    from sqlalchemy.engine import Dialect

Convert = Callable[[Any], Any]
"""Takes a value that is not None; returns one for the driver, which may be."""


class Converter(NamedTuple):
    """What makes the values of a column ready.

    Attributes:
        convert: Does it.
        natural: The types of those that are ready as they are.
        instants: Does it where all of them are instants; None: as `convert` does.
    """

    convert: Convert
    natural: frozenset[type]
    instants: Convert | None = None


_UTC = timezone.utc  # noqa: UP017 - the project's Python may be older
_TRUE = frozenset({"1", "on", "t", "true", "y", "yes"})
_FALSE = frozenset({"0", "off", "f", "false", "n", "no"})
_HEX_UUID = 32  # the length of the column in which SQLAlchemy keeps one as a text


def is_copied(dialect: Dialect) -> bool:
    """Tell whether rows go to a server by COPY."""
    return dialect.name == "postgresql" and dialect.driver == "psycopg"


class Conversion:
    """How the values of a table's columns are made ready for the driver.

    Args:
        dialect: The system.
        is_raw: Whether the values go to the driver itself; else SQLAlchemy's own
            statements do the rest.
        is_model: Whether the columns are the project's own, with its types.
        is_text: Whether all values are texts, of a CSV: an empty one is NULL where the
            column may be that.
        shift_days: How far dates are moved.
        shifted: The columns that are dates of that kind.
    """

    def __init__(  # noqa: PLR0913 - options, each by its name
        self,
        dialect: Dialect,
        *,
        is_raw: bool = True,
        is_model: bool = False,
        is_text: bool = False,
        shift_days: int = 0,
        shifted: Sequence[str] = (),
    ) -> None:
        self._dialect = dialect
        self._is_model = is_model
        self._is_text = is_text
        self._shift = timedelta(days=shift_days)
        self._shifted = frozenset(shifted)
        # PostgreSQL itself reads a text as whatever the column is.
        self._reads_text = is_raw and is_copied(dialect)
        self._is_raw = is_raw

    def find(self, column: Column[Any]) -> Converter | None:
        """Return what converts the values of a column; None where nothing has to."""
        steps = [*self._list_steps(column)]
        if not steps and not self._is_text:
            return None
        is_text, name = self._is_text, column.name
        empty = "" if _is_text_type(column.type) and not column.nullable else None

        def convert(value: Any) -> Any:
            if is_text and value == "":
                return empty
            try:
                for step in steps:
                    value = step(value)
            except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
                raise SeedError(
                    f"{_shorten(value)} does not fit the column `{name}`: {error}"
                ) from error
            return value

        is_last = not self._is_model and steps[-1:] == [_write_instant]
        instants = (
            _write_instant if is_last and column.name not in self._shifted else None
        )
        return Converter(convert, self._list_natural(column), instants)

    def _list_natural(self, column: Column[Any]) -> frozenset[type]:
        """Return the types of values that no step would change."""
        if self._is_text or self._is_model or column.name in self._shifted:
            return _NOTHING
        for known, natural in _NATURAL:
            if isinstance(column.type, known):
                return natural
        return _NOTHING

    def _list_steps(self, column: Column[Any]) -> Sequence[Convert]:
        kind = column.type
        is_shifted = column.name in self._shifted and bool(self._shift)
        steps: list[Convert] = []
        parse = self._find_parser(kind)
        if parse is not None and (is_shifted or not self._reads_text):
            steps.append(parse)
        if is_shifted:
            steps.append(self._move)
        if self._is_text and isinstance(kind, types.JSON) and not self._reads_text:
            steps.append(json.loads)
        if not self._is_raw:
            return steps
        if self._is_model:
            return [*steps, *self._bind(kind)]
        return [
            *steps,
            *(self._to_copy(kind) if self._reads_text else self._to_few(kind)),
        ]

    def _to_copy(self, kind: Any) -> list[Convert]:
        """Return what makes a value a text that PostgreSQL reads."""
        if self._is_text:
            return []
        if isinstance(kind, types.JSON):
            return [json.dumps]
        return [_take_value] if isinstance(kind, types.Enum) else []

    def _to_few(self, kind: Any) -> list[Convert]:
        """Return what is to be done for a system that has few types of its own."""
        if isinstance(kind, types.JSON):
            return [json.dumps]
        if isinstance(kind, types.DateTime) and self._dialect.name == "sqlite":
            return [_write_instant]
        return [*_plain(kind), *self._bind(kind)]

    def _bind(self, kind: Any) -> list[Convert]:
        """Return what SQLAlchemy's type itself does to a value."""
        bind = kind.dialect_impl(self._dialect).bind_processor(self._dialect)
        return [] if bind is None else [bind]

    def _move(self, value: Any) -> Any:
        return value + self._shift

    def _find_parser(self, kind: Any) -> Convert | None:
        """Return what makes of a text what the type wants; others stay as they are."""
        kind = getattr(kind, "impl_instance", kind)
        for known, parse in _PARSERS:
            if isinstance(kind, known):
                return parse
        return None


def apply(
    chunk: list[tuple[Any, ...]], converters: Sequence[Converter | None]
) -> list[tuple[Any, ...]]:
    """Convert the columns of some rows, each in one go; None stays None."""
    if not any(converters):
        return chunk
    columns: list[Sequence[Any]] = list(zip(*chunk, strict=True))
    is_other = False
    for number, converter in enumerate(converters):
        kinds = set(map(type, columns[number]))
        if converter is None or kinds <= converter.natural:
            continue
        is_other = True
        if converter.instants and kinds == _INSTANTS:
            columns[number] = list(map(converter.instants, columns[number]))
        else:
            columns[number] = [
                None if value is None else converter.convert(value)
                for value in columns[number]
            ]
    return list(zip(*columns, strict=True)) if is_other else chunk


def _shorten(value: object) -> str:
    text = repr(value)
    return f"`{text[:40]}…`" if len(text) > 40 else f"`{text}`"


def _is_text_type(kind: Any) -> bool:
    return isinstance(kind, types.String) and not isinstance(kind, types.Enum)


def _to_boolean(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    word = value.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError("it is neither true nor false")


def _to_integer(value: Any) -> Any:
    return int(value) if isinstance(value, str) else value


def _to_decimal(value: Any) -> Any:
    try:
        return Decimal(value) if isinstance(value, str) else value
    except InvalidOperation:
        raise ValueError("it is no number") from None


def _to_datetime(value: Any) -> Any:
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time())
    return value


def _to_date(value: Any) -> Any:
    if isinstance(value, str):
        return datetime.fromisoformat(value).date()
    return value.date() if isinstance(value, datetime) else value


def _to_time(value: Any) -> Any:
    return time.fromisoformat(value) if isinstance(value, str) else value


def _to_bytes(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value.startswith("\\x"):  # as PostgreSQL writes them
        return bytes.fromhex(value[2:])
    return value.encode()


def _to_uuid(value: Any) -> Any:
    return uuid.UUID(value) if isinstance(value, str) else value


def _write_instant(value: datetime) -> str:
    """Return an instant as SQLAlchemy keeps it in SQLite: of UTC, without a zone."""
    if value.tzinfo is not None:
        value = value.astimezone(_UTC).replace(tzinfo=None)
    return value.isoformat(" ", "microseconds")


def _take_value(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _plain(kind: Any) -> list[Convert]:
    """Return what is to be done for a system that has few types of its own."""
    if isinstance(kind, types.CHAR) and kind.length == _HEX_UUID:
        return [_to_hex]
    return [_take_value] if isinstance(kind, types.String) else []


def _to_hex(value: Any) -> Any:
    """Return a UUID as SQLAlchemy keeps it in a text."""
    if isinstance(value, uuid.UUID):
        return value.hex
    is_long = isinstance(value, str) and len(value) == 36 and value.count("-") == 4
    return value.replace("-", "") if is_long else value


_NONE = type(None)
_NOTHING: frozenset[type] = frozenset()
_INSTANTS = {datetime}
_NATURAL: tuple[tuple[Any, frozenset[type]], ...] = (
    (types.Boolean, frozenset({bool, _NONE})),
    (types.Integer, frozenset({int, _NONE})),
    (types.Float, frozenset({float, int, _NONE})),
    (types.Enum, _NOTHING),
    (types.CHAR, _NOTHING),
    (types.String, frozenset({str, _NONE})),
)
# The order counts: a Uuid or an Enum of SQLAlchemy's may be a text too.
_PARSERS: tuple[tuple[Any, Convert], ...] = (
    (types.Boolean, _to_boolean),
    (types.Integer, _to_integer),
    (types.Numeric, _to_decimal),
    (types.DateTime, _to_datetime),
    (types.Date, _to_date),
    (types.Time, _to_time),
    (types.LargeBinary, _to_bytes),
    (types.Uuid, _to_uuid),
)
