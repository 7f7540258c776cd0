"""Pausing the stack's processes while a file that they use is waited for too long.

SQLite lets threads of one process read without a gap, past whoever waits to write: the
lock is the process's, and each read that begins before the last one has ended extends
it. Then no patience is enough, and `inv dev` has its processes make the gap.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import BusyError, SceneshiftError
from sceneshift.core.wording import describe_seconds, name_few, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sceneshift.core.client import Client

_PATIENCE_S = 0.5
_GRACE_S = 0.5  # requests that are under way end in it
_ANSWER_S = 2.0
_FEW = 3
_LOOKS, _BETWEEN_S = 5, 0.01
# What who writes has locked in a `-shm`: WALINDEX_LOCK_OFFSET in SQLite's wal.c.
_LOG_WRITER = 120


class Paused(Struct, frozen=True, kw_only=True):
    """Processes that were paused.

    Attributes:
        processes: Their names.
        duration_s: For how long.
    """

    processes: tuple[str, ...]
    duration_s: float

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        took = round(self.duration_s, 3)
        return {"processes": list(self.processes), "duration_s": took}

    def __str__(self) -> str:
        """Say it: "web and worker were paused for 0.3 s"."""
        *others, last = self.processes
        names = f"{', '.join(others)} and {last}" if others else last
        verb = "were" if others else "was"
        return f"{names} {verb} paused for {describe_seconds(self.duration_s)}"


class Pausing:
    """Has those paused who keep a file from being changed.

    Attributes:
        paused: Who was, each time.

    Args:
        root: The checkout whose stack is asked.
        path: The file.
    """

    def __init__(self, root: Path, path: Path) -> None:
        self.paused: list[Paused] = []
        self._root = root
        self._path = path

    @contextmanager
    def waiting(self, *, for_readers: bool) -> Iterator[Callable[[], None]]:
        """Have processes paused until the block ends, where that takes too long.

        They go on as well where this program is killed: the stack sees the end of the
        connection.

        Args:
            for_readers: Whether reading is in the way, too, and not only writing.

        Yields:
            What is to be called when there is nothing to wait for any more.
        """
        over = threading.Event()
        leases: list[_Lease] = []
        thread = threading.Thread(
            target=self._pause_in_time, args=(over, leases, for_readers), daemon=True
        )
        thread.start()
        try:
            yield over.set
        finally:
            over.set()
            thread.join()
            for each in leases:
                each.client.close()
            self._tell(leases)

    def _pause_in_time(
        self,
        over: threading.Event,
        leases: list[_Lease],
        for_readers: bool,  # noqa: FBT001 - a thread's
    ) -> None:
        if over.wait(_PATIENCE_S):
            return
        with suppress(SceneshiftError, OSError):  # it is waited for, as without a stack
            self._pause(leases, self._find(for_readers=for_readers), is_stop=False)
            while not over.wait(_GRACE_S):
                self._pause(leases, self._find(for_readers=for_readers), is_stop=True)

    def _find(self, *, for_readers: bool) -> list[int]:
        """Return the pids of who is in the way.

        Who lets go of a lock and has it again is seen in one of several looks.
        """
        from sceneshift.core.opened import find_locks, find_users  # noqa: PLC0415

        pids = set()
        for _ in range(_LOOKS):
            found = find_locks(self._path)
            if found is None:  # pragma: no cover - macOS
                return find_users(self._path)
            pids |= {one.pid for one in found if one.is_exclusive or for_readers}
            log = find_locks(self._path.with_name(self._path.name + "-shm")) or ()
            writing = [one for one in log if one.is_exclusive]
            pids |= {one.pid for one in writing if one.covers(_LOG_WRITER)}
            time.sleep(_BETWEEN_S)
        return [pid for pid in find_users(self._path) if pid in pids]

    def _pause(self, leases: list[_Lease], pids: list[int], *, is_stop: bool) -> None:
        from sceneshift.core.client import Client  # noqa: PLC0415 - seldom

        client = Client.find(self._root) if pids else None
        if client is None:
            return
        why = f"{self._path.name} is being changed"
        request = {"op": "pause", "pids": pids, "why": why, "is_stop": is_stop}
        try:
            names = client.ask(request, wait_s=_ANSWER_S)["names"]
        except BaseException:
            client.close()
            raise
        lease = _Lease(client=client, names=tuple(names), began_at=time.monotonic())
        leases.append(lease)

    def _tell(self, leases: list[_Lease]) -> None:
        named = [each for each in leases if each.names]
        names = dict.fromkeys(name for each in named for name in each.names)
        if named:
            duration_s = time.monotonic() - named[0].began_at
            paused = Paused(processes=tuple(names), duration_s=duration_s)
            self.paused.append(paused)
            StreamConsole().note(str(paused))

    def explain(self, *, for_readers: bool) -> BusyError:
        """Return what says that a file is in use, and by whom.

        Args:
            for_readers: See `waiting`.
        """
        from sceneshift.core.holders import describe_process  # noqa: PLC0415 - seldom

        pids = self._find(for_readers=for_readers)
        holders = [describe_process(pid, self._root) for pid in pids]
        who = name_few([str(each) for each in holders], _FEW) or "another program"
        first = next(iter(holders), None)
        hint = "stop them: inv dev.stop"
        if first is not None and not first.is_ours:
            hint = f"stop them: kill {first.pid}"
            if first.stack:
                hint = f"stop them: cd {first.stack} && inv dev.stop"
        what = "read" if for_readers else "written to"
        return BusyError(
            f"{quote(self._path.name)} is as it was, for it is being {what} all the "
            f"time by {who}",
            hint=hint,
        )


class _Lease(Struct, frozen=True, kw_only=True):
    """As long as the connection lasts, these are paused."""

    client: Client
    names: tuple[str, ...]
    began_at: float
