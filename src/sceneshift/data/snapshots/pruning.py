"""Which snapshots are let go: what nobody has used for long, and what is too much."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sceneshift.data.snapshots.snapshot import Snapshot
    from sceneshift.data.snapshots.store import Store
    from sceneshift.data.system import System

DAYS = 30
BYTES = 2 << 30
_DAY_S = 86400


def prune(
    store: Store,
    system: System,
    *,
    but: str | None = None,
    days: float = DAYS,
    most_bytes: int = BYTES,
) -> list[str]:
    """Let go of the snapshots that are old or too many; return their ids.

    Those that are pinned stay. What is there and nobody knows of goes too: the program
    that made it was killed before it had written that down.

    Args:
        store: What is written down of them.
        system: Where they are.
        but: The one that stays in any case.
        days: For how many days one is kept that nobody uses.
        most_bytes: How much all may have; those go first that were used the longest
            time ago.
    """
    sizes = system.list_snapshots()
    known = {each.id: each for each in store.list_all()}
    gone = [one for one in sizes if one not in known and one != but]
    gone += _choose(known, sizes, store, but=but, days=days, most_bytes=most_bytes)
    for one in gone:
        store.forget(one)  # first: from then on it is not there
        system.forget_snapshot(one)
    return gone


def _choose(  # noqa: PLR0913 - options, each by its name
    known: dict[str, Snapshot],
    sizes: Mapping[str, int],
    store: Store,
    *,
    but: str | None,
    days: float,
    most_bytes: int,
) -> list[str]:
    limit, total, gone = time.time() - days * _DAY_S, 0, []
    used = {one: store.find_last_use(one) for one in known}
    for one in sorted(known, key=lambda each: used[each], reverse=True):
        total += sizes.get(one, 0)
        is_kept = known[one].is_pinned or one == but
        is_there = one in sizes
        if not is_there or (not is_kept and (used[one] < limit or total > most_bytes)):
            gone.append(one)
    return gone
