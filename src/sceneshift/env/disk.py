"""The disk that the project is on: room, speed, and whose clock it has."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from sceneshift.core.check import Verdict, fail, ok, warn
from sceneshift.core.paths import StateFolder
from sceneshift.core.wording import describe_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MIB = 1 << 20
_LEAST, _LITTLE = 100 * _MIB, 1024 * _MIB
_SLOW_S = 0.1
_PROBES = 5
_SKEW_S = 2.0  # some file systems keep times to two seconds


def check_room(root: Path, *, least: int = _LEAST, little: int = _LITTLE) -> Verdict:
    """Tell how much room there is for logs, databases and packages.

    Args:
        root: The project's folder.
        least: Bytes below which things fail.
        little: Bytes below which they soon will.
    """
    free = shutil.disk_usage(root).free
    detail = f"{free // _MIB:,} MB are free"
    remedy = "see what takes it: du -xsh * .venv .sceneshift | sort -h"
    if free < least:
        return fail(detail, remedy)
    return warn(detail, remedy) if free < little else ok(detail)


def check_speed(root: Path, *, slow_s: float = _SLOW_S) -> Verdict:
    """Write a block to the disk a few times, each until it is there.

    Args:
        root: The project's folder.
        slow_s: Seconds from which on the disk is slow.
    """
    took_s = []
    with _probe_file(root) as file:
        for _ in range(_PROBES):
            began = time.monotonic()
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
            took_s.append(time.monotonic() - began)
    median_s = sorted(took_s)[_PROBES // 2]
    detail = f"a block is on the disk after {describe_seconds(median_s)}"
    if median_s < slow_s:
        return ok(detail)
    return warn(detail, "move the project to a local disk: databases wait for it")


def check_clock(root: Path, *, most_s: float = _SKEW_S) -> Verdict:
    """Compare the time of a new file with this machine's: a share has its own clock.

    Args:
        root: The project's folder.
        most_s: Seconds by which they may differ.
    """
    with _probe_file(root) as file:
        file.write(b"\0")
        file.flush()
        skew_s = os.fstat(file.fileno()).st_mtime - time.time()
    if abs(skew_s) < most_s:
        return ok("new files have this machine's time")
    detail = f"new files are {abs(skew_s):.0f} s {'ahead' if skew_s > 0 else 'behind'}"
    return fail(detail, "set both clocks: sudo timedatectl set-ntp true")


@contextmanager
def _probe_file(root: Path) -> Iterator[IO[bytes]]:
    """Yield a new file on the project's disk, where nobody watches."""
    with tempfile.TemporaryFile(dir=StateFolder(root).make()) as file:
        yield file
