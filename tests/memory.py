"""How much memory a process shares with nobody."""

from __future__ import annotations

import re
from pathlib import Path

_OWN = re.compile(r"^Private_Dirty:\s+(\d+) kB", re.MULTILINE)


def count_own_bytes(pid: int) -> int:
    """Return the bytes that a process has written and has alone."""
    found = _OWN.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
    assert found is not None
    return int(found.group(1)) * 1024
