"""What programs print, as people read it."""

from __future__ import annotations

import re

_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def clean(text: str) -> str:
    """Return a text without colours."""
    return _SEQUENCE.sub("", text)


def find_last_line(text: str) -> str:
    """Return the last line that says something, with a colon before it."""
    lines = (line.strip() for line in reversed(clean(text).splitlines()))
    last = next(filter(None, lines), "")
    return f": {last}" if last else ""
