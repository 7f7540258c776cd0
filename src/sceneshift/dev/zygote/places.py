"""Where a program stands, as people name it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any


def describe_place(frame: FrameType, root: str) -> dict[str, Any]:
    """Return file and line, the file from the project on."""
    file = frame.f_code.co_filename.removeprefix(root)
    return {"file": file, "line": frame.f_lineno}
