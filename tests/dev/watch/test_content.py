from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sceneshift.dev.watch import digest

if TYPE_CHECKING:
    from pathlib import Path


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    """Files of any size, read in pieces, give what the whole gives."""
    source = b"x = 1\n" * 500_000
    (tmp_path / "a.py").write_bytes(source)
    expected = hashlib.blake2b(source, digest_size=16).hexdigest()
    assert digest(tmp_path / "a.py") == expected


def test_what_cannot_be_read_has_no_digest(tmp_path: Path) -> None:
    """An absent file and a folder have none; an empty file has one."""
    (tmp_path / "empty").touch()
    assert digest(tmp_path / "absent") is None
    assert digest(tmp_path) is None
    assert digest(tmp_path / "empty") == hashlib.blake2b(digest_size=16).hexdigest()
