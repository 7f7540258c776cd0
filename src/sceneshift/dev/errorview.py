"""An error report as a page, as JSON and as plain text."""

from __future__ import annotations

import html
import json
import time
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from sceneshift.core.blake2 import blake2b
from sceneshift.core.wording import iso_time
from sceneshift.dev.failure import one_line, read_excerpt, split_frames

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sceneshift.dev.failure import ErrorReport, SourceLine

_PAGE = Path(__file__).with_name("errorpage.html")
_PLACES = {True: "here", False: "near"}
_FRAMES = {True: "own", False: "library", None: "words"}
# In the order of preference where a client likes several as much.
_KINDS = ("text/html", "application/json", "text/plain")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorView:
    """The answers of a process that could not start.

    Attributes:
        bodies: The answer of each media type.
        tag: Names this error: another one has another.
    """

    bodies: Mapping[str, bytes]
    tag: str


def render_views(report: ErrorReport) -> ErrorView:
    """Render every answer: the report and nothing else, no locals, no environment."""
    plain = f"{report.process} could not start: {one_line(report)}\n\n{report.text}\n"
    tag = blake2b(f"{report.since}\0{plain}".encode(), digest_size=8).hexdigest()
    return ErrorView(
        bodies={
            "text/html": _render_page(report, tag).encode(),
            "application/json": _render_json(report).encode(),
            "text/plain": plain.encode(),
        },
        tag=tag,
    )


def choose_kind(accept: str) -> str:
    """Return the media type that `accept` asks for by name; else plain text."""
    weights = dict.fromkeys(_KINDS, 0.0)
    for part in accept.lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        if kind in weights:
            weights[kind] = _read_weight(parameters)
    best = max(_KINDS, key=lambda kind: weights[kind])
    return best if weights[best] else "text/plain"


def _read_weight(parameters: list[str]) -> float:
    """Return the `q` of a media type; 1 where none is given, 0 where it is garbage."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _render_json(report: ErrorReport) -> str:
    """Render what a program needs."""
    error = {
        "process": report.process,
        "headline": report.headline,
        "file": None if report.file is None else str(report.file),
        "line": report.line,
        "traceback": report.text,
        "since": iso_time(report.since),
    }
    return json.dumps({"error": error}) + "\n"


def _render_page(report: ErrorReport, tag: str) -> str:
    """Render what a person needs."""
    excerpt = read_excerpt(report)
    template = Template(_PAGE.read_text(encoding="utf-8"))
    return template.substitute(
        process=html.escape(report.process),
        headline=html.escape(report.headline),
        place=_render_place(report),
        excerpt=_render_excerpt(report, excerpt) if excerpt else "",
        caption="Output" if report.file is None else "Traceback",
        text=_render_text(report),
        iso=iso_time(report.since),
        clock=time.strftime("%H:%M:%S", time.localtime(report.since)),
        etag=tag,
    )


def _render_place(report: ErrorReport) -> str:
    """Render the file and line, to be read and to be copied."""
    if report.place is None:
        return ""
    path = html.escape(f"{report.file}:{report.line}")
    return (
        f'<p class="place"><code>{html.escape(report.place)}</code>'
        f'<button type="button" data-path="{path}">Copy path</button></p>\n'
    )


def _render_excerpt(report: ErrorReport, excerpt: tuple[SourceLine, ...]) -> str:
    """Render the source around the place."""
    lines = "".join(
        f'<span class="{_PLACES[line.is_place]}">'
        f"<i>{line.number}</i>{html.escape(line.text)}</span>"
        for line in excerpt
    )
    name = html.escape(str(report.place).rpartition(":")[0])
    return f'<section class="excerpt"><h2>{name}</h2><pre>{lines}</pre></section>\n'


def _render_text(report: ErrorReport) -> str:
    """Render the traceback, the project's own frames in front of the libraries'."""
    return "".join(
        f'<span class="{_FRAMES[kind]}">{html.escape(piece.rstrip(chr(10)))}</span>'
        for piece, kind in split_frames(report.text, report.root)
    )
