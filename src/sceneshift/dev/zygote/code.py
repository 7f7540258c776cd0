"""The project's code, compiled from source and kept by the file's identity.

`.pyc` files are keyed by the time of change in whole seconds and the size: of two saves
of one size within a second they serve the first. Here the key is nanoseconds, size and
inode, and nothing is written.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig

from sceneshift.core.blake2 import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

_DATA_SKIPPED = ("/.git/", "/__pycache__/", "/.sceneshift/", "/node_modules/")


class Compiled:
    """One source file as it was read.

    Attributes:
        identity: Time of change in ns, size in bytes, inode.
        digest: BLAKE2b of the source, 16 bytes, hexadecimal.
        code: The code object.
    """

    __slots__ = ("code", "digest", "identity")

    def __init__(
        self, identity: tuple[int, int, int], digest: str, code: CodeType
    ) -> None:
        self.identity = identity
        self.digest = digest
        self.code = code


class CodeCache:
    """Code objects of the project's files; children inherit it by fork."""

    def __init__(self) -> None:
        self._kept: dict[str, Compiled] = {}

    def find(self, path: str) -> Compiled | None:
        """Return what is kept for a file that has not changed since."""
        kept = self._kept.get(path)
        if kept is not None and kept.identity == identify(path):
            return kept
        return None

    def compile(
        self, path: str, source: bytes, identity: tuple[int, int, int]
    ) -> Compiled:
        """Compile a file's bytes and keep the result; raises what `compile` raises.

        Args:
            path: The file.
            source: What was read from it.
            identity: What it was before it was read: of a file that is saved in
                between, old code must not be kept for the new identity.
        """
        code = compile(source, path, "exec", dont_inherit=True)
        kept = Compiled(identity, digest(source), code)
        self._kept[path] = kept
        return kept

    def warm(self, paths: list[str]) -> None:
        """Compile the files that changed; what does not compile is left for later."""
        for path in paths:
            if self.find(path) is None:
                try:
                    identity = identify(path)
                    self.compile(path, read(path), identity)
                except (OSError, SyntaxError, ValueError):
                    self._kept.pop(path, None)


def digest(source: bytes) -> str:
    """Return the digest by which contents are compared."""
    return blake2b(source, digest_size=16).hexdigest()


def read(path: str) -> bytes:
    """Return a file's bytes."""
    with open(path, "rb") as file:
        return file.read()


def identify(path: str) -> tuple[int, int, int]:
    """Return the identity of a file; zeros where it is absent."""
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)


class Territory:
    """Tells the project's files from those of the interpreter and of packages.

    Everything that is neither in the standard library nor in a folder of installed
    packages is the project's, so a library that is installed in editable mode from a
    neighboring folder is too.
    """

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/") + "/"
        # As they are spelled in `__file__`, and as they really are.
        named = _foreign_folders()
        foreign = {*named, *map(os.path.realpath, named)}
        folders = sorted(folder.rstrip("/") + "/" for folder in foreign)
        # A project may lie in its virtual environment, whose packages are named too.
        others = (each for each in folders if not self.root.startswith(each))
        self._foreign = ("<", *others)

    def owns_module(self, path: str) -> bool:
        """Say whether a Python file is the project's."""
        return path.endswith(".py") and not self._is_foreign(path)

    def owns_data(self, path: str) -> bool:
        """Say whether a file that was opened for reading is the project's."""
        return (
            path.startswith(self.root)
            and not self._is_foreign(path)
            and not any(part in path for part in _DATA_SKIPPED)
        )

    def _is_foreign(self, path: str) -> bool:
        return path.startswith(self._foreign)


def _foreign_folders() -> list[str]:
    folders = [*sysconfig.get_paths().values(), os.path.dirname(os.__file__)]
    folders += [*site.getsitepackages(), site.getusersitepackages()]
    # `data` is the prefix itself, `scripts` its bin: a project's own `.venv` lies in
    # the project, but nothing of the project lies in it. /usr may hold projects.
    keep = [folder for folder in folders if folder not in (sys.prefix, sys.base_prefix)]
    if sys.prefix != sys.base_prefix:
        keep.append(sys.prefix)
    return keep
