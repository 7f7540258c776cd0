"""Data of a backup in a file: compressed, and known by its checksum."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from msgspec import Struct

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sceneshift.data.backups.manifest import Manifest

_CHUNK = 1 << 20
_LEVEL = 3  # the library's own choice: as fast as most disks
_OPTIONS: dict[int, int] = {
    zstd.CompressionParameter.compression_level: _LEVEL,
    zstd.CompressionParameter.checksum_flag: 1,
}
MAGIC = b"\x28\xb5\x2f\xfd"  # of RFC 8878


class Readable(Protocol):
    """What gives bytes, as files and pipes do."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many; none at the end."""


class Packed(Struct, frozen=True, kw_only=True):
    """A file with compressed data.

    Attributes:
        size_bytes: Its size.
        sha256: Its checksum.
        raw_bytes: The size of the data.
        raw_sha256: The checksum of that.
    """

    size_bytes: int
    sha256: str
    raw_bytes: int
    raw_sha256: str


class _Chunks(io.RawIOBase):
    """A file of chunks that are made while it is read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._left = b""

    def readable(self) -> bool:
        """Tell that it is to be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, as `io.RawIOBase` has it."""
        view = memoryview(buffer)
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = chunk
        size = min(len(view), len(self._left))
        view[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def open_chunks(chunks: Iterable[bytes]) -> IO[bytes]:
    """Return a file of what comes in chunks."""
    return cast("IO[bytes]", io.BufferedReader(_Chunks(chunks)))


def pack(source: Readable, path: Path) -> Packed:
    """Compress data into a new file that is its owner's alone, and is on the disk.

    Raises:
        OSError: It cannot be written.
    """
    compressor = zstd.ZstdCompressor(options=_OPTIONS)
    whole, raw, size = hashlib.sha256(), hashlib.sha256(), 0
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb", buffering=0) as file:

        def write(data: bytes) -> None:
            whole.update(data)
            while data:  # unbuffered: a part of it may be written
                data = data[file.write(data) :]

        while chunk := source.read(_CHUNK):
            raw.update(chunk)
            size += len(chunk)
            write(compressor.compress(chunk))
        write(compressor.flush())
        os.fsync(file.fileno())
        end = file.tell()
    return Packed(
        size_bytes=end,
        sha256=whole.hexdigest(),
        raw_bytes=size,
        raw_sha256=raw.hexdigest(),
    )


def unpack(path: Path, raw_sha256: str | None = None) -> Iterator[bytes]:
    """Yield the data of a file.

    Args:
        path: The file.
        raw_sha256: What the data is known by; None where that is not known.

    Raises:
        SceneshiftError: It is damaged; then what was yielded is nothing.
        OSError: It cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with zstd.ZstdFile(path) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                yield chunk
    except (zstd.ZstdError, EOFError) as error:
        raise _damaged(path, str(error)) from error
    if raw_sha256 not in {None, digest.hexdigest()}:
        raise _damaged(path, "its data is not what was written")


def is_whole(path: Path, packed: Packed) -> bool:
    """Tell whether a file is the one that was written."""
    with contextlib.suppress(OSError):
        if path.stat().st_size == packed.size_bytes:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            return found == packed.sha256
    return False


def check_sum(path: Path, manifest: Manifest) -> None:
    """Make sure that a file is the one that a manifest is about.

    Raises:
        SceneshiftError: It is not there, or is another.
    """
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SceneshiftError(
            f"the data of {quote(manifest.id)} cannot be read: {path}: "
            f"{(error.strerror or '').lower()}",
            hint="copy a backup with all that is in its folder",
        ) from error
    if found != manifest.sha256:
        raise _damaged(path, "its checksum is not that of the manifest")


def _damaged(path: Path, reason: str) -> SceneshiftError:
    return SceneshiftError(
        f"{path} is damaged: {reason}",
        hint="take another one, or copy it once more: inv data.backups",
    )
