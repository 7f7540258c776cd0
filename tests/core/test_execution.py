from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import UsageError
from sceneshift.core.execution import become, find_command

if TYPE_CHECKING:
    from pathlib import Path


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


def test_what_cannot_be_run_changes_nothing(tmp_path: Path) -> None:
    """How signals are taken neither."""
    program = tmp_path / "none"
    program.write_text("#!/nowhere\n")
    program.chmod(0o755)
    with pytest.raises(UsageError) as caught:
        become(str(program), ["none"], {})
    assert caught.value.message.endswith("cannot be run: no such file or directory")
    assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN
