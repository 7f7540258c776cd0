"""Writing variables so that a given reader takes in exactly their values."""

from __future__ import annotations

import json
import os
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,-]+")
_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FILE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
# What readers of env files replace they also offer a way around: a variable that does
# not exist, with a `$` as its default.
_DOLLAR = "${SCENESHIFT_DOLLAR:-$}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A way to write variables.

    Attributes:
        assign: Return the text that sets one.
        forget: Return the text that unsets one; None where that cannot be said.
        name: What the name of a variable must be like; None: anything.
        has_bytes: Whether its reader takes bytes that are no UTF-8.
        is_lasting: Whether what it sets stays in a shell, and is to be known again.
    """

    assign: Callable[[str, str], str]
    forget: Callable[[str], str] | None = None
    name: re.Pattern[str]
    has_bytes: bool = False
    is_lasting: bool = False

    def can_say(self, name: str, text: str) -> bool:
        """Tell whether its reader can be given this variable."""
        is_text = text.isascii() or not any("\udc80" <= c <= "\udcff" for c in text)
        return self.name.fullmatch(name) is not None and (is_text or self.has_bytes)


def render_dotenv(name: str, text: str) -> str:
    """Return a line for python-dotenv, and those that read as it does."""
    if _PLAIN.fullmatch(text):
        return f"{name}={text}\n"
    text = text.replace("\\", "\\\\").replace("${", f"{_DOLLAR}{{")
    if "\r" in text:  # else read as a line's end, which becomes \n
        text = text.replace('"', '\\"').replace("\r", "\\r")
        return f'{name}="{text}"\n'
    text = text.replace("'", "\\'")
    return f"{name}='{text}'\n"


def render_sh(name: str, text: str) -> str:
    """Return a command of a POSIX shell."""
    return f"export {name}={shlex.quote(text)}\n"


def render_fish(name: str, text: str) -> str:
    """Return a command of fish, where quotes know two escapes and nothing else."""
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"set -gx {name} '{quoted}'\n"


def render_github(name: str, text: str) -> str:
    """Return lines for the file that GITHUB_ENV names.

    The delimiter of several lines is not to be guessed: a value that held it could
    set other variables.
    """
    if "\n" not in text:
        return f"{name}={text}\n"
    delimiter = f"end_{os.urandom(8).hex()}"
    return f"{name}<<{delimiter}\n{text}\n{delimiter}\n"


def render_json(values: Mapping[str, str]) -> str:
    """Return one object: names and texts."""
    return json.dumps(dict(values), indent=2) + "\n"


FORMATS = {
    "dotenv": Format(assign=render_dotenv, name=_FILE_NAME),
    "sh": Format(
        assign=render_sh,
        forget=lambda name: f"unset {name}\n",
        name=_SHELL_NAME,
        has_bytes=True,
        is_lasting=True,
    ),
    "fish": Format(
        assign=render_fish,
        forget=lambda name: f"set -e {name}\n",
        name=_SHELL_NAME,
        has_bytes=True,
        is_lasting=True,
    ),
    "github": Format(assign=render_github, name=_FILE_NAME, is_lasting=True),
}
JSON = "json"
NAMES = (*FORMATS, JSON)
