"""Lines of a revision that say which rules they know better than."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMENT = re.compile(r"#\s*sceneshift:\s*ignore\[([\w\s,-]+)\]")


def find_ignored(text: str, line: int) -> set[str]:
    """Return the rules that the statement on a line is not to be measured by.

    Args:
        text: The revision.
        line: Where the statement is, or a part of it.
    """
    first, last = _find_span(text, line)
    return {
        name.strip()
        for each in text.splitlines()[first - 1 : last]
        for found in _COMMENT.finditer(each)
        for name in found[1].split(",")
    }


def _find_span(text: str, line: int) -> tuple[int, int]:
    """Return the first and last line of the smallest statement around one."""
    spans = [
        each for each in _list_spans(ast.parse(text)) if each[0] <= line <= each[1]
    ]
    return min(spans, key=lambda each: each[1] - each[0], default=(line, line))


def _list_spans(tree: ast.Module) -> Iterator[tuple[int, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            # Of what has others in it, its head alone.
            end = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            yield node.lineno, max(node.lineno, end)
