"""Every system: watchfiles, in a thread that wakes the event loop.

What had to be known of watchfiles: it watches what existed when it was made, so more
folders need another one; it has no word for a lost event; a path that is no UTF-8
ends it; the files are looked at anew after each of these. It calls `is_set` of its
stop event for the first time when its watches are in place.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING

from sceneshift.dev.watch.backend import Backend
from sceneshift.dev.watch.change import Evidence

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from sceneshift.dev.watch.backend import Sink

_STEP_MS = 5
_DEBOUNCE_MS = 50
# So that a new tree of folders costs one new watcher, not one for each of them.
_REBUILD_AFTER_S = 0.01
_RETRY_AFTER_S = 0.2
# Where so much happens at once, the system may have lost some of it.
_FLOOD = 1024
_START_LIMIT_S = 30.0

# FSEvents and ReadDirectoryChangesW watch what is below a folder at the price of one;
# one watch a folder, as elsewhere, would take them seconds.
IS_RECURSIVE = sys.platform in ("darwin", "win32")


class Listener(threading.Thread):
    """Waits for changes in a fixed set of folders.

    Args:
        folders: What is watched.
        is_recursive: Whether what is below them is watched too.
        on_ready: Called once, in this thread, when the watches are in place.
        on_changes: Called in this thread with pairs of `watchfiles.Change` as a
            number and path; with None when it can watch no longer.
    """

    def __init__(
        self,
        folders: Iterable[str],
        *,
        is_recursive: bool,
        on_ready: Callable[[Listener], None],
        on_changes: Callable[[set[tuple[int, str]] | None], None],
    ) -> None:
        super().__init__(name="sceneshift-watch", daemon=True)
        self._folders = [folder for folder in folders if os.path.isdir(folder)]
        self._is_recursive = is_recursive
        self._on_ready = on_ready
        self._on_changes = on_changes
        self._is_stopped = False
        self.is_ready = threading.Event()

    def stop(self) -> None:
        """End soon, within one step."""
        self._is_stopped = True

    def is_set(self) -> bool:
        """Be watchfiles' stop event, and learn that its watches are in place."""
        if not self.is_ready.is_set():
            self.is_ready.set()
            self._on_ready(self)
        return self._is_stopped

    def run(self) -> None:
        """Pass changes on until stopped."""
        try:
            self._listen()
        except Exception:  # noqa: BLE001 - whatever it is, another one is made
            self._on_changes(None)
        self.is_ready.set()

    def _listen(self) -> None:
        """Run watchfiles."""
        from watchfiles import watch  # noqa: PLC0415 - slow, and not needed on Linux

        for changes in watch(
            *self._folders,
            watch_filter=None,
            debounce=_DEBOUNCE_MS,
            step=_STEP_MS,
            stop_event=self,
            # A time-out would drop what came in at that moment.
            rust_timeout=0,
            raise_interrupt=False,
            # Its polling compares whole seconds and misses the second save in one.
            force_polling=False,
            recursive=self._is_recursive,
            ignore_permission_denied=True,
        ):
            self._on_changes({(int(kind), path) for kind, path in changes})


class PortableBackend(Backend):
    """Watches folders by watchfiles.

    Args:
        loop: The event loop, in whose thread the sink is told.
        root: The project's folder.
        is_recursive: Whether the tree is watched by its root alone.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        root: str,
        *,
        is_recursive: bool = IS_RECURSIVE,
    ) -> None:
        self._loop = loop
        self._sink: Sink | None = None
        self._root = root
        self._is_recursive = is_recursive
        self._folders: set[str] = set()
        self._listeners: list[Listener] = []
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, folder: str) -> bool:
        """Watch a folder; False if it is none."""
        if not os.path.isdir(folder):
            self._folders.discard(folder)
            return False
        if folder not in self._folders:
            self._folders.add(folder)
            if self._sink is not None and not self._is_below_root(folder):
                self._rebuild_in(_REBUILD_AFTER_S)
        return True

    def unwatch(self, folder: str) -> None:
        """Report a folder no longer; its watch goes with the next listener."""
        self._folders.discard(folder)

    def start(self, sink: Sink) -> None:
        """Return when a listener is at work; what happened meanwhile is looked for."""
        self._sink = sink
        self._rebuild().is_ready.wait(_START_LIMIT_S)

    def close(self) -> None:
        """End the threads and wait for them."""
        self._sink = None
        if self._timer is not None:
            self._timer.cancel()
        for listener in self._listeners:
            listener.stop()
        for listener in self._listeners:
            listener.join()
        self._listeners.clear()

    def _is_below_root(self, folder: str) -> bool:
        """Whether the listener sees a folder because it sees the root."""
        return self._is_recursive and f"{folder}/".startswith(f"{self._root}/")

    def _rebuild_in(self, seconds: float) -> None:
        """Make another listener soon, unless that is planned already."""
        if self._timer is None:
            self._timer = self._loop.call_later(seconds, self._rebuild)

    def _rebuild(self) -> Listener:
        """Make a listener for the folders that are wanted now."""
        self._timer = None
        folders = [each for each in self._folders if not self._is_below_root(each)]
        if self._is_recursive:
            folders.append(self._root)
        listener = Listener(
            folders,
            is_recursive=self._is_recursive,
            on_ready=lambda listener: self._wake(self._on_ready, listener),
            on_changes=lambda changes: self._wake(self._on_changes, changes),
        )
        self._listeners.append(listener)
        listener.start()
        return listener

    def _wake(self, call: Callable[..., None], *values: object) -> None:
        """Call something in the loop's thread; the loop may be gone."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, *values)

    def _on_ready(self, listener: Listener) -> None:
        """Let a listener take over from those before it."""
        if self._sink is None or listener not in self._listeners:
            return
        at = self._listeners.index(listener)
        for older in self._listeners[:at]:
            older.stop()
        self._listeners = [
            each
            for each in self._listeners
            if each.is_alive() or each in self._listeners[at:]
        ]
        # Between two listeners something may have happened that neither saw.
        self._sink.on_lost()

    def _on_changes(self, changes: set[tuple[int, str]] | None) -> None:
        """Pass a batch on; it has no order, so what is gone comes first."""
        if self._sink is None:
            return
        if changes is None:
            self._rebuild_in(_RETRY_AFTER_S)
            return
        if len(changes) >= _FLOOD:
            self._sink.on_lost()
        for kind, path in sorted(changes, reverse=True):
            self._pass_on(self._sink, kind, path)

    def _pass_on(self, sink: Sink, kind: int, path: str) -> None:
        """Tell of one change: 1 is added, 2 modified, 3 deleted."""
        is_folder = os.path.isdir(path) and not os.path.islink(path)
        if kind == 3 and path in self._folders:
            sink.on_folder_gone(path)
        elif path.rpartition("/")[0] not in self._folders:
            return
        elif kind == 3:
            sink.on_entry(path, Evidence.GONE, is_folder=False)
        elif not is_folder:
            sink.on_entry(path, Evidence.WRITTEN, is_folder=False)
        elif kind == 1 or path not in self._folders:
            sink.on_entry(path, Evidence.APPEARED, is_folder=True)
