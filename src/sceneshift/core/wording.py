"""How names and values are written into a message."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

_LONGEST = 60


def quote(text: str) -> str:
    """Put a text in backticks: on one line, printable and shortened."""
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    printable = (
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )
    return f"`{''.join(printable)}`"


def suggest(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, or else which there are."""
    names = list(known)
    nearest = find_nearest(name, names)
    if nearest is not None:
        return f"did you mean {quote(nearest)}?"
    if not names:
        return "there are none yet"
    return "known: " + ", ".join(quote(name) for name in names)


def find_nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that looks most like `name`, or None."""
    # 3 ms to import, and needed by mistakes alone.
    import difflib  # noqa: PLC0415

    by_folded = {candidate.casefold(): candidate for candidate in known}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    return by_folded[found[0]] if found else None


def name_few(names: Sequence[str], most: int) -> str:
    """Return the first names, and how many more there are."""
    shown, more = ", ".join(names[:most]), len(names) - most
    return f"{shown} and {more} more" if more > 0 else shown


def describe_progress(switch: Mapping[str, Any]) -> str:
    """Say what a switch waits for, as `inv dev.status --json` tells of it."""
    waiting = [f"{each['name']} ({_describe_wait(each)})" for each in switch["waiting"]]
    if not waiting and not switch["ready"]:
        return "waits until what starts or ends just now has done so"
    ready = ", ".join(switch["ready"]) or "none yet"
    return f"waits for {', '.join(waiting) or 'its end'}; ready: {ready}"


def _describe_wait(process: Mapping[str, Any]) -> str:
    if process.get("breakpoint"):
        return f"at a breakpoint: {process['breakpoint']}"
    return str(process["setup"] or process["state"])


def describe_seconds(seconds: float) -> str:
    """Return `12 ms` or `1.4 s`."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def iso_time(at: float) -> str:
    """Return ISO 8601 in UTC, to the millisecond: `2026-11-21T03:14:19.123Z`.

    Args:
        at: Seconds since 1970.
    """
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def local_clock(iso: str) -> str:
    """Return the time of day, where the person is, of what `iso_time` wrote."""
    return f"{datetime.fromisoformat(iso).astimezone():%H:%M:%S}"


def describe_moment(at: float) -> str:
    """Return local time, with the date where it was not today.

    Args:
        at: Seconds since 1970.
    """
    then, now = time.localtime(at), time.localtime()
    is_today = then[:3] == now[:3]
    return time.strftime("%H:%M" if is_today else "%Y-%m-%d %H:%M", then)
