"""States that are let go, until it is known that nothing is lost with them.

What can be taken back has an end, and what was there before may have rows that nobody
can make again. So a state is not removed with its change: that is written down as
parted with, and what nobody has to wait for is done by a program of its own, after the
command. It takes a backup where that is needed, and removes the state then.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from sceneshift.core.paths import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sceneshift.data.target import Target

PARTED = "parted"  # the folder
_PROBLEM = "problem"
_PROGRAM = "sceneshift.data.backups.parted"


class Order(Struct, frozen=True, kw_only=True):
    """What the program is told.

    Attributes:
        environment: Name of an environment.
        databases: Names of its databases.
    """

    environment: str
    databases: tuple[str, ...]


def part_with(written: Path) -> None:
    """Have a change be no more one that can be taken back; its states stay.

    Args:
        written: Where it is written down, in the folder of such.

    Raises:
        OSError: That cannot be written.
    """
    folder = written.parent.with_name(PARTED)
    folder.mkdir(mode=0o700, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        written.rename(folder / written.name)


def list_parted(target: Target) -> list[Path]:
    """Return where changes are written down that were parted with, the oldest first."""
    return sorted((target.folder / PARTED).glob("*.json"))


def find_problem(target: Target) -> str | None:
    """Return why states that were parted with are still there; None where they go."""
    try:
        return (target.folder / PARTED / _PROBLEM).read_text(encoding="utf-8")
    except OSError:
        return None


def note_problem(target: Target, problem: str | None) -> None:
    """Have the next status tell why.

    Raises:
        OSError: It cannot be written.
    """
    path = target.make_folder(PARTED) / _PROBLEM
    if problem is None:
        path.unlink(missing_ok=True)
    else:
        write_whole(path, problem)


def start_parting(targets: Iterable[Target]) -> None:
    """Have all of them looked at by a program that goes on after this one.

    Where it is killed, the next one goes on.

    Args:
        targets: Databases of one environment, whose locks are not held.
    """
    waiting = [each for each in targets if list_parted(each)]
    if not waiting:
        return
    order = Order(
        environment=waiting[0].environment,
        databases=tuple(each.database.name for each in waiting),
    )
    process = subprocess.Popen(
        [sys.executable, "-m", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=waiting[0].root,
        start_new_session=True,
    )
    assert process.stdin is not None
    with contextlib.suppress(OSError), process.stdin as pipe:
        pipe.write(msgspec.json.encode(order))
    process.returncode = 0  # nobody waits for it
