"""The regular expressions that people write: for lines of output."""

from __future__ import annotations

import re


def compile_pattern(text: str) -> re.Pattern[str]:
    """Return a regular expression.

    Raises:
        ValueError: It is none, or one that is too large or too deep; and why.
    """
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from error
