"""What a server, and who works at it, can do to a command meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from killing import fork, kill_at_each
from postgresql import running_postgresql
from resetting import ServerShop, make_user
from sceneshift.core.errors import SceneshiftError
from support import wait_until
from trials import Trial

if TYPE_CHECKING:
    from pathlib import Path

    from postgresql import Server

pytestmark = [pytest.mark.needs("postgresql"), pytest.mark.usefixtures("chores_warm")]


@pytest.mark.parametrize("act", ["reset", "undo"])
def test_a_server_that_crashes_leaves_the_old_or_the_new(
    tmp_path: Path, act: str
) -> None:
    """After any statement; the next command, when it is up again, goes on."""
    with running_postgresql() as running:
        shop = ServerShop(tmp_path, server=running.server)
        trial = Trial(shop, act)

        def check() -> bool:
            running.start()
            return trial.check()

        seen = kill_at_each(trial.run, check, tmp_path, running.crash)
        assert seen[-1]
        assert len(seen) > (1 if act == "undo" else 8)
        assert shop.beside("bn") == []
        wait_until(lambda: not shop.beside("x"))


def test_a_session_that_cannot_be_ended_stops_it(
    server: Server, tmp_path: Path
) -> None:
    """That of a superuser, for one: all is as it was, and it is said who it is."""
    shop = ServerShop(tmp_path, "a", server=server)
    user = make_user(server, shop)
    shop.reset()
    shop.run("INSERT INTO a VALUES (2)")
    with server.connect(shop.name, user) as own, server.connect(shop.name) as other:
        own.execute("SELECT 1")
        other.execute("SET application_name = 'mine'")
        pid = other.info.backend_pid
        with pytest.raises(SceneshiftError) as caught:
            shop.reset()
        assert other.execute("SELECT count(*) FROM a").fetchone() == (2,)
    assert caught.value.message == (
        f"`{shop.name}` has sessions that this user cannot end: "
        f"mine (pid {pid}, postgres)"
    )
    assert caught.value.hint == (
        f"have whoever may do it end them: SELECT pg_terminate_backend({pid})"
    )
    assert len(shop.status()["undo"]) == 1
    wait_until(lambda: not shop.beside("bnx"))
    shop.reset()
    assert shop.run("SELECT id FROM a") == [(1,)]


def test_a_lock_within_the_database_does_not_stop_it(
    server: Server, tmp_path: Path
) -> None:
    """Who holds it is ended with all the others, and has changed nothing."""
    shop = ServerShop(tmp_path, server=server)
    trial = Trial(shop, "reset")
    with server.connect(shop.name) as other:
        other.execute("BEGIN; LOCK TABLE a IN ACCESS EXCLUSIVE MODE; DELETE FROM a")
        trial.run()
        with pytest.raises(psycopg.OperationalError):
            other.execute("COMMIT")
    assert trial.check()


def test_a_command_that_is_killed_while_it_waits_for_a_lock_does_all_or_nothing(
    server: Server, tmp_path: Path
) -> None:
    """Its server goes on with what it was told; the next command waits for that."""
    shop = ServerShop(tmp_path, server=server)
    trial = Trial(shop, "reset")
    with server.connect("postgres") as other:
        other.execute(f"BEGIN; COMMENT ON DATABASE {shop.name} IS 'mine'")
        pid = fork(trial.run)
        look = "SELECT pid FROM pg_locks WHERE NOT granted"
        wait_until(lambda: server.run("postgres", look))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert trial.read() == {"a": [1, 2]}
        other.execute("ROLLBACK")
    shop.status()
    trial.check()
    trial.run()
    assert trial.check()


RESETTING = """
import os, sys
from pathlib import Path
from sceneshift.data import reset
request = reset.ResetRequest(
    root=Path(sys.argv[1]), environ=os.environ, environment="development",
    is_confirmed=True,
)
reset.reset(request)
"""


@pytest.mark.timeout(300)
def test_twenty_at_once_follow_each_other(server: Server, tmp_path: Path) -> None:
    """One builds, and the others find that."""
    shop = ServerShop(tmp_path, "a", server=server)
    words = [sys.executable, "-c", RESETTING, str(tmp_path)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    processes = [subprocess.Popen(words, **options) for _ in range(20)]  # type: ignore[call-overload]
    said = [each.communicate()[0] for each in processes]
    ended = zip(processes, said, strict=True)
    failed = [text for each, text in ended if each.returncode]
    assert not failed, failed[0]
    assert sum("built and put in place" in text for text in said) == 1
    assert shop.ran() == ["a"]
    assert shop.tables() == ["a"]
    assert len(shop.status()["undo"]) == 3
    # Those that are let go go when nobody waits for them.
    wait_until(lambda: len(shop.beside("t")) == 3, deadline_s=60)
    wait_until(lambda: not shop.beside("bnx"))
