from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sceneshift.ide.dap.framing import DebugError, Decoder, Message, encode

MESSAGES = st.lists(
    st.dictionaries(st.text(max_size=5), st.text() | st.integers(-9, 9)), max_size=5
)


@settings(max_examples=40)
@given(messages=MESSAGES, size=st.integers(1, 40))
def test_messages_come_whole_however_they_are_cut(
    messages: list[Message], size: int
) -> None:
    """A pipe gives what it has at the moment."""
    data = b"".join(map(encode, messages))
    decoder = Decoder()
    found: list[Message] = []
    for start in range(0, len(data), size):
        found += decoder.feed(data[start : start + size])
    assert found == messages


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"Content-Length: many\r\n\r\n{}",
        b"Content-Length: 2\r\n\r\n[]",
        b"Content-Length: 1\r\n\r\n{",
        b"\0" * 5000,
    ],
)
def test_what_is_no_adapter_is_said_to_be_none(data: bytes) -> None:
    """The port may be a web server's."""
    with pytest.raises(DebugError, match="is no debug adapter, it says: `"):
        Decoder().feed(data)


def test_other_headers_mean_nothing() -> None:
    """The protocol allows more of them."""
    data = b"X-Any: 1\r\ncontent-length:2\r\n\r\n{}"
    assert Decoder().feed(data) == [{}]
