"""Made-up values, each derived from what it is for.

A value depends on the random seed, the table, the row's key and the field, and on
nothing else: a row more, or a field more, changes no other. Nothing of Python's that
differs between machines, versions or runs takes part: no `random`, no `hash()`.
"""

from __future__ import annotations

import hashlib
import unicodedata
import uuid
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from sceneshift.data.seeding.child.words import FIRST_NAMES, LAST_NAMES, WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_SIZE = 16
_WHOLE = 1 << 64
# What accents do not explain.
_LETTERS = str.maketrans(
    {
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "\u0131": "i",
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
    }
)


class Values:
    """The values of one row.

    Args:
        seed: The random seed.
        table: The table's name.
        key: What tells the row from others: a number, a text, or a tuple of them.
    """

    __slots__ = ("_row",)

    def __init__(self, seed: int, table: str, key: object) -> None:
        self._row = hashlib.blake2b(
            _encode((seed, table, key)), digest_size=_SIZE, person=b"sceneshift"
        )

    def integer(self, field: str, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + self._draw(field) % (high - low + 1)

    def number(self, field: str, low: float = 0.0, high: float = 1.0) -> float:
        """Return a number from `low` to below `high`."""
        return low + (high - low) * self._fraction(field)

    def decimal(
        self, field: str, low: str | Decimal, high: str | Decimal, places: int = 2
    ) -> Decimal:
        """Return an amount from `low` to `high`, both included."""
        least, most = (int(Decimal(each).scaleb(places)) for each in (low, high))
        return Decimal(self.integer(field, least, most)).scaleb(-places)

    def boolean(self, field: str, chance: float = 0.5) -> bool:
        """Return true in so many of all cases."""
        return self._fraction(field) < chance

    def choice(self, field: str, options: Sequence[T] | Mapping[T, float]) -> T:
        """Return one of some; a mapping says how often each comes."""
        if not isinstance(options, Mapping):
            return options[self._draw(field) % len(options)]
        if not options:
            raise ValueError("there is nothing to choose from")
        left = self._fraction(field) * sum(options.values())
        for option, weight in options.items():
            left -= weight
            if left < 0:
                return option
        return option  # rounding

    def uuid(self, field: str) -> uuid.UUID:
        """Return a UUID of version 4."""
        return uuid.UUID(bytes=self._digest(field), version=4)

    def date(self, field: str, first: date, last: date) -> date:
        """Return a day from `first` to `last`, both included."""
        return first + timedelta(days=self.integer(field, 0, (last - first).days))

    def instant(self, field: str, first: datetime, last: datetime) -> datetime:
        """Return an instant from `first` to `last`, to the second."""
        seconds = (last - first) // timedelta(seconds=1)
        return first + timedelta(seconds=self.integer(field, 0, seconds))

    def first_name(self, field: str = "name") -> str:
        """Return a person's first name."""
        return self.choice(f"{field}.first", FIRST_NAMES)

    def last_name(self, field: str = "name") -> str:
        """Return a person's last name."""
        return self.choice(f"{field}.last", LAST_NAMES)

    def name(self, field: str = "name") -> str:
        """Return a person's name."""
        return f"{self.first_name(field)} {self.last_name(field)}"

    def email(self, field: str = "email", name: str | None = None) -> str:
        """Return an address that reaches nobody, and that no other row has.

        Args:
            field: What it is for.
            name: Whose it is; a name is made up where None.
        """
        words = _to_ascii(self.name(field) if name is None else name).lower().split()
        local = ".".join("".join(c for c in word if c.isalnum()) for word in words)
        return f"{local or 'x'}.{self._digest(field)[:5].hex()}@example.com"

    def word(self, field: str) -> str:
        """Return a word, in lower case."""
        return self.choice(field, WORDS)

    def words(self, field: str, low: int = 2, high: int = 5) -> str:
        """Return some words, with spaces between them."""
        count = self.integer(f"{field}.count", low, high)
        return " ".join(self.word(f"{field}.{at}") for at in range(count))

    def sentence(self, field: str, low: int = 4, high: int = 12) -> str:
        """Return a sentence of so many words, with its full stop."""
        text = self.words(field, low, high)
        return f"{text[0].upper()}{text[1:]}."

    def paragraph(self, field: str, low: int = 2, high: int = 5) -> str:
        """Return some sentences."""
        count = self.integer(f"{field}.count", low, high)
        return " ".join(self.sentence(f"{field}.{at}") for at in range(count))

    def _digest(self, field: str) -> bytes:
        digest = self._row.copy()
        digest.update(field.encode())
        return digest.digest()

    def _draw(self, field: str) -> int:
        return int.from_bytes(self._digest(field), "big")

    def _fraction(self, field: str) -> float:
        return (self._draw(field) % _WHOLE >> 11) / (1 << 53)


def _encode(value: object) -> bytes:
    """Write a key so that no two keys are written alike."""
    if isinstance(value, (tuple, list)):
        return b"(%s)" % b"".join(map(_encode, value))
    text = str(value).encode()
    return b"%s:%d:%s" % (type(value).__name__.encode(), len(text), text)


def _to_ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return plain.encode("ascii", "ignore").decode()
