from __future__ import annotations

import pytest

from sceneshift.dev.pattern import compile_pattern


def test_what_is_a_pattern_is_taken() -> None:
    """As Python has it."""
    assert compile_pattern("^a+$").search("aa")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(", r"missing \)"),
        ("x{9999999999999}", "too large"),
        ("(" * 5000 + ")" * 5000, "recursion"),
    ],
    ids=["open", "large", "deep"],
)
def test_what_is_none_is_told_with_the_reason(text: str, why: str) -> None:
    """Each in the one way, whatever the compiler raises."""
    with pytest.raises(ValueError, match=why):
        compile_pattern(text)
