"""One watcher for a whole project: pruned, coalescing, never losing a change."""

from sceneshift.dev.watch.change import Change, ChangeKind
from sceneshift.dev.watch.content import digest
from sceneshift.dev.watch.watcher import Watcher

__all__ = ["Change", "ChangeKind", "Watcher", "digest"]
