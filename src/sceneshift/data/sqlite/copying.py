"""Copying a SQLite file that others may have open.

A file that is copied as such is no database where it is being written, and lacks what
is in its `-wal`: https://www.sqlite.org/howtocorrupt.html#_backup_or_restore_while_a_transaction_is_active
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import sync
from sceneshift.data.sqlite.files import SIDECARS, list_sidecars, remove

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BUSY_S = 30.0
_DRAFT = "new-"
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EMLINK)


def copy_sqlite(origin: Path, target: Path, *, busy_s: float = BUSY_S) -> None:
    """Make a file that is a copy of another, whole or not at all.

    What is there by then stays as it is. Whoever calls it holds a lock: drafts that
    lie about are of those that were killed, and are removed.

    Args:
        origin: A database, which may be in use.
        target: Where the copy is to be; its folder is made.
        busy_s: Seconds that others may keep the origin locked.

    Raises:
        SceneshiftError: It cannot be read or written; nothing is left.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep_drafts(target)
        _copy(origin, target, busy_s)
    except sqlite3.Error as exc:
        raise SceneshiftError(
            f"{origin} cannot be copied: {exc}", hint="is it a database of SQLite?"
        ) from exc
    except OSError as exc:
        raise SceneshiftError(
            f"{exc.filename or target}: {(exc.strerror or '').lower()}",
            hint=f"is there room, and are the folders yours? ls -ld {target.parent}",
        ) from exc


def sweep_drafts(target: Path) -> None:
    """Remove what a copy that was killed has left."""
    # As a whole: `.new-…-dev.db` is not of `dev`, nor `.new-…-my-dev.db` of `dev.db`.
    name = rf"\.{_DRAFT}[0-9a-f]{{8}}-{re.escape(target.name)}"
    ours = re.compile(rf"{name}(?:{'|'.join(SIDECARS)})?")
    for path in target.parent.glob(f".{_DRAFT}*"):
        if ours.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _copy(origin: Path, target: Path, busy_s: float) -> None:
    draft = target.with_name(f".{_DRAFT}{secrets.token_hex(4)}-{target.name}")
    try:
        # For its owner's eyes only, from the first byte on.
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        back_up(origin, draft, busy_s)
        draft.chmod(origin.stat().st_mode & 0o777)
        sync(draft)
        _give_name(draft, target)
        sync(target.parent)
    finally:
        remove(draft)


def back_up(origin: Path, draft: Path, busy_s: float = BUSY_S) -> None:
    """Copy a database that others may write to into a file that is there.

    Args:
        origin: The database.
        draft: The file, empty or a database.
        busy_s: See `copy_sqlite`.

    Raises:
        sqlite3.Error: It cannot be read or written.
    """
    # Not `mode=ro`: a database with a WAL needs its `-shm`, which may have to be made.
    address = f"{origin.absolute().as_uri()}?mode=rw"
    with (
        closing(sqlite3.connect(address, uri=True)) as source,
        closing(sqlite3.connect(draft)) as copy,
    ):
        # In one step: one that yields to writers begins anew after each of them.
        source.backup(copy, pages=-1, progress=_give_up_after(busy_s), sleep=0.05)


def _give_up_after(busy_s: float) -> Callable[[int, int, int], None]:
    """Return what ends a backup that waits for a lock for too long."""
    end = time.monotonic() + busy_s

    def check(status: int, _remaining: int, _total: int) -> None:
        is_waiting = status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        if is_waiting and time.monotonic() > end:
            raise sqlite3.OperationalError(f"it is locked for {busy_s:g} s")

    return check


def _give_name(draft: Path, target: Path) -> None:
    """Let the draft be the target, unless somebody has made one."""
    with contextlib.suppress(FileExistsError):
        if not os.path.lexists(target):
            # Of a database that was removed: it would be played into this one.
            for each in list_sidecars(target):
                each.unlink(missing_ok=True)
        try:
            os.link(draft, target)
        except OSError as exc:
            if exc.errno not in _NO_LINKS or os.path.lexists(target):
                raise
            draft.rename(target)  # a file system without links: exFAT
