"""Telling what a shell has from `inv env.export` from what a person has set.

The process environment wins over files. What was exported from one environment would
so win over the files of every other one: a shell that took in `development` would give
its DATABASE_URL to `inv env.run staging`. So an export marks what it sets, and what is
still as it was exported counts as not set.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sceneshift.core.blake2 import blake2b

if TYPE_CHECKING:
    from collections.abc import Mapping

EXPORTED_VARIABLE = "SCENESHIFT_EXPORTED"


def mark_exported(values: Mapping[str, str]) -> str:
    """Return the value of SCENESHIFT_EXPORTED: each name, with a digest of its text."""
    names = (name for name in sorted(values) if not set(name) & set(" :\n"))
    return " ".join(f"{name}:{_digest(values[name])}" for name in names)


def list_exported(environ: Mapping[str, str]) -> frozenset[str]:
    """Return the names of what is still as an export has set it."""
    marks = environ.get(EXPORTED_VARIABLE, "").split()
    digests = (mark.partition(":")[::2] for mark in marks)
    return frozenset(
        name
        for name, digest in digests
        if name in environ and _digest(environ[name]) == digest
    )


def forget_exported(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what is as an export has set it."""
    left_out = {EXPORTED_VARIABLE, *list_exported(environ)}
    return {name: text for name, text in environ.items() if name not in left_out}


def _digest(text: str) -> str:
    """Return eight digits: enough to see that a person has set something else."""
    return blake2b(os.fsencode(text), digest_size=4).hexdigest()
