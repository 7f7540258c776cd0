from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sceneshift.dev.output.ring import Ring
from sceneshift.dev.output.rotation import RotatingLog
from sceneshift.dev.output.stream import ProcessStream
from sceneshift.dev.output.text import CUT_END, CUT_START, LONGEST_LINE

if TYPE_CHECKING:
    from pathlib import Path

AT = 1_700_000_000.0


class Recorder:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.shown = b""
        self.partials: list[bytes] = []
        self.notes: list[str] = []

    def take_block(self, name: str, block: bytes, at: float) -> None:  # noqa: ARG002
        """Remember lines."""
        self.shown += block

    def take_partial(self, name: str, text: bytes, at: float) -> None:  # noqa: ARG002
        """Remember an unfinished line."""
        self.partials.append(text)

    def take_note(self, name: str, text: str, at: float) -> None:  # noqa: ARG002
        """Remember a note."""
        self.notes.append(text)


def make_stream(folder: Path) -> tuple[ProcessStream, Recorder, RotatingLog]:
    """Return a stream, its one sink and its log."""
    recorder = Recorder()
    log = RotatingLog(folder / "web.log")
    stream = ProcessStream("web", log=log, ring=Ring(), sinks=[recorder])
    return stream, recorder, log


def read_text(log: RotatingLog) -> bytes:
    """Return a log's lines without their times."""
    return b"".join(x[25:] + b"\n" for x in log.path.read_bytes().split(b"\n")[:-1])


class NoLog(RotatingLog):
    """A log for examples by the hundred."""

    def append(self, data: bytes, at: float) -> None:
        """Forget."""


@given(st.lists(st.binary(max_size=20)), st.text(max_size=50))
def test_it_does_not_matter_where_reads_cut_the_output(
    chunks: list[bytes], text: str
) -> None:
    """Lines are the same whether they come at once or byte by byte."""
    from pathlib import Path  # noqa: PLC0415

    data = b"".join(chunks) + text.encode()
    results = []
    for pieces in ([data], [data[n : n + 1] for n in range(len(data))]):
        recorder = Recorder()
        log = NoLog(Path("unused"))
        stream = ProcessStream("web", log=log, ring=Ring(), sinks=[recorder])
        source = stream.source()
        for piece in pieces:
            source.feed(piece, AT)
        source.close(AT)
        results.append(recorder.shown)
    assert results[0] == results[1]


def test_lines_reach_file_ring_and_sinks(tmp_path: Path) -> None:
    """The file gets what was written, the others what is shown."""
    stream, recorder, log = make_stream(tmp_path)
    source = stream.source()
    source.feed(b"one\ntw", AT)
    source.feed(b"o\xff\0\n", AT)
    assert recorder.shown == b"one\ntwo\xef\xbf\xbd\\x00\n"
    assert [x.text for x in stream.ring.tail("web", 9)] == ["one", "two\ufffd\\x00"]
    source.close(AT)
    assert read_text(log) == b"one\ntwo\xff\0\n"


def test_a_partial_line_is_shown_once_and_again_when_it_grows(tmp_path: Path) -> None:
    """A prompt becomes visible; nothing is shown twice without a change."""
    stream, recorder, _ = make_stream(tmp_path)
    source = stream.source()
    source.flush_partial(AT)
    source.feed(b"name? \xe2\x9c", AT)
    source.flush_partial(AT)
    source.flush_partial(AT)
    source.feed(b"\x93", AT)
    source.flush_partial(AT)
    assert recorder.partials == [b"name? ", b"name? \xe2\x9c\x93"]


def test_the_end_of_a_process_ends_its_last_line(tmp_path: Path) -> None:
    """What was said without a newline is not lost."""
    stream, recorder, log = make_stream(tmp_path)
    source = stream.source()
    source.feed(b"goodbye", AT)
    source.close(AT)
    source.close(AT)
    assert recorder.shown == b"goodbye\n"
    assert read_text(log) == b"goodbye\n"


def test_a_long_line_is_shown_before_it_ends_and_kept_whole(tmp_path: Path) -> None:
    """Memory does not grow with a line; the file has it in one piece."""
    stream, recorder, log = make_stream(tmp_path)
    source = stream.source()
    for _ in range(20):
        source.feed(b"z" * 50_000, AT)
    assert recorder.shown.count(CUT_END) >= 9
    source.flush_partial(AT)
    source.feed(b"end\nnext\n", AT)
    whole = b"z" * 1_000_000 + b"end\nnext\n"
    joined = recorder.shown.replace(CUT_END + b"\n" + CUT_START, b"")
    assert joined == whole
    assert all(len(x) <= LONGEST_LINE + 8 for x in recorder.shown.split(b"\n"))
    source.close(AT)
    assert read_text(log) == whole


