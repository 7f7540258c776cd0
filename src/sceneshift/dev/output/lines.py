"""Lines of output as values, and who wants to have them."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from sceneshift.core.wording import iso_time


class LogLine(NamedTuple):
    """One line of a process, as it is shown.

    Attributes:
        name: The process's name.
        at: When it was read, in seconds since 1970.
        text: The line without its newline.
        is_note: Whether the supervisor says it about the process.
    """

    name: str
    at: float
    text: str
    is_note: bool = False

    def as_json(self) -> dict[str, object]:
        """Return the line as `dev.logs --json` prints it."""
        return {
            "process": self.name,
            "time": iso_time(self.at),
            "text": self.text,
            "note": self.is_note,
        }


class Sink(Protocol):
    """Where the output of processes goes.

    Blocks are whole lines in valid UTF-8, as `text.clean_block` leaves them; times
    are seconds since 1970.
    """

    def take_block(self, name: str, block: bytes, at: float) -> None:
        """Take lines that a process wrote."""
        ...

    def take_partial(self, name: str, text: bytes, at: float) -> None:
        """Take what a process has written so far of a line that is not ended."""
        ...

    def take_note(self, name: str, text: str, at: float) -> None:
        """Take a line of the supervisor about a process."""
        ...


def split_block(
    name: str, block: bytes, at: float, *, is_note: bool = False
) -> list[LogLine]:
    """Return a block's lines."""
    texts = block.decode("utf-8", "replace").split("\n")
    if not texts[-1]:
        texts.pop()
    return [LogLine(name=name, at=at, text=text, is_note=is_note) for text in texts]
