"""Whether a program's forks accept connections, while it holds or does not."""

from __future__ import annotations

import os
import select
import socket
from typing import TYPE_CHECKING

import psutil
import pytest

from sceneshift.core.channel import Channel
from sceneshift.dev.zygote.words import HOLD
from zygotes import take

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zygotes import Child, Zygote

FORKS = """\
import os, socket, time

sock = socket.socket()
sock.bind(("127.0.0.1", 1))
sock.listen()
while not os.path.exists("fork"):
    time.sleep(0.01)
if os.fork() == 0:
    os.write(1, b"%d" % os.fstat(sock.fileno()).st_ino)  # at once
time.sleep(300)
"""


@pytest.fixture(name="held")
def bind() -> Iterator[socket.socket]:
    """Return the socket that outlives the program."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held


def begin(zygote: Zygote, held: socket.socket) -> Child:
    """Return a program that listens, and forks when a file says so."""
    zygote.begin(FORKS)
    parent = zygote.fork(park=False)
    parent.bind(held)
    parent.tell(op="serve")
    parent.next("ready")
    return parent


def fork(zygote: Zygote, parent: Child) -> Channel:
    """Have the program fork; return the line to its fork."""
    (zygote.root / "fork").touch()
    (fd,) = parent.next("branch")["fds"]
    return Channel(socket.socket(fileno=fd))


@pytest.mark.parametrize("was_holding", [False, True])
@pytest.mark.parametrize("is_holding", [False, True])
def test_a_fork_holds_where_all_were_told_to(
    zygote: Zygote, held: socket.socket, *, was_holding: bool, is_holding: bool
) -> None:
    """It goes on when it knows; a word that was said meanwhile has not come to it.

    Who it was forked by may have heard that before, or hears it after.
    """
    parent = begin(zygote, held)
    if was_holding:
        os.kill(parent.pid, HOLD)
        parent.next("held")
    line = fork(zygote, parent)
    assert not select.select([zygote.output], [], [], 0.2)[0]
    line.send({"op": "begin", "is_holding": is_holding})
    if is_holding or was_holding:
        assert take(line, "held", "resumed")["event"] == SAID[is_holding]
    assert select.select([zygote.output], [], [], 60)[0]
    is_real = zygote.read_output() == str(os.fstat(held.fileno()).st_ino)
    assert is_real is not is_holding
    line.close()


SAID = {True: "held", False: "resumed"}


def test_a_fork_goes_on_without_the_supervisor(
    zygote: Zygote, held: socket.socket
) -> None:
    """Nobody would ever tell it."""
    fork(zygote, begin(zygote, held)).close()
    assert select.select([zygote.output], [], [], 60)[0]
    assert zygote.read_output() == str(os.fstat(held.fileno()).st_ino)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_program_that_holds_takes_no_port_of_another(
    zygote: Zygote, host: str
) -> None:
    """Any other program may have each of them, at the addresses that servers take."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as held:
        held.bind((host, 0))
        listens = FORKS.replace("socket.socket()", f"socket.socket({family:d})")
        zygote.begin(listens.replace("127.0.0.1", host))
        child = zygote.fork(park=False)
        child.bind(held)
        child.tell(op="serve")
        child.next("ready")
        os.kill(child.pid, HOLD)
        child.next("held")
        places = [
            one.laddr
            for one in psutil.Process(child.pid).net_connections("tcp")
            if one.status == psutil.CONN_LISTEN
        ]
        assert {port for _host, port in places} == {held.getsockname()[1]}
        assert len(places) > 1
