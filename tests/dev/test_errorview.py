"""Which answer a client gets."""

from __future__ import annotations

import pytest

from sceneshift.dev.errorview import choose_kind


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("text/html", "text/html"),
        ("text/plain;q=0.5, application/json;q=0.9", "application/json"),
        ("text/html;q=0, */*", "text/plain"),
        ("text/html; q=high, application/json", "application/json"),
        ("text/html; level=1; q=0.3, text/plain; q=0.2", "text/html"),
        ("APPLICATION/JSON", "application/json"),
        ("image/png", "text/plain"),
    ],
)
def test_the_kind_is_what_is_asked_for_by_name(accept: str, kind: str) -> None:
    """The weights of the header decide, then the page before JSON before text."""
    assert choose_kind(accept) == kind
