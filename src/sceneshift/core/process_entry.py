"""A row of the process table.

No dataclass: `dataclasses` alone would cost the guard 2.7 MB.
"""

from __future__ import annotations


class ProcessEntry:
    """One process as the table showed it.

    Attributes:
        pid: Its number.
        ppid: Its parent's, or whoever adopted it.
        pgid: Its process group.
        sid: Its session.
        state: The letter of ps: `R`, `S`, `D`, `T`, `Z`...
        started: Token of its start, the same as long as it lives: clock ticks since
            boot on Linux, microseconds since 1970 on macOS.
    """

    __slots__ = ("pgid", "pid", "ppid", "sid", "started", "state")

    def __init__(  # noqa: PLR0913 - the columns of one row
        self, pid: int, *, ppid: int, pgid: int, sid: int, state: str, started: int
    ) -> None:
        self.pid = pid
        self.ppid = ppid
        self.pgid = pgid
        self.sid = sid
        self.state = state
        self.started = started

    @property
    def key(self) -> tuple[int, int]:
        """Pid and start: what names a process for ever, pids are used again."""
        return self.pid, self.started

    @property
    def is_running(self) -> bool:
        """Whether it is more than a zombie that waits for its parent."""
        return self.state not in "ZX"

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"ProcessEntry({fields})"
