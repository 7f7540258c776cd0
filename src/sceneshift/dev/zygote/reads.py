"""Which environment variables are read while modules are imported ahead.

What an import computes from a variable stays as it is. So a child may be given another
value of one only where no import has read it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import Any

_SPAWNS = frozenset(
    {"os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen"}
)
# Where the variables that it is given stand among an event's arguments.
_GIVEN_AT = {"os.posix_spawn": 2, "subprocess.Popen": 3}
_PACKAGES = ("site-packages", "dist-packages")
_CUSTOM = frozenset({"sitecustomize", "usercustomize"})
# What asks at Python's start for variables of its own only: setuptools', coverage's.
_KNOWN = frozenset({"_distutils_hack", "coverage"})
# Keeps a copy for the requests of Django's `runserver`, hypercorn and its own server.
_COPIES = "wsgiref.handlers"
_LOOKS = re.compile(rb"environ|getenv")
_QUOTED = re.compile(rb"""['"](\w+)['"]""")


class Reads:
    """What was read.

    Attributes:
        names: The variables that were asked for, whether they are set or not, or set.
        is_all: Whether all of them were looked at, or a process was started that could.
        is_watching: Whether imports are under way.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.is_all = False
        self.is_watching = False

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Note what is read from `os.environ` and `os.environb` meanwhile."""
        watched = _make_watched(self)
        places = [os.environ, os.environb]
        kinds = [type(place) for place in places]
        if not all(issubclass(kind, os._Environ) for kind in kinds):  # noqa: SLF001
            self.note_all()  # an import before has put something else there
            yield
            return
        for place in places:
            place.__class__ = watched  # whoever has imported the name has it too
        self.is_watching = True
        try:
            yield
        finally:
            self.is_watching = False
            for place, kind in zip(places, kinds, strict=True):
                place.__class__ = kind
            if os.environ is not places[0]:
                self.note_all()  # nobody saw what was read from another

    def note(self, name: str | bytes) -> None:
        """Know that a variable was asked for."""
        self.names.add(os.fsdecode(name))

    def note_all(self) -> None:
        """Know that all variables were looked at."""
        self.is_all = True

    def look_back(self) -> None:
        """Note what may have been read before anybody watched, at Python's start."""
        for path in _find_early():
            if _LOOKS.search(_read(path)):
                self.note_all()
        for folder in sys.path:
            if folder.endswith(_PACKAGES):
                self._look_into(folder)

    def _look_into(self, folder: str) -> None:
        """Note what the lines of `.pth` files have read that are code."""
        try:
            paths = [os.path.join(folder, name) for name in os.listdir(folder)]
        except OSError:
            return
        for path in paths:
            lines = _read(path).splitlines() if path.endswith(".pth") else []
            for line in lines:
                if line.startswith(b"import") and _LOOKS.search(line):
                    self.names.update(map(os.fsdecode, _QUOTED.findall(line)))

    def see(self, event: str, args: tuple[Any, ...]) -> None:
        """Hear of an audit event: a process that is started inherits all.

        One that is given variables has what was asked for to give it: so it is with
        `ldconfig`, by which `ctypes.util.find_library` and with it psycopg find theirs.
        """
        if self.is_watching and event in _SPAWNS:
            at = _GIVEN_AT.get(event)
            self.is_all |= at is None or args[at] is None

    def as_json(self) -> list[str] | None:
        """Return the names in order; None means all there are."""
        return None if self.is_all else sorted(self.names)


def import_copying(names: Collection[str]) -> None:
    """Import what copies all variables, if it is to be, while nobody watches."""
    if _COPIES in names:
        importlib.import_module(_COPIES)


def renew_copies() -> None:
    """Have it copy them again: they are others in this process."""
    module: Any = sys.modules.get(_COPIES)
    if module is not None:
        module.BaseHandler.os_environ = module.read_environ()


def _make_watched(reads: Reads) -> type[os._Environ[str]]:
    # A class with a base that stands in for another must have the same layout: no
    # attribute of its own.
    class Watched(os._Environ):  # type: ignore[type-arg]  # noqa: SLF001 - the mapping
        def __getitem__(self, key: str) -> str:
            reads.note(key)
            value: str = super().__getitem__(key)
            return value

        def __setitem__(self, key: str, value: str) -> None:
            reads.note(key)  # whose value would be ours, whatever an import wants
            super().__setitem__(key, value)

        def __delitem__(self, key: str) -> None:
            reads.note(key)
            super().__delitem__(key)

        def __iter__(self) -> Iterator[str]:
            reads.note_all()
            return super().__iter__()

        def __len__(self) -> int:
            reads.note_all()
            return super().__len__()

        def __reduce_ex__(self, protocol: Any) -> Any:
            reads.note_all()  # who copies it, not by its own `copy`
            return super().__reduce_ex__(protocol)

    return Watched


def _find_early() -> list[str]:
    """Return the files of what is loaded that is neither Python's own nor ours."""
    library, ours = os.path.dirname(os.__file__), __name__.partition(".")[0]
    found = []
    for name, module in tuple(sys.modules.items()):
        path = getattr(module, "__file__", None)
        top = name.partition(".")[0]
        if path is None or top in _KNOWN or top in {ours, "__main__"}:
            continue
        is_python = path.startswith(library) and not any(p in path for p in _PACKAGES)
        if top in _CUSTOM or not is_python:
            found.append(path)
    return found


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
