from __future__ import annotations

import itertools
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sceneshift.core.channel import Channel, Decoder, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.core.channel import Message

# A busy machine is no reason to fail.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
texts = st.dictionaries(st.sampled_from("abc"), st.text() | st.integers() | st.none())


@patient
@given(st.lists(texts, max_size=6), st.data())
def test_messages_survive_any_cut(messages: list[Any], data: st.DataObject) -> None:
    """One byte at a time or all at once."""
    stream = b"".join(map(encode, messages))
    cuts = data.draw(st.sets(st.integers(0, len(stream))))
    places = sorted({0, len(stream), *cuts})
    decoder = Decoder()
    got = []
    for begin, end in itertools.pairwise(places):
        got += decoder.feed(stream[begin:end], [])
    assert got == [(message, []) for message in messages]


@patient
@given(st.lists(st.integers(0, 3), max_size=6))
def test_descriptors_go_with_their_messages(counts: list[int]) -> None:
    """Several messages in one read take theirs in order."""
    stream = b"".join(encode({"n": n, "fds": n}) for n in counts)
    got = Decoder().feed(stream, list(range(sum(counts))))
    assert [len(fds) for _message, fds in got] == counts
    assert [fd for _message, fds in got for fd in fds] == list(range(sum(counts)))


@pytest.fixture
def pair() -> Iterator[tuple[Channel, Channel]]:
    """Two ends."""
    left, right = map(Channel, socket.socketpair())
    yield left, right
    left.close()
    right.close()


def test_descriptors_arrive_open_and_are_not_inherited(
    pair: tuple[Channel, Channel],
) -> None:
    """Each with its own message, though several wait to be read."""
    left, right = pair
    pipes = [os.pipe() for _ in range(3)]
    left.send({"n": 0})
    left.send({"n": 1}, (pipes[0][0],))
    left.send({"n": 2}, (pipes[1][0], pipes[2][0]))
    left.send({"n": 3})
    received = [right.receive() for _ in range(4)]
    found = []
    for number, each in enumerate(received):
        assert each is not None
        message, fds = each
        assert message["n"] == number
        assert not any(map(os.get_inheritable, fds))
        found.append([os.fstat(fd).st_ino for fd in fds])
        for fd in fds:
            os.close(fd)
    inodes = [os.fstat(reading).st_ino for reading, _writing in pipes]
    assert found == [[], inodes[:1], inodes[1:], []]
    for ends in pipes:
        for fd in ends:
            os.close(fd)


def test_the_end_of_the_stream_is_no_message(pair: tuple[Channel, Channel]) -> None:
    """Whole messages before it still count; half of one does not."""
    left, right = pair
    left.send({"n": 1})
    left.sock.sendall(encode({"n": 2})[:-1])
    left.close()
    assert right.receive_all() == [({"n": 1}, [])]
    assert right.receive_all() is None
    assert right.receive() is None


def test_a_reset_is_an_end(pair: tuple[Channel, Channel]) -> None:
    """The other side died with our words unread."""
    left, right = pair
    right.send({"n": 1})
    left.close()
    assert right.receive() is None
    assert right.fileno() == right.sock.fileno()


def test_a_long_message_is_sent_whole(pair: tuple[Channel, Channel]) -> None:
    """Also where the buffer takes only a part of it at first."""
    left, right = pair
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        left.send({"text": "x" * 1_000_000})
        os._exit(0)
    received = right.receive()
    os.waitpid(child, 0)
    assert received == ({"text": "x" * 1_000_000}, [])


def test_threads_do_not_cut_each_others_messages() -> None:
    """Each thread's come whole and in their order, large ones too."""
    ours, theirs = socket.socketpair()
    sender, receiver = Channel(theirs), Channel(ours)

    def send(name: str) -> None:
        for number in range(30):
            text = "x" * (100_000 if number % 3 == 0 else 10)
            sender.send({"from": name, "number": number, "text": text})

    threads = [threading.Thread(target=send, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    numbers: dict[str, list[int]] = {name: [] for name in "abcd"}
    for _ in range(120):
        received = receiver.receive()
        assert received is not None
        numbers[received[0]["from"]].append(received[0]["number"])
    for thread in threads:
        thread.join()
    assert numbers == {key: list(range(30)) for key in "abcd"}
    receiver.close()
    sender.close()


def test_a_handler_may_send_in_the_middle_of_a_message() -> None:
    """What a signal has to say comes after it, with descriptors that were closed."""
    ours, theirs = socket.socketpair()
    sender, receiver = Channel(theirs), Channel(ours)
    said = threading.Event()
    received: list[tuple[Message, list[int]] | None] = []

    def handle(*_: object) -> None:
        with open(os.devnull) as null:  # noqa: PTH123 - a descriptor of it
            said.set()
            sender.send({"small": 1}, (null.fileno(),))

    def receive() -> None:
        ours.recv(1, socket.MSG_PEEK)  # it has begun, and cannot end
        os.kill(os.getpid(), signal.SIGUSR1)
        said.wait(30)
        received.extend([receiver.receive(), receiver.receive()])

    before = signal.signal(signal.SIGUSR1, handle)
    reader = threading.Thread(target=receive, daemon=True)
    reader.start()
    try:
        sender.send({"large": "x" * 5_000_000})
        reader.join(30)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert [list(each[0]) for each in received if each] == [["large"], ["small", "fds"]]
    assert received[1] is not None
    os.close(received[1][1][0])
    receiver.close()
    sender.close()
