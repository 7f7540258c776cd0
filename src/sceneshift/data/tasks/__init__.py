"""`inv data.*`: thin shells over the modules that know each noun."""

from sceneshift.data.tasks.access import create, drop, shell, url, wait
from sceneshift.data.tasks.backups import backup, backups, restore
from sceneshift.data.tasks.schema import check, lint, merge, migrate, new, squash
from sceneshift.data.tasks.states import (
    claim,
    follow,
    reset,
    seed,
    snapshots,
    status,
    undo,
)

__all__ = [
    "backup",
    "backups",
    "check",
    "claim",
    "create",
    "drop",
    "follow",
    "lint",
    "merge",
    "migrate",
    "new",
    "reset",
    "restore",
    "seed",
    "shell",
    "snapshots",
    "squash",
    "status",
    "undo",
    "url",
    "wait",
]
