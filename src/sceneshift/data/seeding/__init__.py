"""Filling databases with datasets.

A dataset's program may name the type of what its function is called with:

    if TYPE_CHECKING:
        from sceneshift.data.seeding import Context
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sceneshift.data.seeding.child.context import Context

__all__ = ["Context"]


def __getattr__(name: str) -> object:
    """Load `Context` when it is asked for: it brings SQLAlchemy with it."""
    if name == "Context":
        from sceneshift.data.seeding.child.context import Context  # noqa: PLC0415

        return Context
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
