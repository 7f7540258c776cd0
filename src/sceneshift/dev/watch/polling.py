"""File systems that tell nothing: a thread that looks at them at intervals."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

from sceneshift.core.mounts import SILENT_SYSTEMS, find_file_system
from sceneshift.dev.watch.backend import Backend
from sceneshift.dev.watch.record import Listing, list_folder

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from sceneshift.dev.watch.backend import Sink

_DELAY_S = 0.3


def is_polling_forced(environ: Mapping[str, str]) -> bool | None:
    """Return what WATCHFILES_FORCE_POLLING says; None if nothing.

    Its meaning is that of watchfiles, so that one setting serves all reloaders.
    """
    value = environ.get("WATCHFILES_FORCE_POLLING", "")
    if not value:
        return None
    return value.lower() not in ("false", "disable", "disabled")


def is_silent(folder: str, mounts: str) -> bool:
    """Whether a folder lies in a file system that does not tell of every change.

    Args:
        folder: The folder, absolute.
        mounts: The text of `/proc/self/mounts`, see proc_pid_mounts(5).
    """
    return find_file_system(folder, mounts) in SILENT_SYSTEMS


def delay_s(environ: Mapping[str, str]) -> float:
    """Return the seconds between two looks: WATCHFILES_POLL_DELAY_MS, or 0.3."""
    value = environ.get("WATCHFILES_POLL_DELAY_MS", "")
    return int(value) / 1000 if value.isdecimal() else _DELAY_S


class PollingBackend(Backend):
    """Watches folders by listing them.

    The thread lists and compares, so that a slow network holds up nobody; what
    differs is looked at once more in the loop's thread.

    Args:
        loop: The event loop, in whose thread the sink is told.
        delay_s: Seconds between two looks.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, delay_s: float = _DELAY_S
    ) -> None:
        self._loop = loop
        self._sink: Sink | None = None
        self._delay_s = delay_s
        self._folders: set[str] = set()
        self._seen: dict[str, Listing | None] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="sceneshift-watch", daemon=True
        )

    def watch(self, folder: str) -> bool:
        """Watch a folder; False if it is none."""
        if not os.path.isdir(folder):
            self._folders.discard(folder)
            return False
        self._folders.add(folder)
        return True

    def unwatch(self, folder: str) -> None:
        """Watch a folder no longer, if it was."""
        self._folders.discard(folder)

    def start(self, sink: Sink) -> None:
        """Look from now on; the first look finds what is not as recorded."""
        self._sink = sink
        self._thread.start()

    def close(self) -> None:
        """End the thread and wait for it."""
        self._sink = None
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        """Look at all folders until stopped."""
        while not self._stopped.wait(self._delay_s):
            seen: dict[str, Listing | None] = {}
            # `copy` holds the interpreter's lock; a loop over the set would not.
            for folder in self._folders.copy():
                if self._stopped.is_set():  # pragma: no cover - only on slow disks
                    return
                seen[folder] = list_folder(folder)
            changed = [each for each, now in seen.items() if self._is_new(each, now)]
            self._seen = seen
            if changed:
                with contextlib.suppress(RuntimeError):  # the loop may be gone
                    self._loop.call_soon_threadsafe(self._pass_on, changed)

    def _is_new(self, folder: str, now: Listing | None) -> bool:
        """Whether a folder is not as it was at the last look."""
        return folder not in self._seen or self._seen[folder] != now

    def _pass_on(self, changed: list[str]) -> None:
        """Tell of the folders that changed."""
        sink = self._sink
        if sink is None:
            return
        for folder in changed:
            if os.path.isdir(folder):
                sink.on_folder_changed(folder)
            else:
                sink.on_folder_gone(folder)
