"""The output of processes: from their pipes to terminal, memory and files."""

from sceneshift.dev.output.follow import Batch, Follower, LineMatch
from sceneshift.dev.output.lines import LogLine, Sink
from sceneshift.dev.output.logs import LogQuery, find_names, parse_since, read_logs
from sceneshift.dev.output.outlet import Gate
from sceneshift.dev.output.reader import PipeReader
from sceneshift.dev.output.ring import Ring
from sceneshift.dev.output.rotation import RotatingLog
from sceneshift.dev.output.stream import ProcessStream, Source
from sceneshift.dev.output.streams import Streams
from sceneshift.dev.output.terminal import Style, Terminal

__all__ = [
    "Batch",
    "Follower",
    "Gate",
    "LineMatch",
    "LogLine",
    "LogQuery",
    "PipeReader",
    "ProcessStream",
    "Ring",
    "RotatingLog",
    "Sink",
    "Source",
    "Streams",
    "Style",
    "Terminal",
    "find_names",
    "parse_since",
    "read_logs",
]
