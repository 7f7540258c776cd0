from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sceneshift.dev.guard.frames import FrameReader, encode

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.binary() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.binary(), inner),
    max_leaves=10,
)
MESSAGES = st.lists(st.dictionaries(st.text(), VALUES), max_size=5)


@given(messages=MESSAGES, cuts=st.lists(st.integers(min_value=1, max_value=50)))
def test_messages_survive_any_cut_of_the_stream(
    messages: list[dict[str, Any]], cuts: list[int]
) -> None:
    """What was encoded comes out, in order, wherever the stream was cut."""
    stream = b"".join(map(encode, messages))
    reader = FrameReader()
    read: list[dict[str, Any]] = []
    for cut in cuts:
        read += reader.feed(stream[:cut])
        stream = stream[cut:]
    assert read + reader.feed(stream) == messages


def test_a_message_may_be_as_large_as_an_environment() -> None:
    """A hundred kilobytes are nothing special."""
    message = {"env": {b"A": b"x" * 100_000}}
    assert FrameReader().feed(encode(message)) == [message]


def test_a_message_over_the_limit_is_refused() -> None:
    """The sender fails, not the receiver."""
    with pytest.raises(ValueError, match="a message is too long"):
        encode({"body": bytes(1 << 26)})


def test_what_is_no_stream_of_frames_is_refused() -> None:
    """A length beyond the limit is not waited for."""
    with pytest.raises(ValueError, match="a frame is too long"):
        FrameReader().feed(b"\xff\xff\xff\xff")
