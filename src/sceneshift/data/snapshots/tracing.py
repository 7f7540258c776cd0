"""What a program reads while it builds a database.

Its text runs at the beginning of that program, in the project's own interpreter, where
nothing of ours may be installed: it imports the standard library alone.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from importlib.util import source_from_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

VARIABLE = "SCENESHIFT_TRACE"
# They list each folder of `sys.path`: what they find there, they open.
_FINDERS = ("<frozen importlib._bootstrap_external>", "importlib/metadata/__init__.py")
# Alembic looks for its own table in there, each time; see `Recipe.settings`.
_OWN = ("pyproject.toml", os.path.join("alembic", "config.py"))  # noqa: PTH118
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Trace:
    """What was read so far.

    Attributes:
        files: That were opened, or looked for in vain.
        folders: Whose entries were listed.
        names: Variables that were asked for.
        is_all: Whether all variables were.
        addresses: Where it has connected to.
        is_over: Whether what is read now is read for this.
    """

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.folders: set[str] = set()
        self.names: set[str] = set()
        self.is_all = False
        self.addresses: set[str] = set()
        self.is_over = False

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """Take an event of the interpreter; `sys.addaudithook`'s callback."""
        if self.is_over:
            return
        if event == "open":
            self._see_open(*args)
        elif event in {"os.listdir", "os.scandir"}:
            caller = sys._getframe(1).f_code.co_filename  # noqa: SLF001
            if not caller.endswith(_FINDERS):
                self._see_folder(args[0])
        elif event == "socket.connect":
            self.addresses.add(str(args[1]))

    def _see_open(self, path: Any, _mode: Any, flags: int) -> None:
        if not isinstance(path, str | bytes) or flags & _WRITING:
            return
        name = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - as it is now
        if name.endswith(".pyc"):
            try:
                name = source_from_cache(name)
            except ValueError:
                return  # a module without a source
        if not (name.endswith(_OWN[0]) and _is_called_by(_OWN[1])):
            self.files.add(name)

    def _see_folder(self, path: Any) -> None:
        if path is None or isinstance(path, str | bytes):
            self.folders.add(os.path.abspath(os.fsdecode(path or ".")))  # noqa: PTH100

    def watch_variables(self) -> None:
        """Know of each look at `os.environ`."""
        kind: Any = type(os.environ)
        get, iterate = kind.__getitem__, kind.__iter__

        def seen(own: Any, name: str) -> Any:
            self.names.add(name)
            return get(own, name)

        def all_seen(own: Any) -> Iterator[str]:
            self.is_all = True
            return iterate(own)  # type: ignore[no-any-return]

        kind.__getitem__, kind.__iter__ = seen, all_seen

    def write(self, path: str) -> None:
        """Write it down for who asked."""
        self.is_over = True
        names = None if self.is_all else sorted(self.names)
        found = {
            "files": sorted(self.files),
            "folders": sorted(self.folders),
            "names": names,
            "addresses": sorted(self.addresses),
            "prefixes": sorted({sys.prefix, sys.base_prefix, sys.exec_prefix}),
            "packages": sorted(_list_packages()),
        }
        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
            json.dump(found, file)


def _is_called_by(name: str) -> bool:
    frame = sys._getframe(2)  # noqa: SLF001 - no other way to know
    while frame is not None:
        if frame.f_code.co_filename.endswith(name):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def _list_packages() -> set[str]:
    """Return the folders that describe the installed packages that were imported.

    By their names, as far as these tell: `importlib.metadata` parses the description of
    each package for that.
    """
    loaded = {name.partition(".")[0] for name in list(sys.modules)}
    return {
        folder
        for folder, name in _list_installed()
        if not loaded.isdisjoint((name, name.lower()))
        or not loaded.isdisjoint(_read_modules(folder))
    }


def _list_installed() -> Iterator[tuple[str, str]]:
    for place in sys.path:
        try:
            entries = os.listdir(place or ".")  # noqa: PTH208 - names, not paths
        except OSError:  # it is not there, or an archive
            continue
        for entry in entries:
            stem, kind = os.path.splitext(entry)  # noqa: PTH122
            if kind in {".dist-info", ".egg-info"}:
                name = stem.partition("-")[0].replace(".", "_")
                yield os.path.abspath(os.path.join(place, entry)), name  # noqa: PTH100, PTH118


def _read_modules(folder: str) -> list[str]:
    """Return the modules of a package, where that says so."""
    try:
        with open(f"{folder}/top_level.txt", encoding="utf-8") as file:  # noqa: PTH123
            return file.read().split()
    except OSError:
        return []


def begin() -> None:
    """Trace this program to its end, if it was started for that."""
    path = os.environ.pop(VARIABLE, None)
    if path is not None:
        trace = Trace()
        sys.addaudithook(trace.audit)
        trace.watch_variables()
        atexit.register(trace.write, path)


if __name__ == "__main__":
    begin()
