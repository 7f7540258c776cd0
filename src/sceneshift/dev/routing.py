"""Which processes a changed file concerns.

A Python process reports each file of the project that it imports or opens, with the
digest of what it read. So a save restarts exactly the processes that use the file, and
a save without another content none, without a glob to maintain. Pure: digests come in
through a callable.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.dev.globs import matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Digest = str | None


class Uses(Struct):
    """What one process uses.

    Attributes:
        files: Digest of each file as the newest generation read it.
        written: Files that it writes itself: their changes are its own doing.
        globs: Patterns relative to the root; where they are set, nothing else counts.
        is_broken: Whether its newest code could not start, so that a file which it
            does not know yet may be the missing one.
    """

    files: dict[str, Digest] = {}
    written: set[str] = set()
    globs: tuple[str, ...] | None = None
    is_broken: bool = False


class Router:
    """The uses of all processes."""

    def __init__(self, root: Path, digest: Callable[[Path], Digest]) -> None:
        self._root = root
        self._digest = digest
        self._uses: dict[str, Uses] = {}
        self._seen: dict[str, Digest] = {}

    def add(self, process: str, globs: tuple[str, ...] | None = None) -> None:
        """Know a process."""
        self._uses[process] = Uses(globs=globs)

    def remove(self, process: str) -> None:
        """Know a process no more."""
        del self._uses[process]

    def take_over(self, other: Router) -> None:
        """Know what another one knows of processes, in place of what is known here."""
        self._uses |= other._uses

    def set_globs(self, process: str, globs: tuple[str, ...] | None) -> None:
        """Take other patterns for a process; None means the files that it reports."""
        self._uses[process].globs = globs

    def fall_back(self, process: str, globs: tuple[str, ...]) -> None:
        """Take globs for a process that reports nothing, where it has none."""
        uses = self._uses[process]
        uses.globs = globs if uses.globs is None else uses.globs

    def begin_generation(self, process: str) -> None:
        """Forget what the last generation read: a new one will report anew."""
        self._uses[process].files = {}

    def report(self, process: str, path: str, digest: Digest) -> bool:
        """Take one report of a process: it uses a file.

        What a generation read first counts: one of a server's workers may have
        started later and have read newer code than the others.

        Returns:
            Whether the file was already another when this report came, so that the
            change has been taken for one that concerns nobody.
        """
        uses = self._uses[process]
        if digest == "written":
            uses.written.add(path)
            uses.files.pop(path, None)
            return False
        if path in uses.written or path in uses.files:
            return False
        uses.files[path] = digest or self._digest(Path(path))
        is_news = digest is not None and self._seen.get(path, digest) != digest
        return is_news and self._digest(Path(path)) != digest

    def mark_broken(self, process: str, *, is_broken: bool) -> None:
        """Remember whether the newest code of a process could start."""
        self._uses[process].is_broken = is_broken

    def affected(self, changed: Iterable[Path]) -> dict[str, tuple[Path, ...]]:
        """Return the processes that changed files concern, with these files.

        Args:
            changed: Absolute paths of files that were written, made or deleted.
        """
        digests = {path: self._digest(path) for path in sorted(changed)}
        found = {
            name: tuple(
                path
                for path, digest in digests.items()
                if self._is_hit(uses, path, digest)
            )
            for name, uses in self._uses.items()
        }
        self._seen.update((str(path), digest) for path, digest in digests.items())
        return {name: paths for name, paths in found.items() if paths}

    def _is_hit(self, uses: Uses, path: Path, digest: Digest) -> bool:
        key = str(path)
        if uses.globs is not None:
            is_same = key in self._seen and self._seen[key] == digest
            return not is_same and self._matches(path, uses.globs)
        if key in uses.files:
            return uses.files[key] != digest
        return uses.is_broken and path.suffix == ".py" and self._is_news(key, digest)

    def _is_news(self, key: str, digest: Digest) -> bool:
        return key not in self._seen or self._seen[key] != digest

    def _matches(self, path: Path, globs: tuple[str, ...]) -> bool:
        try:
            relative = path.relative_to(self._root)
        except ValueError:
            return False
        return any(matches(relative, glob) for glob in globs)
