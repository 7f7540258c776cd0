"""A file of JSON with comments: its value, and changes that touch nothing else."""

from __future__ import annotations

from json import JSONDecodeError, JSONDecoder
from typing import TYPE_CHECKING, Any

from sceneshift.ide.jsonc import faults
from sceneshift.ide.jsonc.blanking import blank
from sceneshift.ide.jsonc.edits import Edits
from sceneshift.ide.jsonc.faults import JsoncError
from sceneshift.ide.jsonc.spans import Source

if TYPE_CHECKING:
    from typing import NoReturn

    from sceneshift.ide.jsonc.blanking import Blanked
    from sceneshift.ide.jsonc.spans import KeyPath

_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
_NOTHING = object()


class Document:
    """What a file says.

    Attributes:
        name: The file, for errors.
        value: What it holds; None also where it holds nothing.
        source: Its text, without a byte order mark.
        mark: The byte order mark, or nothing.
        is_empty: Whether it has no value: nothing, or comments alone.
    """

    def __init__(
        self, name: str, value: Any, source: Source, mark: str, *, is_strict: bool
    ) -> None:
        self.name = name
        self.value = None if value is _NOTHING else value
        self.is_empty = value is _NOTHING
        self.is_strict = is_strict
        self.source = source
        self.mark = mark

    def get(self, path: KeyPath) -> Any:
        """Return the value at a path.

        Raises:
            LookupError: There is none.
        """
        value: Any = self.value
        if self.is_empty:
            raise KeyError(path)
        for part in path:
            if not isinstance(value, dict if isinstance(part, str) else list):
                raise KeyError(path)
            value = value[part]  # type: ignore[index]
        return value

    def has(self, path: KeyPath) -> bool:
        """Say whether a value is at a path."""
        try:
            self.get(path)
        except LookupError:
            return False
        return True

    def edit(self) -> Edits:
        """Return an empty list of changes."""
        return Edits(self)

    def set(self, path: KeyPath, value: Any) -> bytes:
        """Return the file with a value at a path; objects on the way are made.

        Raises:
            JsoncError: Something that is no container is on the way.
        """
        return self._edit("set", path, value)

    def append(self, path: KeyPath, value: Any) -> bytes:
        """Return the file with one more value in the array at a path.

        Raises:
            JsoncError: There is no array.
        """
        return self._edit("append", path, value)

    def insert(self, path: KeyPath, index: int, value: Any) -> bytes:
        """Return the file with a value before that at a place of an array.

        Raises:
            JsoncError: There is no array.
        """
        return self._edit("insert", path, index, value)

    def remove(self, path: KeyPath) -> bytes:
        """Return the file without the value at a path, and without its key.

        Raises:
            LookupError: There is none.
        """
        return self._edit("remove", path)

    def refuse(self, offset: int, message: str, *, hint: str) -> NoReturn:
        """Raise an error about a place in the file."""
        text = self.source.text
        raise JsoncError(
            message, name=self.name, text=text, offset=offset, hint=hint
        ) from None

    def _edit(self, change: str, *arguments: Any) -> bytes:
        edits = self.edit()
        getattr(edits, change)(*arguments)
        return edits.finish()


def parse(data: bytes, *, name: str, is_strict: bool = False) -> Document:
    """Read a file.

    Args:
        data: All of it.
        name: What errors call it.
        is_strict: Whether comments and trailing commas are errors.

    Raises:
        JsoncError: It is not UTF-8, does not parse, has a key twice, or conflicts of
            a merge.
    """
    text = _decode(data, name)
    mark = _BOM if text.startswith(_BOM) else ""
    text = text[len(mark) :]
    blanked = blank(text)
    found = faults.find_conflict(text) or (_find_loose(blanked) if is_strict else None)
    if found:
        raise JsoncError(found.message, name=name, text=text, offset=found.offset)
    source = Source(text, blanked)
    value = _read(source, name)
    return Document(name, value, source, mark, is_strict=is_strict)


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        before = data[: exc.start].decode().removeprefix(_BOM)
        raise JsoncError(
            "it is not UTF-8",
            name=name,
            text=before,
            offset=len(before),
            hint="save it as UTF-8",
        ) from exc


def _find_loose(blanked: Blanked) -> faults.Fault | None:
    """Return the first thing that JSON itself does not have."""
    found = [
        *(
            faults.Fault(start, "no comment may be here")
            for start, _ in blanked.comments[:1]
        ),
        *(
            faults.Fault(start, "no comma may be before the end")
            for start in blanked.commas[:1]
        ),
    ]
    return min(found, default=None)


class _UnlikelyError(Exception):
    """The scanner's word for what it does not locate."""


def _take_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _UnlikelyError
    return value


def _refuse_constant(_name: str) -> NoReturn:
    raise _UnlikelyError


_scan = JSONDecoder(
    object_pairs_hook=_take_pairs, parse_constant=_refuse_constant
).raw_decode


def _read(source: Source, name: str) -> Any:
    """Return the value; what is refused is looked for only then."""
    plain, start = source.plain, source.start
    if start == len(plain):
        return _NOTHING
    try:
        value, end = _scan(plain, start)
    except JSONDecodeError as exc:
        found = _word(exc.msg, source, exc.pos)
    except RecursionError:
        found = faults.find_depth(plain)
    except (_UnlikelyError, ValueError):
        found = faults.find_fault(plain)
    else:
        end = source.skip(end)
        if end == len(plain):
            return value
        found = _word("Extra data", source, end)
    raise JsoncError(found.message, name=name, text=source.text, offset=found.offset)


def _word(message: str, source: Source, offset: int) -> faults.Fault:
    return faults.Fault(offset, faults.word(message, source.text, offset))
