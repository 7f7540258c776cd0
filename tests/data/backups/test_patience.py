from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sceneshift.data.backups.patience import telling
from support import wait_until

if TYPE_CHECKING:
    import pytest


def test_what_takes_longer_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Again after some time, and never after its end."""
    said: list[str] = []

    def is_told_twice() -> bool:
        said.extend(capsys.readouterr().err.splitlines())
        return len(said) > 1

    with telling("copying shop.db", patience_s=0.01, silence_s=0.01):
        wait_until(is_told_twice)
    assert said[0] == "0 s: copying shop.db"
    capsys.readouterr()
    with telling("copying shop.db"):
        assert time.monotonic()
    assert capsys.readouterr().err == ""
