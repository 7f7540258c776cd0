"""The file of a baseline: by the models where these make the same, else as SQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_NO_WAY_BACK = (
    'raise NotImplementedError("nothing comes before it: inv data.drop empties a '
    'database")'
)
_DOWN = re.compile(r"^down_revision\b.*$", re.MULTILINE)
_WIDTH = 60


def render(statements: Iterable[str]) -> dict[str, str]:
    """Return what the template gets so that a revision runs statements."""
    calls = [line for each in statements for line in _render_call(each)]
    return {
        "upgrades": "\n    ".join(calls or ["pass"]),
        "downgrades": _NO_WAY_BACK,
    }


def _render_call(statement: str) -> Iterator[str]:
    # SQLAlchemy takes what stands after a colon for a parameter, in texts too.
    escaped = statement.replace(":", "\\:")
    yield "op.execute("
    for line in escaped.splitlines(keepends=True):
        yield f"    {line!r}"
    yield ")"


def name_replaced(file: Path, ids: Iterable[str]) -> None:
    """Write into a baseline which revisions it replaces.

    Raises:
        SceneshiftError: The project's template has no `down_revision` of its own line.
    """
    text = file.read_text(encoding="utf-8")
    found = _DOWN.search(text)
    if found is None:
        raise SceneshiftError(
            "script.py.mako has no line that begins with `down_revision`",
            hint="write `down_revision = ${repr(down_revision)}` into it",
        )
    lines = ["replaces = (", *_wrap(ids), ")"]
    written = f"{text[: found.end()]}\n{chr(10).join(lines)}{text[found.end() :]}"
    file.write_text(written, encoding="utf-8")


def _wrap(ids: Iterable[str]) -> Iterator[str]:
    line = ""
    for one in ids:
        line += f" {one!r},"
        if len(line) > _WIDTH:
            yield f"   {line}"
            line = ""
    if line:
        yield f"   {line}"
