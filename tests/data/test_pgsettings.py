from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.data.postgresql.settings import describe_system

if TYPE_CHECKING:
    from collections.abc import Callable

FOUND = {
    "oid": 1,
    "encoding": "UTF8",
    "datlocprovider": "i",
    "datcollate": "C",
    "datctype": "C",
    "daticulocale": "de",
}


def answer(
    version: int = 150_018,
    user: str = "me",
    collation: str = "153.1",
    setting: str = "search_path=public",
    **changes: str,
) -> Callable[[str], list[tuple[Any, ...]]]:
    """Return what answers as a server does."""

    def ask(query: str) -> list[tuple[Any, ...]]:
        if "current_user, current_setting" in query:
            return [(user, version)]
        if "collation_actual_version" in query:
            return [(collation,)]
        if "unnest(s.setconfig)" in query:
            return [(0, "", setting)]
        assert "to_jsonb" in query
        return [({**FOUND, **changes},)]

    return ask


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 180_004},
        {"user": "other"},
        {"collation": "153.2"},
        {"setting": "search_path=other"},
        {"encoding": "LATIN1"},
        {"datcollate": "de_DE.utf8"},
        {"datctype": "de_DE.utf8"},
        {"datlocprovider": "c"},
        {"daticulocale": "sv"},
        {"datlocale": "sv"},
    ],
)
def test_what_decides_on_how_text_is_kept_makes_another_state(
    changes: dict[str, Any],
) -> None:
    """As does who owns it, and what its sessions are set to."""
    assert describe_system(answer(), "d") != describe_system(answer(**changes), "d")


def test_a_minor_version_makes_no_other_state() -> None:
    """Nor what else is known of a database."""
    other = answer(version=150_019, datname="e", datconnlimit="7")
    assert describe_system(answer(), "d") == describe_system(other, "d")