def test_a_long_line_without_an_end_is_ended_with_its_process(tmp_path: Path) -> None:
    """The mark of a cut is followed by a line even where nothing more came."""
    stream, recorder, _ = make_stream(tmp_path)
    source = stream.source()
    source.feed(b"z" * (LONGEST_LINE + 1), AT)
    source.close(AT)
    assert recorder.shown.endswith(CUT_END + b"\n" + CUT_START + b"\n")


def test_an_endless_progress_bar_costs_no_memory(tmp_path: Path) -> None:
    """Of a line that rewrites itself only the last state is kept and shown."""
    stream, recorder, log = make_stream(tmp_path)
    source = stream.source()
    bar = b"\r" + b"#" * 100
    for _ in range(5_000):
        source.feed(bar, AT)
    source.flush_partial(AT)
    source.feed(b"\n", AT)
    assert recorder.partials == [b"#" * 100]
    assert recorder.shown == b"#" * 100 + b"\n"
    source.close(AT)
    assert log.path.stat().st_size > 500_000


def test_two_generations_of_a_process_do_not_mix_their_lines(tmp_path: Path) -> None:
    """In a reload the old and the new one write at the same time."""
    stream, recorder, log = make_stream(tmp_path)
    old, new = stream.source(), stream.source()
    old.feed(b"good", AT)
    new.feed(b"hel", AT)
    assert old.has_partial
    old.feed(b"bye\n", AT)
    new.feed(b"lo\n", AT)
    assert recorder.shown == b"goodbye\nhello\n"
    stream.close()
    assert read_text(log) == b"goodbye\nhello\n"


def test_a_note_reaches_everyone_marked_as_ours(tmp_path: Path) -> None:
    """What the supervisor says is no line of the process."""
    stream, recorder, log = make_stream(tmp_path)
    stream.note("restarted in 12 ms", AT)
    assert recorder.notes == ["restarted in 12 ms"]
    assert stream.ring.tail("web", 1)[0].is_note
    assert log.path.read_bytes().endswith(b"Z*restarted in 12 ms\n")


def test_sinks_come_and_go(tmp_path: Path) -> None:
    """A follower gets what comes while it follows."""
    stream, _, _ = make_stream(tmp_path)
    source = stream.source()
    late = Recorder()
    source.feed(b"1\n", AT)
    stream.add_sink(late)
    source.feed(b"2\n", AT)
    stream.remove_sink(late)
    source.feed(b"3\n", AT)
    assert late.shown == b"2\n"


def test_a_log_that_cannot_be_written_is_told_once(tmp_path: Path) -> None:
    """The lines go on; the loss is said at its begin and at its end."""
    recorder = Recorder()
    log = RotatingLog(tmp_path / "gone" / "web.log")
    stream = ProcessStream("web", log=log, ring=Ring(), sinks=[recorder])
    source = stream.source()
    source.feed(b"1\n", AT)
    source.feed(b"2\n", AT)
    log.path.parent.mkdir()
    source.feed(b"3\n", AT)
    source.feed(b"4\n", AT)
    assert recorder.shown == b"1\n2\n3\n4\n"
    assert recorder.notes == [
        "the log file cannot be written: No such file or directory",
        "the log file is written again",
    ]


def test_a_branch_hears_only_what_comes_in_by_it(tmp_path: Path) -> None:
    """All else does as well: the terminal, the log, the memory."""
    stream, recorder, log = make_stream(tmp_path)
    branch, own = stream.branch(), Recorder()
    branch.add_sink(own)
    stream.source().feed(b"old\n", AT)
    source = branch.source()
    source.feed(b"new\nprompt", AT)
    source.flush_partial(AT)
    source.feed(b"x" * LONGEST_LINE + b"\r" + b"y" * LONGEST_LINE + b"\r1", AT)
    branch.note("noted", AT)
    branch.remove_sink(own)
    branch.source().feed(b"last\n", AT)
    assert (own.shown, own.partials, own.notes) == (b"new\n", [b"prompt"], [])
    assert recorder.shown == b"old\nnew\nlast\n"
    assert (recorder.partials, recorder.notes) == ([b"prompt"], ["noted"])
    assert [line.text for line in stream.ring.tail("web", 1)] == ["last"]
    assert read_text(log).startswith(b"old\nnew\nprompt")
