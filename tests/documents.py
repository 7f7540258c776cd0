"""The documentation as data: code blocks, each with the comment that says its use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)
# What a comment may say: how the block under it is tried.
KINDS = {
    "file",  # it is this file of the document's project
    "run",  # its commands end with 0 in the document's project
    "run-here",  # the same, in this repository
    "run-files",  # the same, in the project of this document's files
    "live",  # the same, while the README's project runs
    "background",  # the same, where nothing runs before and after
    "json",  # what this command prints while the README's project runs, by its keys
    "json-last",  # the same, of a command after which nothing runs
    "says",  # what `inv` says in this case of `test_troubleshooting.py`
    "skip",  # not tried, with the reason
}
_BLOCK = re.compile(
    r"^(?:<!-- (?P<kind>[a-z-]+)(?:: (?P<about>[^\n]+))? -->\n)?"
    r"```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block.

    Attributes:
        place: `file:line` of its fence.
        kind: What its comment asks for; empty where it has none.
        about: What the comment says after the colon.
        language: As it is marked.
        text: What it holds.
    """

    place: str
    kind: str
    about: str
    language: str
    text: str


def read_document(name: str) -> str:
    """Return a document's text."""
    return (ROOT / name).read_text(encoding="utf-8")


def read_blocks(name: str, *kinds: str) -> list[Block]:
    """Return the blocks of a document: those of some kinds, or all."""
    text = read_document(name)
    blocks = [
        Block(
            place=f"{name}:{text.count(chr(10), 0, found.start()) + 1}",
            kind=found["kind"] or "",
            about=found["about"] or "",
            language=found["language"],
            text=found["text"],
        )
        for found in _BLOCK.finditer(text)
    ]
    return [block for block in blocks if not kinds or block.kind in kinds]


def read_all(*kinds: str) -> list[Block]:
    """Return the blocks of these kinds in all documents."""
    return [block for name in DOCUMENTS for block in read_blocks(name, *kinds)]


def read_files(name: str) -> dict[str, str]:
    """Return the files of a document's project."""
    return {block.about: block.text for block in read_blocks(name, "file")}
