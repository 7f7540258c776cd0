from __future__ import annotations

import pytest

from sceneshift.core.execution import find_command


@pytest.mark.parametrize(
    ("argv", "remainder", "words"),
    [
        (
            ["inv", "env.run", "--", "sh", "-c", "a  b"],
            "sh -c a  b",
            ["sh", "-c", "a  b"],
        ),
        (["inv", "env.run", "--", "a", "--", "b"], "a -- b", ["a", "--", "b"]),
        (["inv", "env.run", "--", ""], "", [""]),
        (["inv", "env.run"], "", []),
        (["other"], "sh -c 'a b'", ["sh", "-c", "a b"]),
        (["other", "--", "x"], "y z", ["y", "z"]),
    ],
)
def test_each_word_stays_one(argv: list[str], remainder: str, words: list[str]) -> None:
    """Where `inv` was not started by a command line, its own joined words must do."""
    assert find_command(argv, remainder) == words
