from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrating import TABLE
from sceneshift.data.asking import tell_of_others
from sceneshift.data.snapshots.traced import Trace
from sceneshift.data.target import load_targets

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql+asyncpg://u:p@[::1]:5433/shop", "::1:5432 and 192.0.2.1:80"),
        ("postgresql+asyncpg://localhost/shop", "192.0.2.1:80 and ::1:5433"),
    ],
)
def test_its_own_server_is_nobody_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str, told: str
) -> None:
    """A driver that is written in Python is seen to connect."""
    (tmp_path / "pyproject.toml").write_text(TABLE.format(url=url))
    (target,) = load_targets(tmp_path, {})
    addresses = "('::1', 5432, 0, 0)", "('::1', 5433, 0, 0)", "('192.0.2.1', 80)"
    trace = Trace(
        files=(),
        folders=(),
        names=(),
        addresses=addresses,
        prefixes=(),
        packages=(),
    )
    tell_of_others(trace, target)
    said = capsys.readouterr().err
    assert all(each in said for each in told.split(" and "))
    assert said.count(":5432") + said.count(":5433") == 1
