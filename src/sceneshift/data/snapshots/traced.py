"""What a build has read, and whether all of that is still the same.

A file that was imported counts like one that was opened; one that was looked for in
vain counts as missing. What the system and installed packages have is told by the
packages' versions.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.blake2 import digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

_SYSTEM = ("/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sys", "/usr", "/var")
_OTHERS = frozenset(
    {".git", ".sceneshift", ".venv", "__pycache__", "node_modules", "site-packages"}
)
# SQLAlchemy gives names to constraints by it, in all migrations at once.
_CONVENTION = b"naming_convention"


class Trace(Struct, frozen=True, kw_only=True):
    """What the program has written down; see `tracing.Trace`."""

    files: tuple[str, ...]
    folders: tuple[str, ...]
    names: tuple[str, ...] | None
    addresses: tuple[str, ...]
    prefixes: tuple[str, ...]
    packages: tuple[str, ...]


class Inputs(Struct, frozen=True, kw_only=True):
    """What a state was made from, besides migrations and datasets.

    Attributes:
        files: Digest by path, relative to the project where it is in that; None of one
            that was not there.
        conventions: Those of them that may name constraints.
        folders: Digest of the names in each folder that was listed.
        variables: Digest of each variable that was read; None of one that was not set.
        packages: Folders that an upgrade of a package replaces.
    """

    files: dict[str, str | None] = {}
    conventions: tuple[str, ...] = ()
    folders: dict[str, str | None] = {}
    variables: dict[str, str | None] = {}
    packages: tuple[str, ...] = ()

    def are_same(self, root: Path, values: Mapping[str, str]) -> bool:
        """Tell whether a build would read the same.

        Args:
            root: The project's folder.
            values: The variables that it would have.
        """
        return (
            all(digest_file(root / path) == known for path, known in self.files.items())
            and all(
                _digest_folder(root / path) == known
                for path, known in self.folders.items()
            )
            and self._are_around(values)
        )

    def without_modules(self) -> Inputs:
        """Return what migrations that import nothing of the project have read.

        What env.py imports is for comparisons, but for the names that it may give.
        """
        files = {
            path: known
            for path, known in self.files.items()
            if not path.endswith(".py") or path in self.conventions
        }
        return replace(self, files=files)

    def _are_around(self, values: Mapping[str, str]) -> bool:
        return all(map(os.path.exists, self.packages)) and all(
            _digest_variable(name, values) == known
            for name, known in self.variables.items()
        )

    def __or__(self, other: Inputs) -> Inputs:
        """Return what two programs have read that ran one after the other."""
        return Inputs(
            files={**self.files, **other.files},
            conventions=tuple({*self.conventions, *other.conventions}),
            folders={**self.folders, **other.folders},
            variables={**self.variables, **other.variables},
            packages=tuple({*self.packages, *other.packages}),
        )


def read_prelude() -> str:
    """Return what is to stand before a program that is traced."""
    text = Path(__file__).with_name("tracing.py").read_text(encoding="utf-8")
    return f"exec(compile({text!r}, 'tracing', 'exec'), {{'__name__': '__main__'}})\n"


def read_trace(path: Path) -> Trace:
    """Read what a program has written down.

    Raises:
        OSError: It was ended before it could.
    """
    return msgspec.json.decode(path.read_bytes(), type=Trace)


def take_inputs(
    trace: Trace,
    root: Path,
    values: Mapping[str, str],
    *,
    names: Collection[str],
    known: Collection[Path] = (),
) -> Inputs:
    """Return what a program has read, with digests of how it is now.

    Args:
        trace: What it has read.
        root: The project's folder.
        values: The variables that it had.
        names: Those of them that can matter: not the terminal's.
        known: Files and folders that are looked at by other means.
    """
    counting = _Counting(root, trace.prefixes, known)
    files = {
        _relate(path, root): digest_file(path) for path in counting.choose(trace.files)
    }
    folders = {
        _relate(path, root): _digest_folder(path)
        for path in counting.choose(trace.folders)
    }
    read = names if trace.names is None else {*names}.intersection(trace.names)
    return Inputs(
        files=files,
        conventions=tuple(path for path in files if _may_name(root / path)),
        folders=folders,
        variables={name: _digest_variable(name, values) for name in sorted(read)},
        packages=trace.packages,
    )


class _Counting:
    """Tells whether a path is somebody's work, and not the system's or a package's.

    By texts: a program reads a thousand files, and a `Path` of each takes 14 ms.
    """

    def __init__(
        self, root: Path, prefixes: Iterable[str], known: Iterable[Path]
    ) -> None:
        self._root = _end(root)
        self._known = tuple(map(_end, known))
        self._others = tuple(map(_end, (*prefixes, *_SYSTEM, tempfile.gettempdir())))

    def choose(self, paths: Iterable[str]) -> Iterator[Path]:
        """Yield the paths that count and are not looked at by other means."""
        for path in paths:
            ended = _end(path)  # a folder is within itself
            if self._counts(ended) and not ended.startswith(self._known):
                yield Path(path)

    def _counts(self, path: str) -> bool:
        if path.startswith(self._root):
            parts = path[len(self._root) :].split(os.sep)  # noqa: PTH206 - see above
            return _OTHERS.isdisjoint(parts)
        return not path.startswith(self._others)


def _end(path: Path | str) -> str:
    """Return a path as all begin that are within it."""
    return os.path.join(path, "")  # noqa: PTH118 - the root has its slash already


def _relate(path: Path, root: Path) -> str:
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def digest_file(path: Path) -> str | None:
    """Return what stands for the content of a file; None where there is none."""
    try:
        return digest(path.read_bytes())
    except OSError:
        return None


def _digest_folder(path: Path) -> str | None:
    try:
        names = sorted(_list_names(path))
    except OSError:
        return None
    return digest(b"\0".join(names))


def _list_names(path: Path) -> Iterator[bytes]:
    for name in os.listdir(path):  # noqa: PTH208 - names, not paths
        if name not in _OTHERS:
            yield os.fsencode(name)


def _digest_variable(name: str, values: Mapping[str, str]) -> str | None:
    value = values.get(name)
    return None if value is None else digest(os.fsencode(value))


def _may_name(path: Path) -> bool:
    try:
        return _CONVENTION in path.read_bytes()
    except OSError:
        return False
