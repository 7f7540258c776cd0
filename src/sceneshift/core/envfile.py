"""Reading `.env` files: python-dotenv's grammar, with errors in its place."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.errors import ConfigError
from sceneshift.core.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class EnvLine(Struct, frozen=True, kw_only=True):
    """One assignment, before `${NAME}` is replaced.

    Attributes:
        key: The variable.
        text: Its value, without quotes.
        number: The line that it begins on, counted from 1.
    """

    key: str
    text: str
    number: int


def load_env_file(root: Path, file: Path) -> list[EnvLine]:
    """Read a file below the project; a missing one says nothing.

    Raises:
        ConfigError: It cannot be read, is not UTF-8 or has a line without meaning.
    """
    try:
        text = (root / file).read_bytes().decode()
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise ConfigError(
            f"cannot be read: {exc.strerror}",
            file=file,
            hint=f"make it readable, or remove it: ls -ld {file}",
        ) from exc
    except UnicodeDecodeError as exc:
        line = exc.object.count(b"\n", 0, exc.start) + 1
        hint = "save it as UTF-8"
        raise ConfigError("is not UTF-8", file=file, line=line, hint=hint) from exc
    return list(_parse(text, file))


def _parse(text: str, file: Path) -> Iterator[EnvLine]:
    from dotenv.parser import parse_stream  # noqa: PLC0415 - only with a file to read

    for binding in parse_stream(io.StringIO(text)):
        original = binding.original.string
        statement = original.lstrip()
        # The parser counts from the blank lines before a statement.
        blank = original[: len(original) - len(statement)].replace("\r\n", "\n")
        number = binding.original.line + blank.count("\n") + blank.count("\r")
        if binding.error:
            name, equals, _ = statement.rstrip().partition("=")
            # A value may be a secret, and messages end up in logs.
            shown = quote(f"{name}=…" if equals else name)
            raise ConfigError(
                f"no assignment can be read here: {shown}",
                file=file,
                line=number,
                hint="write NAME=value, and quote a value of several words or lines",
            )
        # `NAME` alone is taken from the shell, as docker's env files mean it.
        if binding.key is not None and binding.value is not None:
            yield EnvLine(key=binding.key, text=binding.value, number=number)
