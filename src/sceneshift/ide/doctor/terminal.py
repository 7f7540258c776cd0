"""What programs print, as people read it."""

from __future__ import annotations

import re

_HINT = "hint: "
_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def clean(text: str) -> str:
    """Return a text without colours."""
    return _SEQUENCE.sub("", text)


def find_last_line(text: str) -> str:
    """Return the last line that says something, with a colon before it.

    A hint of ours comes after what it is about.
    """
    lines = (line.strip() for line in reversed(clean(text).splitlines()))
    last = next((each for each in lines if each and not each.startswith(_HINT)), "")
    return f": {last}" if last else ""
