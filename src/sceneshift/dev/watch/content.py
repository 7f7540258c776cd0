"""What a file holds, as a short value to compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.blake2 import blake2b

if TYPE_CHECKING:
    from pathlib import Path


def digest(path: Path) -> str | None:
    """Return the BLAKE2b digest of a file's bytes, 16 bytes as 32 hex digits.

    None where the file is absent or cannot be read. It equals
    `hashlib.blake2b(source, digest_size=16).hexdigest()`.
    """
    try:
        with path.open("rb") as file:
            state = blake2b(digest_size=16)
            while chunk := file.read(1 << 20):
                state.update(chunk)
    except OSError:
        return None
    return state.hexdigest()
