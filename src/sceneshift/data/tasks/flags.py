"""Flags that many of the commands have, and what is asked by them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sceneshift.task import find_root, refuse_windows

if TYPE_CHECKING:
    from invoke.context import Context

    from sceneshift.data.target import Request

DATABASE = "name of the database (default: all of the environment)"
DRY = "say what would be done"
ENV = "the environment (default: the active one)"
JSON = "print JSON"
ONE = "name of the database (default: default, or the only one)"
YES = "do it without a question; elsewhere than on a terminal with --env"


def read_flags(context: Context, env: str, database: str) -> dict[str, Any]:
    """Return what every request has."""
    refuse_windows("inv data")
    return {
        "root": find_root(context),
        "environ": os.environ,
        "environment": env or None,
        "database": database or None,
    }


def ask(context: Context, env: str, database: str, **flags: Any) -> Request:
    """Return a request that has nothing of its own."""
    from sceneshift.data.target import Request  # noqa: PLC0415 - 40 ms

    return Request(**read_flags(context, env, database), **flags)
