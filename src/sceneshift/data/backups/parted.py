"""Backups that are taken by themselves: of states that are let go.

A reset keeps what was there before, so it loses nothing by itself. It is lost when that
is let go, after three more changes for one. Only then is a backup taken, and only of a
state with rows that no snapshot makes again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sceneshift.core.errors import SceneshiftError
from sceneshift.data.backups.media import find_medium
from sceneshift.data.backups.taking import take
from sceneshift.data.entry import Entry
from sceneshift.data.locking import hold_lock
from sceneshift.data.parting import PARTED, Order, list_parted, note_problem
from sceneshift.data.system import find_system
from sceneshift.data.target import load_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.data.system import System
    from sceneshift.data.target import Target

_LOCK = ".lock"


def let_go(target: Target) -> None:
    """Remove the states of changes that were parted with, each after its backup.

    Where one cannot be had, its state stays, and so do later ones.

    Raises:
        SceneshiftError: That is so; the status tells of it, too.
    """
    is_alone = True
    # Looked at after the lock, too: another program that came meanwhile has left it.
    while is_alone and list_parted(target):
        with _being_alone(target) as is_alone:
            if is_alone:
                _let_all_go(target)


def _let_all_go(target: Target) -> None:
    for path in list_parted(target):
        try:
            _let_go(target, path)
        except SceneshiftError as error:
            note_problem(target, error.message)
            raise
    note_problem(target, None)


def _let_go(target: Target, path: Path) -> None:
    system = find_system(target)
    entry = _read(path)
    states = {entry.former: entry.origin, entry.later: entry.snapshot}
    if system.has_former(entry.later):  # it was taken back, and is in place again
        _remove(target, system, entry.former)
    for former, snapshot in states.items():
        if system.has_former(former):
            known = snapshot if snapshot and system.has_snapshot(snapshot) else None
            _keep_rows(target, former, known, entry)
            _remove(target, system, former)
    path.unlink(missing_ok=True)


def _remove(target: Target, system: System, former: str) -> None:
    """Remove a state; others wait for the database meanwhile, but not before."""
    with hold_lock(target.name_lock()), system.hold():
        system.forget_former(former)


def _keep_rows(target: Target, former: str, snapshot: str | None, entry: Entry) -> None:
    """Take a backup of a state, if it has rows that nothing makes again."""
    medium = find_medium(target)
    if medium.has_own_rows(former, snapshot):
        when = "before" if former == entry.former else "after"
        note = f"{when} {entry.what} at {entry.at}"
        take(target, medium, note=note, is_automatic=True, former=former)


def _read(path: Path) -> Entry:
    """Return a change; of what cannot be read, what its name says."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Entry)
    except msgspec.MsgspecError:
        return Entry(
            id=path.stem, before="", act="", what="a change", environment="", at="?"
        )


@contextlib.contextmanager
def _being_alone(target: Target) -> Iterator[bool]:
    """Tell whether no other program does the same; it goes on with what comes."""
    with (target.make_folder(PARTED) / _LOCK).open("ab") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def main() -> None:
    """Do what standard input says."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    for name in order.databases:
        with contextlib.suppress(SceneshiftError):  # `inv data.status` tells of it
            let_go(
                load_target(
                    Path.cwd(),
                    os.environ,
                    environment=order.environment,
                    database=name,
                )
            )


if __name__ == "__main__":
    main()
