from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from zygotes import Zygote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def zygote(tmp_path: Path) -> Iterator[Zygote]:
    """Return a zygote that has not been told anything yet; nothing of it is left."""
    made = Zygote(tmp_path)
    yield made
    made.close()
