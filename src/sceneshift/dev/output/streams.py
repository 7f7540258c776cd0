"""The output of all processes, of those that are still to come too."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sceneshift.dev.output.lines import Sink
    from sceneshift.dev.output.stream import ProcessStream


class Streams:
    """The streams of a stack, by the names of their processes."""

    def __init__(self, streams: Iterable[ProcessStream] = ()) -> None:
        self._streams = {stream.name: stream for stream in streams}
        self._sinks: list[Sink] = []

    def __getitem__(self, name: str) -> ProcessStream:
        """Return the stream of a process."""
        return self._streams[name]

    def __contains__(self, name: str) -> bool:
        """Whether a process has, or ever had, a stream."""
        return name in self._streams

    def add(self, stream: ProcessStream) -> None:
        """Have one more; who follows all the others follows it too."""
        self._streams[stream.name] = stream
        for sink in self._sinks:
            stream.add_sink(sink)

    def add_sink(self, sink: Sink) -> None:
        """Send what comes from now on to one more."""
        self._sinks.append(sink)
        for stream in self._streams.values():
            stream.add_sink(sink)

    def remove_sink(self, sink: Sink) -> None:
        """Send nothing more there."""
        self._sinks.remove(sink)
        for stream in self._streams.values():
            stream.remove_sink(sink)

    def close(self) -> None:
        """Close their files."""
        for stream in self._streams.values():
            stream.close()
