"""Turning a table of a file into a typed value, with errors for people."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, TypeVar

import msgspec

from sceneshift.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Key = str | int

T = TypeVar("T")

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# msgspec learns a struct at its first conversion, and crashes where two threads have it
# do so at once.
_turn = threading.Lock()


def convert(table: object, to: type[T], *, file: Path, prefix: Sequence[str]) -> T:
    """Check a table against a struct and return it as one.

    Args:
        table: What the file's parser returned.
        to: The struct; `Meta(description=…)` of a field says what it expects.
        file: The file, for the message.
        prefix: Keys from the top of the file down to the table.

    Raises:
        ConfigError: With file, key path, what was found and what is expected.
    """
    try:
        with _turn:
            return msgspec.convert(table, to)
    except msgspec.ValidationError as exc:
        # 10 ms that a table without a mistake saves.
        from sceneshift.core.mismatch import explain  # noqa: PLC0415

        path, text, hint = explain(str(exc), table, to)
        hint = hint or f"mend this value in {file}"
        raise key_error(file, [*prefix, *path], text, hint=hint) from None


def key_error(
    file: Path, keys: Sequence[Key], text: str, *, hint: str | None = None
) -> ConfigError:
    """Return the error about one key: `file: key path: text`."""
    path = join_keys(keys)
    return ConfigError(f"`{path}`: {text}", file=file, key=path, hint=hint)


def join_keys(keys: Sequence[Key]) -> str:
    """Write a key path as TOML does, list places in brackets."""
    path = ""
    for key in keys:
        if isinstance(key, int):
            path += f"[{key}]"
        else:
            name = key if _BARE_KEY.fullmatch(key) else json.dumps(key)
            path += f".{name}" if path else name
    return path
