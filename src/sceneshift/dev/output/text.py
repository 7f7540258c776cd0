"""What a child wrote, made fit to be shown: bytes in, bytes out, no state.

A *block* is one or more whole lines, each with its newline. Everything here works
on whole blocks with operations of the interpreter's own, because a stack that
prints 600,000 lines a second leaves no time for a step of Python a line.
"""

from __future__ import annotations

LONGEST_LINE = 64 * 1024
"""Bytes of a line that are shown in one piece."""

CUT_END = b" \xe2\x80\xa6"
CUT_START = b"\xe2\x80\xa6 "

# BEL, BS, TAB, LF, CR and ESC have a meaning in a line; BEL also ends a hyperlink.
_MEANT = frozenset(b"\a\b\t\n\r\x1b")
_CONTROLS = tuple(byte for byte in (*range(32), 127) if byte not in _MEANT)
_COLUMN_ONE = (b"\x1b[G", b"\x1b[1G", b"\x1b[0G")


def clean_block(block: bytes) -> bytes:
    r"""Return the block as it is shown.

    Invalid UTF-8 becomes U+FFFD, a line that rewrote itself with carriage returns
    its last state, NUL and its like the four characters `\x00`, and a line longer
    than `LONGEST_LINE` several lines with a mark at each cut.
    """
    if not block.isascii():
        block = valid_utf8(block)
    if b"\x1b" in block:
        block = _return_to_column_one(block)
    if b"\r" in block:
        block = b"\n".join(map(final_state, block.split(b"\n")))
    if any(map(block.__contains__, _CONTROLS)):
        block = show_controls(block)
    if len(block) > LONGEST_LINE:
        block = cut_long_lines(block)
    return block


def valid_utf8(data: bytes) -> bytes:
    """Return the data with U+FFFD for what is not UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace").encode()
    return data


def _return_to_column_one(block: bytes) -> bytes:
    """Write Node's way of going back to the start of a line as a carriage return."""
    for sequence in _COLUMN_ONE:
        block = block.replace(sequence, b"\r")
    return block


def final_state(line: bytes) -> bytes:
    """Return what a line without its newline shows after its carriage returns."""
    line = line.rstrip(b"\r")
    return line[line.rfind(b"\r") + 1 :]


def show_controls(data: bytes) -> bytes:
    """Return the data with control characters spelled out."""
    for byte in _CONTROLS:
        data = data.replace(bytes((byte,)), b"\\x%02x" % byte)
    return data


def cut_long_lines(block: bytes) -> bytes:
    """Return the block with every line longer than `LONGEST_LINE` cut."""
    start, done, parts = 0, 0, []
    while len(block) - start > LONGEST_LINE + 1:
        # One search from the right settles a whole window of ordinary lines.
        newline = block.rfind(b"\n", start, start + LONGEST_LINE + 1)
        if newline >= 0:
            start = newline + 1
            continue
        cut = character_start(block, start + LONGEST_LINE)
        parts += [block[done:cut], CUT_END, b"\n", CUT_START]
        start = done = cut
    return b"".join((*parts, block[done:])) if parts else block


def character_start(data: bytes, index: int) -> int:
    """Return the last index up to `index` at which no UTF-8 character is cut."""
    for start in range(index, max(index - 4, 0), -1):
        if start >= len(data) or data[start] & 0xC0 != 0x80:
            return start
    return index


def complete_length(data: bytes) -> int:
    """Return how much of the data holds no UTF-8 character that is yet to end."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        needed = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return len(data) - back if needed > back else len(data)
    return len(data)
