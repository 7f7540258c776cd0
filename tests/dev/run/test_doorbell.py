"""Open connections wait for whoever accepts where they were accepted."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field

import pytest

from sceneshift.dev.run.doorbell import Doorbell
from sceneshift.dev.zygote.addresses import is_ringer
from support import until


@dataclass
class Place:
    """Where a program listens, with a client that it has accepted."""

    family: socket.AddressFamily = socket.AF_INET
    host: str = "127.0.0.1"
    is_dual: bool = False
    reach: str = ""
    listener: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.listener = socket.create_server(
            (self.host, 0), family=self.family, dualstack_ipv6=self.is_dual
        )
        port = self.listener.getsockname()[1]
        self.client = socket.create_connection((self.reach or self.host, port), 30)
        self.accepted, _address = self.listener.accept()
        self.listener.settimeout(30)

    def hear(self) -> int:
        """Accept a ring; return the port that it comes from."""
        ringing, address = self.listener.accept()
        with ringing:
            assert is_ringer(address)
        return int(address[1])

    def __enter__(self) -> Place:  # noqa: PYI034 - nothing derives from it
        return self

    def __exit__(self, *_error: object) -> None:
        for each in (self.listener, self.client, self.accepted):
            each.close()


BOTH = {"family": socket.AF_INET6, "host": "::", "is_dual": True}
PLACES = {
    "IPv4": {},
    "both": {**BOTH, "reach": "127.0.0.1"},
    "both, by IPv6": {**BOTH, "reach": "::1"},
}


async def ring(place: str) -> None:
    """Offer a connection, and accept what rings for it."""
    with Place(**PLACES[place]) as here:  # type: ignore[arg-type]
        bell = Doorbell(asyncio.get_running_loop(), lambda: False)
        bell.offer(here.accepted.fileno())
        here.accepted.close()
        number = await asyncio.to_thread(here.hear)
        taken = bell.take(number)
        assert taken is not None
        with taken:
            taken.sendall(b"more")
            assert here.client.recv(4) == b"more"
        assert bell.take(number) is None
        bell.close()


@pytest.mark.parametrize("place", PLACES)
def test_a_ring_comes_from_where_nobody_else_does(place: str) -> None:
    """Who accepts it asks, and is given the connection as it is."""
    asyncio.run(ring(place))


def test_who_asks_gets_what_was_rung_for() -> None:
    """A program may serve something else at another address."""

    async def offer() -> None:
        with Place() as here, Place() as there:
            bell = Doorbell(asyncio.get_running_loop(), lambda: True)
            for each in (here, there):
                bell.offer(each.accepted.fileno())
            taken = bell.take(await asyncio.to_thread(there.hear))
            assert taken is not None
            with taken:
                assert taken.getpeername() == there.client.getsockname()
            bell.close()

    asyncio.run(offer())


def test_what_nobody_takes_is_closed() -> None:
    """Its client is better off with another connection."""

    async def offer() -> None:
        with Place() as here:
            bell = Doorbell(asyncio.get_running_loop(), lambda: False, patience_s=0.01)
            bell.offer(here.accepted.fileno())
            here.accepted.close()
            assert await asyncio.to_thread(here.client.recv, 1) == b""
            assert bell.take(await asyncio.to_thread(here.hear)) is None
            bell.close()

    asyncio.run(offer())


def test_what_is_about_to_be_taken_waits() -> None:
    """New code may need long for its imports."""
    looks: list[bool] = []

    def is_awaited() -> bool:
        looks.append(True)
        return True

    async def offer() -> None:
        with Place() as here:
            bell = Doorbell(asyncio.get_running_loop(), is_awaited, patience_s=0.01)
            bell.offer(here.accepted.fileno())
            await until(lambda: len(looks) > 2)
            taken = bell.take(await asyncio.to_thread(here.hear))
            assert taken is not None
            taken.close()
            bell.close()

    asyncio.run(offer())


def test_where_nobody_can_ring_the_connection_is_closed() -> None:
    """An address of IPv6 alone has no other that would tell who rings."""

    async def offer() -> None:
        with Place(family=socket.AF_INET6, host="::1") as here:
            bell = Doorbell(asyncio.get_running_loop(), lambda: True)
            bell.offer(here.accepted.fileno())
            here.accepted.close()
            assert await asyncio.to_thread(here.client.recv, 1) == b""
            bell.close()

    asyncio.run(offer())


def test_what_still_waits_at_the_end_is_closed() -> None:
    """With the rings for it."""

    async def offer() -> None:
        with Place() as here:
            bell = Doorbell(asyncio.get_running_loop(), lambda: True)
            bell.offer(here.accepted.fileno())
            here.accepted.close()
            bell.close()
            assert await asyncio.to_thread(here.client.recv, 1) == b""

    asyncio.run(offer())
