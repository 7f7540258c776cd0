from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.dev.output import (
    Follower,
    ProcessStream,
    Ring,
    RotatingLog,
    Streams,
)

if TYPE_CHECKING:
    from pathlib import Path


def make_stream(folder: Path, name: str) -> ProcessStream:
    """Return the stream of a process."""
    return ProcessStream(name, log=RotatingLog(folder / name), ring=Ring())


def test_a_process_that_comes_later_is_followed_too(tmp_path: Path) -> None:
    """By whoever follows the others, until they go."""
    streams = Streams([make_stream(tmp_path, "web")])
    follower = Follower(lambda: None)
    streams.add_sink(follower)
    streams.add(make_stream(tmp_path, "new"))
    for name in ("web", "new"):
        assert name in streams
        streams[name].note("here", 1.0)
    assert [line.name for line in follower.take().lines] == ["web", "new"]
    streams.remove_sink(follower)
    streams["new"].note("here", 2.0)
    assert not follower.take().lines
    assert "other" not in streams
    streams.close()
