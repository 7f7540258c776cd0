"""Locks that another holds."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from sceneshift.data.locking import hold_lock, holding_server_lock
from sceneshift.data.postgresql.session import Place, open_locking
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from postgresql import Server


def wait(hold: Callable[[], None], saying: Callable[[], str]) -> threading.Thread:
    """Have a lock be waited for; return when that is told."""
    thread = threading.Thread(target=hold)
    thread.start()
    wait_until(lambda: "waiting for another command" in saying())
    return thread


def test_it_is_told_who_holds_a_lock(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may be asking somebody something; where it is gone, others have its lock."""
    path, said = tmp_path / "lock", ""

    def hold() -> None:
        with hold_lock(path, patience_s=0):
            pass

    def read() -> str:
        nonlocal said
        said += capsys.readouterr().err
        return said

    with hold_lock(path):
        wait_until(path.read_text)
        thread = wait(hold, read)
        assert said.endswith(f", pid {os.getpid()})\n")
        said = ""
        path.write_text("gone")
        other = wait(hold, read)
        assert said == "waiting for another command that is at work here\n"
    thread.join()
    other.join()


@pytest.mark.needs("postgresql")
def test_it_is_told_which_session_holds_a_lock(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may be that of another machine."""
    place, said = Place(url=server.url("postgres"), root=tmp_path), ""

    def hold() -> None:
        with (
            open_locking(place) as session,
            holding_server_lock(session, "shop", patience_s=0),
        ):
            pass

    def read() -> str:
        nonlocal said
        said += capsys.readouterr().err
        return said

    with open_locking(place) as session, holding_server_lock(session, "shop"):
        ((pid,),) = session.ask("SELECT pg_backend_pid()")
        thread = wait(hold, read)
    thread.join()
    assert said == (
        "waiting for another command that is at work here, maybe from another machine "
        f"(pid {pid} of the server)\n"
    )
