"""What people and programs are told: the only place that prints.

Data goes to standard output, everything for people to standard error. Whatever is
printed is masked first: a secret that is known as one never reaches a screen or a log.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.secrets import mask_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_GAP = "  "
_NARROWEST = 16  # of a column that has to give way
_RED, _GREEN, _CYAN, _BOLD = "31", "32", "36", "1"


def wants_colour(stream: TextIO, env: Mapping[str, str] | None = None) -> bool:
    """Return whether a stream gets colours.

    FORCE_COLOR forces them, NO_COLOR and TERM=dumb forbid them, else a terminal
    has them. A variable that is empty counts as not set (https://no-color.org).
    """
    env = os.environ if env is None else env
    if env.get("NO_COLOR"):
        return False
    force = env.get("FORCE_COLOR")
    if force:
        return force not in {"0", "false"}
    return can_redraw(stream, env)


def can_redraw(stream: TextIO, env: Mapping[str, str] | None = None) -> bool:
    """Tell whether it is a terminal that knows sequences, which TERM=dumb does not."""
    env = os.environ if env is None else env
    return env.get("TERM") != "dumb" and stream.isatty()


def can_ask() -> bool:
    """Tell whether a person sees a question, and can answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def fit_widths(widths: Sequence[int], room: int | None) -> list[int]:
    """Return the widths of columns so that their table fits.

    The widest column gives way first, of several the last one, and none below 16
    characters: with less, the table is wider than the terminal and folded by it.

    Args:
        widths: What each column needs, in characters.
        room: What there is for all of them and the gaps between; None: no end.
    """
    fitted = list(widths)
    gaps = len(_GAP) * (len(fitted) - 1)
    while room is not None and sum(fitted) + gaps > room:
        widest = max(fitted, default=0)
        if widest <= _NARROWEST:
            break
        fitted[len(fitted) - 1 - fitted[::-1].index(widest)] -= 1
    return fitted


def fold_row(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    """Yield the lines of a row; a cell that is too long goes on below itself."""
    columns = [fold(cell, width) for cell, width in zip(row, widths, strict=True)]
    for number in range(max(map(len, columns))):
        cells = (column[number] if number < len(column) else "" for column in columns)
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        yield _GAP.join(padded).rstrip()


def fold(text: str, width: int) -> list[str]:
    """Break a text into lines: at spaces, else behind a slash, else anywhere."""
    lines = []
    while len(text) > width:
        space = text.rfind(" ", 1, width + 1)
        cut = space if space > 0 else text.rfind("/", 1, width) + 1 or width
        lines.append(text[:cut])
        text = text[cut:].lstrip(" ")
    return [*lines, text]


class StreamConsole:
    """A console on two text streams.

    Args:
        out: For data; standard output as it is at each call where None.
        err: For people; standard error likewise.
        env: What decides on colours; the process environment where None.
    """

    def __init__(
        self,
        out: TextIO | None = None,
        err: TextIO | None = None,
        *,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._given_out = out
        self._given_err = err
        self._env = env

    @property
    def _out(self) -> TextIO:
        return sys.stdout if self._given_out is None else self._given_out

    @property
    def _err(self) -> TextIO:
        return sys.stderr if self._given_err is None else self._given_err

    def data(self, text: str) -> None:
        """Print a line of data."""
        _print(self._out, text)

    def secret_data(self, text: str) -> None:
        """Print data as it is, for programs: secrets are not masked.

        Bytes that are no characters come out as they are, where the stream has bytes.
        """
        if not hasattr(self._out, "buffer"):
            _write(self._out, text)
            return
        self._out.flush()
        self._out.buffer.write(os.fsencode(text))
        self._out.flush()

    def json(self, value: object) -> None:
        """Print a value as JSON, indented; secrets in its strings are masked."""
        import json  # noqa: PLC0415 - 5 ms that most commands do not need

        text = json.dumps(_masked(value), indent=2, ensure_ascii=False, default=str)
        _write(self._out, text + "\n")

    def table(self, rows: Iterable[Sequence[object]]) -> None:
        """Print rows with aligned columns; the first row is the head.

        In a terminal a cell is folded where the row would be too long.
        """
        texts = [[mask_secrets(str(cell)) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        widths = fit_widths(widths, self._room())
        for number, row in enumerate(texts):
            for line in fold_row(row, widths):
                text = line if number else self._paint(self._out, _BOLD, line)
                _print(self._out, text)

    def note(self, text: str) -> None:
        """Tell people something."""
        _print(self._err, text)

    def ask(self, question: str) -> str:
        """Ask a person something; return the line that is typed, bare."""
        _write(self._err, f"{mask_secrets(question)} ")
        try:
            return sys.stdin.readline().strip()
        except UnicodeDecodeError:  # another keyboard's encoding, or a slip
            return "\N{REPLACEMENT CHARACTER}"

    def success(self, text: str) -> None:
        """Tell people that something is done."""
        self._say("done:", _GREEN, text)

    def error(self, error: SceneshiftError) -> None:
        """Tell people what went wrong and what to do."""
        self._say("error:", _RED, error.message)
        if error.hint is not None:
            self._say("hint:", _CYAN, error.hint)

    def _room(self) -> int | None:
        """Return the width of the terminal that data goes to; None where it is none."""
        try:
            return os.get_terminal_size(self._out.fileno()).columns or None
        except (OSError, ValueError):  # no terminal, or not even a descriptor
            return None

    def _say(self, word: str, colour: str, text: str) -> None:
        """Print a line that begins with a word, for those who see no colour."""
        _print(self._err, f"{self._paint(self._err, colour, word)} {text}")

    def _paint(self, stream: TextIO, colour: str, text: str) -> str:
        if not wants_colour(stream, self._env):
            return text
        return f"\x1b[{colour}m{text}\x1b[0m"


def _masked(value: object) -> object:
    """Return JSON-like data with every string masked."""
    if isinstance(value, str):
        return mask_secrets(value)
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item) for item in value]
    return value


def _print(stream: TextIO, text: str) -> None:
    _write(stream, mask_secrets(text) + "\n")


def _write(stream: TextIO, text: str) -> None:
    """Write text to a stream whose encoding may not have all of its characters.

    Raises:
        BrokenPipeError: Nobody reads it any more, which is no failure.
        SceneshiftError: It cannot be written: a full disk.
    """
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise SceneshiftError(
            f"output cannot be written: {(error.strerror or '').lower()}",
            hint="is there room where it goes? df -h",
        ) from error
