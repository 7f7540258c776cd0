"""Which backups are let go: what is old, and what is too many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.data.backups.archive import check_sum

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sceneshift.core.config import BackupsConfig
    from sceneshift.data.backups.manifest import Manifest
    from sceneshift.data.backups.shelf import Backup, Shelf


def prune(
    shelf: Shelf, limits: BackupsConfig, *, but: Backup | None = None
) -> list[str]:
    """Let go of backups that are old or too many; return their ids.

    Those that are pinned stay, the last good one of each database, and those of which
    nothing is known.

    Args:
        shelf: Where they are; its lock is held, see `Shelf.changing`.
        limits: How long, and how many of a database are kept. What was taken by itself
            is counted apart, so that it pushes out none that a person has asked for.
        but: The one that was just taken, which is good: others of its database alone
            are looked at.

    Raises:
        OSError: One cannot be removed.
    """
    known = [
        each
        for each in shelf.list_all()
        if each.manifest and (but is None or _get_key(each) == _get_key(but))
    ]
    gone = []
    for _, group in groupby(sorted(known, key=_get_key), key=_get_key):
        several = [*group]  # sorting has kept their order
        chosen = [*_choose(several, limits)]
        if not chosen:
            continue
        good = but or next(filter(_is_good, several), None)
        # Where none is, the disk may have a bad day.
        gone += [each for each in chosen if good is not None and each.id != good.id]
    for each in gone:
        shelf.remove(each)
    return [each.id for each in gone]


def _choose(backups: Iterable[Backup], limits: BackupsConfig) -> Iterator[Backup]:
    """Yield what is over the limits, of the backups of a database, newest first."""
    oldest = datetime.now(UTC) - timedelta(days=limits.days)
    counts = {True: 0, False: 0}
    for each in backups:
        manifest = _get(each)
        if each.is_pinned:
            continue
        counts[manifest.is_automatic] += 1
        if manifest.at < oldest or counts[manifest.is_automatic] > limits.keep:
            yield each


def _is_good(backup: Backup) -> bool:
    try:
        check_sum(backup.file, _get(backup))
    except SceneshiftError:
        return False
    return True


def _get_key(backup: Backup) -> str:
    return _get(backup).key


def _get(backup: Backup) -> Manifest:
    assert backup.manifest is not None
    return backup.manifest
