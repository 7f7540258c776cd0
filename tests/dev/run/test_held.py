from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.run.held import HeldSockets

if TYPE_CHECKING:
    from collections.abc import Iterator

IPV4, IPV6 = int(socket.AF_INET), int(socket.AF_INET6)


@pytest.fixture
def held() -> Iterator[HeldSockets]:
    """No sockets yet."""
    sockets = HeldSockets()
    yield sockets
    sockets.close()


@pytest.fixture
def key() -> str:
    """An address that is free."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"{IPV4}/127.0.0.1/{sock.getsockname()[1]}"


def test_an_address_is_bound_once(held: HeldSockets, key: str) -> None:
    """The next generation gets the same socket, and no one else."""
    first = held.get("web", key)
    assert held.get("web", key) is first
    assert first.port == first.sock.getsockname()[1]
    assert held.of("web") == [first]
    assert held.of("worker") == []
    with pytest.raises(OSError, match="in use"):
        held.get("worker", key)


def test_a_port_that_a_process_had_before_is_left(held: HeldSockets, key: str) -> None:
    """New code does not inherit it; old code keeps it until the new one serves."""
    one = held.get("web", key)
    held.move("web", one.port, one.port + 1)
    assert (held.of("web"), held.to_inherit("web")) == ([one], [])
    assert held.get("web", key) is one
    held.move("web", one.port, one.port + 1)
    held.move("web", one.port + 1, one.port)
    held.leave("web")
    assert held.to_inherit("web") == [one]
    held.move("web", one.port, None)
    held.leave("web")
    assert held.of("web") == []


def test_it_is_known_whether_anybody_listens(held: HeldSockets, key: str) -> None:
    """`listen` is the program's own."""
    one = held.get("web", key)
    assert not one.is_listening
    one.sock.listen()
    assert one.is_listening


def test_what_cannot_be_bound_is_not_held(held: HeldSockets, key: str) -> None:
    """Another program has it."""
    with socket.create_server(("127.0.0.1", int(key.rpartition("/")[2]))):
        with pytest.raises(OSError, match="in use"):
            held.get("web", key)
        assert held.of("web") == []


def test_sockets_that_are_not_kept_are_closed(held: HeldSockets, key: str) -> None:
    """Of that process only."""
    one = held.get("web", key)
    held.release("worker")
    held.release("web", keep=frozenset({key}))
    assert held.of("web") == [one]
    held.release("web")
    assert held.of("web") == []
    assert one.sock.fileno() == -1


@pytest.mark.parametrize("v6only", [False, True])
def test_ipv6_is_alone_where_the_program_says_so(
    held: HeldSockets,
    key: str,
    v6only: bool,  # noqa: FBT001 - a column
) -> None:
    """As it was set on the program's own socket."""
    port = key.rpartition("/")[2]
    one = held.get("web", f"{IPV6}/::/{port}", v6only=v6only)
    assert one.sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == v6only


def test_a_successor_shares_an_address_and_takes_it_over(key: str) -> None:
    """Both have descriptors of one socket; another process gets nothing."""
    old = HeldSockets()
    new = HeldSockets(old)
    mine = old.get("web", key)
    mine.sock.listen()
    other = old.get("db", f"{IPV4}/127.0.0.1/0")
    with pytest.raises(OSError, match="in use"):
        new.get("worker", key)
    os.set_blocking(mine.sock.fileno(), False)
    shared = new.get("web", key)
    assert not os.get_blocking(mine.sock.fileno())
    assert shared.sock.getsockname() == mine.sock.getsockname()
    former = old.take_over({"web"}, new)
    assert (old.of("web"), new.of("web"), former.of("web")) == ([shared], [], [mine])
    former.close()
    new.close()
    assert shared.is_listening
    assert old.of("db") == [other]
    old.close()
