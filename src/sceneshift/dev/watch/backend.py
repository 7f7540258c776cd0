"""The seam between what the system reports and what is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sceneshift.dev.watch.change import Evidence


class Sink(Protocol):
    """Takes what a backend sees; called in the event loop's thread only."""

    def on_entry(self, path: str, evidence: Evidence, *, is_folder: bool) -> None:
        """Take in that something happened to an entry of a watched folder."""
        ...

    def on_folder_gone(self, path: str) -> None:
        """Take in that a folder was removed, renamed or replaced."""
        ...

    def on_folder_changed(self, folder: str) -> None:
        """Take in that entries of a folder are not as they were, not saying which."""
        ...

    def on_lost(self) -> None:
        """Take in that events were lost, nobody knows which."""
        ...


class Backend(Protocol):
    """Sees what happens to the entries of single folders."""

    def watch(self, folder: str) -> bool:
        """Watch a folder, without what is below its folders; False if it is none.

        Watching again is harmless, and needed where another folder took the name.
        """
        ...

    def unwatch(self, folder: str) -> None:
        """Watch a folder no longer, if it was."""
        ...

    def start(self, sink: Sink) -> None:
        """Report from now on; every later event in the watched folders is seen."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...
