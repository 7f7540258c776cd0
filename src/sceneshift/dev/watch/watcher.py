"""One watcher for a whole project."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args

from sceneshift.core.errors import UsageError
from sceneshift.dev.watch.coalesce import Coalescer
from sceneshift.dev.watch.git import find_repository
from sceneshift.dev.watch.polling import (
    PollingBackend,
    delay_s,
    is_polling_forced,
    is_silent,
)
from sceneshift.dev.watch.territory import Territory

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

    from sceneshift.core.errors import SceneshiftError
    from sceneshift.dev.watch.backend import Backend
    from sceneshift.dev.watch.change import Change, Evidence

BackendName = Literal["auto", "inotify", "portable", "polling"]

_GIT_LOOK_S = 0.01
_MOUNTS = Path("/proc/self/mounts")


class Watcher:
    """Tells of every change in a project that is not ignored.

    Files are told of, folders are not, but for those in a folder of `add_folder`.
    Symbolic links are watched as what they are: nothing behind them is.

    Args:
        root: The project's folder.
        on_changes: Called in the loop with each set of changes, never an empty one.
        loop: The event loop; everything here is called in its thread.
        backend: How the system is asked; `auto` chooses by SCENESHIFT_WATCH,
            WATCHFILES_FORCE_POLLING, the file system and the platform. Or a backend
            that was made for this loop and is closed with the watcher.
        on_trouble: Called with what keeps the watcher from seeing a folder that
            appeared after the start; the loop's exception handler if None.

    Raises:
        SceneshiftError: The system allows no more watchers.
        UsageError: SCENESHIFT_WATCH names no way of watching.
    """

    def __init__(
        self,
        root: Path,
        on_changes: Callable[[frozenset[Change]], None],
        *,
        loop: asyncio.AbstractEventLoop,
        backend: BackendName | Backend = "auto",
        on_trouble: Callable[[SceneshiftError], None] | None = None,
    ) -> None:
        self._root = os.path.realpath(root)
        self._on_changes = on_changes
        self._loop = loop
        self._coalescer = Coalescer()
        self._repository = find_repository(self._root)
        self._timer: asyncio.TimerHandle | None = None
        self._backend = (
            _open(backend, self._root, loop, on_trouble)
            if isinstance(backend, str)
            else backend
        )
        self._territory = Territory(
            self._root,
            self._backend,
            note=self._note,
            discard=self._coalescer.discard,
            stir=self._stir,
        )

    @property
    def folders(self) -> int:
        """How many folders are watched."""
        return self._territory.folders

    def start(self) -> None:
        """Watch; when it returns, every later change is seen.

        Raises:
            SceneshiftError: The system allows no more watched folders.
        """
        self._territory.take_in()
        self._backend.start(self._territory)

    def close(self) -> None:
        """Give everything back; nothing is told any more."""
        self._backend.close()
        if self._timer is not None:
            self._timer.cancel()

    def add_folder(self, path: Path) -> None:
        """Tell also of the entries of one folder, whatever is ignored.

        It need not exist. What is in its folders is not told of.
        """
        self._territory.outside.add_folder(os.path.abspath(path))

    def add_file(self, path: Path) -> None:
        """Tell also of one file, whatever is ignored.

        It need not exist.
        """
        self._territory.outside.add_file(os.path.abspath(path))

    def _note(self, path: str, evidence: Evidence) -> None:
        """Take in that a path may have changed."""
        self._coalescer.note(path, evidence, self._loop.time())
        self._look_in(self._coalescer.quiet_s)

    def _stir(self) -> None:
        """Take in that something happened."""
        self._coalescer.stir(self._loop.time())
        self._look_in(self._coalescer.quiet_s)

    def _look_in(self, seconds: float) -> None:
        """Look whether a set is whole, then or earlier.

        A look that comes too early costs less than to move the timer at each event.
        """
        at = self._loop.time() + seconds
        if self._timer is None:
            self._timer = self._loop.call_at(at, self._look)
        elif self._timer.when() > at:
            self._timer.cancel()
            self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        """Tell of a set if it is whole, and look again if there is more."""
        self._timer = None
        now = self._loop.time()
        if not self._coalescer.is_ready(now):
            self._look_again(now)
        elif self._is_git_busy() and self._coalescer.may_hold(now):
            self._look_in(_GIT_LOOK_S)
        elif self._territory.is_stale:
            self._territory.rescan()
            self._look_again(now)
        else:
            self._tell(self._coalescer.take(now))
            self._look_again(now)

    def _look_again(self, now: float) -> None:
        """Look when the next set may be whole."""
        ready_at = self._coalescer.ready_at()
        if ready_at is not None:
            self._look_in(max(ready_at - now, 0.0))

    def _is_git_busy(self) -> bool:
        """Whether git is changing files at this moment."""
        return self._repository is not None and self._repository.is_busy()

    def _tell(self, batch: dict[str, bool]) -> None:
        """Tell of what became of the paths of a set."""
        changes = frozenset(
            change
            for path, is_written in batch.items()
            if (change := self._territory.settle(path, is_written=is_written))
        )
        if changes:
            self._on_changes(changes)


def choose_backend(root: str, environ: Mapping[str, str]) -> BackendName:
    """Return how the system is best asked about a folder.

    Raises:
        UsageError: SCENESHIFT_WATCH names no way of watching.
    """
    wish = environ.get("SCENESHIFT_WATCH") or "auto"
    if wish not in get_args(BackendName):
        raise UsageError(
            f"SCENESHIFT_WATCH names no way of watching: {wish}",
            hint=f"it is one of {', '.join(get_args(BackendName))}",
        )
    if wish != "auto":
        return cast("BackendName", wish)
    forced = is_polling_forced(environ)
    if forced or (forced is None and is_silent(root, read_mounts(_MOUNTS))):
        return "polling"
    return "inotify" if sys.platform == "linux" else "portable"


def read_mounts(file: Path) -> str:
    """Return the system's table of mounts; empty where it has none."""
    try:
        return file.read_text()
    except OSError:
        return ""


def _open(
    backend: BackendName,
    root: str,
    loop: asyncio.AbstractEventLoop,
    on_trouble: Callable[[SceneshiftError], None] | None,
) -> Backend:
    """Make a backend; each is imported only where it is used."""
    if backend == "auto":
        backend = choose_backend(root, os.environ)
    if backend == "polling":
        return PollingBackend(loop, delay_s=delay_s(os.environ))
    if backend == "portable":
        from sceneshift.dev.watch.portable import PortableBackend  # noqa: PLC0415

        return PortableBackend(loop, root)
    from sceneshift.dev.watch.inotify import InotifyBackend  # noqa: PLC0415

    return InotifyBackend(loop, on_trouble or _reporter(loop))


def _reporter(
    loop: asyncio.AbstractEventLoop,
) -> Callable[[SceneshiftError], None]:
    """Return what passes an error to the loop's exception handler."""

    def report(error: SceneshiftError) -> None:
        loop.call_exception_handler({"message": error.message, "exception": error})

    return report
