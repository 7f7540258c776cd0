"""Globs of files: `**` stands for any number of folders, also none."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PATTERN = re.compile(r"[*?[]")


def is_pattern(part: str) -> bool:
    """Say whether it stands for other names than its own."""
    return _PATTERN.search(part) is not None


def fits(names: Sequence[str], globs: Sequence[str]) -> bool:
    """Say whether a path's names fit a glob's, one by one."""
    if not globs:
        return not names
    if globs[0] == "**":
        return any(fits(names[skip:], globs[1:]) for skip in range(len(names) + 1))
    is_first = bool(names) and fnmatchcase(names[0], globs[0])
    return is_first and fits(names[1:], globs[1:])


def matches(relative: Path, glob: str) -> bool:
    """Match as process-compose does: with `/` a relative path, without a base name.

    A folder's `src/` stands for all that is in it, `.` for all that there is.
    """
    globs = [part for part in glob.split("/") if part not in ("", ".")]
    if glob.endswith("/") or not globs:
        globs.append("**")
    names = relative.parts if "/" in glob.removeprefix("./") else relative.parts[-1:]
    return fits(names, globs)
