"""A program under a debugger: whether it stops where it is told to."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from sceneshift.ide.dap.framing import DebugError
from sceneshift.ide.dap.session import Stage
from sceneshift.ide.doctor.call import Call
from sceneshift.ide.doctor.findings import Finding, Kind, Outcome
from sceneshift.ide.doctor.listening import find_listening, list_family
from sceneshift.ide.doctor.places import group_lines
from sceneshift.ide.doctor.sources import fill_path
from sceneshift.ide.doctor.terminal import find_last_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sceneshift.ide.dap.client import Client, Frame
    from sceneshift.ide.dap.session import Session
    from sceneshift.ide.doctor.sources import Place

_MOST_CALLS = 12
_CHILDREN_S = 0.3
_PLACED_S = 5.0
_SETTLED_S = 0.5
_LOOK_S = 0.1  # between two looks for a port


class Verdict(Struct, frozen=True, kw_only=True):
    """What came of a trial.

    Attributes:
        outcome: Whether a breakpoint was hit.
        detail: Where, or why not.
        findings: What is wrong.
    """

    outcome: Outcome
    detail: str
    findings: tuple[Finding, ...] = ()


class Trial:
    """A session, and what it is tried with.

    Args:
        client: The debugger.
        session: The entry's session.
        resolved: The entry, its variables replaced.
        root: The project's folder.
        limit_s: Seconds that there are for all.

    Attributes:
        calls: The requests that were sent and answered.
        places: The lines that it is to stop at.
        port: The one that its requests go to; None where it does not listen.
        limit_s: Seconds that there are for all.
    """

    def __init__(
        self,
        client: Client,
        session: Session,
        *,
        resolved: Mapping[str, Any],
        root: Path,
        limit_s: float,
    ) -> None:
        self.client = client
        self.session = session
        self.resolved = resolved
        self.root = root
        self.calls: list[Call] = []
        self.places: Sequence[Place] = ()
        self.port: int | None = None
        self.limit_s = limit_s
        self._deadline = time.monotonic() + limit_s
        self._looked_at = 0.0
        self._host = "127.0.0.1"

    @property
    def rest_s(self) -> float:
        """Seconds that are left."""
        return max(0.0, self._deadline - time.monotonic())

    @property
    def has_ended(self) -> bool:
        """Whether the program has."""
        return self.session.stage is Stage.ENDED

    # -- stops

    def break_at(self, places: Sequence[Place]) -> None:
        """Have it stop at some lines."""
        self.places = places
        self.client.break_at(group_lines(places))

    def wait_until_placed(self) -> None:
        """Wait until all processes know the breakpoints, those of children too."""
        # Children are told of after the answer to the attachment.
        self.wait(lambda: False, _CHILDREN_S)
        self.wait(self._is_placed, _PLACED_S)

    def _is_placed(self) -> bool:
        stages = {one.stage for one in self.client.sessions}
        wanted = {(str(place.file), place.line) for place in self.places}
        return Stage.STARTING not in stages and all(
            wanted <= one.verified.keys() for one in self.client.running()
        )

    def wait(self, is_done: Callable[[], bool], limit_s: float | None = None) -> bool:
        """Wait until something is so, it stands still or it has ended."""
        limit_s = self.rest_s if limit_s is None else min(limit_s, self.rest_s)
        return self.client.wait(
            lambda: is_done() or self.client.find_stop() is not None or self.has_ended,
            limit_s=limit_s,
        )

    def take_stop(self) -> Frame | None:
        """Return where it stands still, and let it go on; None where it does not.

        What it stopped for besides, as at an exception, is passed over.
        """
        while (stop := self.client.find_stop()) is not None:
            frame = self.client.find_frame(stop)
            self.client.resume(stop)
            if "breakpoint" in stop.reason:
                return frame
        return None

    def wait_for_stop(self, limit_s: float | None = None) -> Frame | None:
        """Wait for a breakpoint; return where it stands, None where it does not."""
        self.wait(lambda: False, limit_s)
        return self.take_stop()

    # -- requests

    def find_port(self, wanted: int | None) -> bool:
        """Look where it listens, at most ten times a second; return whether it does."""
        if time.monotonic() < self._looked_at + _LOOK_S:
            return self.port is not None
        self._looked_at = time.monotonic()
        ports = find_listening(list_family(self.list_pids()))
        chosen = wanted if wanted in ports else next(iter(ports), None)
        if chosen is not None:
            self.port, self._host = chosen, ports[chosen]
        return self.port is not None

    def list_pids(self) -> set[int]:
        """Return the processes that are debugged."""
        sessions = self.client.running()
        return {one.pid for one in sessions if one.pid is not None}

    def call_routes(self, places: Sequence[Place]) -> Frame | None:
        """Ask for the path of each place until it stops; return where it does."""
        paths = list(dict.fromkeys(place.path or "/" for place in places))
        frame = self.call_paths(paths)
        if frame is None and all(call.status == 404 for call in self.calls):
            frame = self.call_paths(self._find_prefixed(paths))
        return frame

    def call_paths(self, paths: Sequence[str]) -> Frame | None:
        """Ask for each path until it stops; return where it does."""
        for path in paths[:_MOST_CALLS]:
            frame = None if self.has_ended else self._call(path)
            if frame is not None:
                return frame
        return None

    def _call(self, path: str) -> Frame | None:
        assert self.port is not None
        call = Call(self.client, self._host, self.port, path)
        self.wait(lambda: call.is_over)
        frame = self.take_stop()
        if frame is None:
            self.calls.append(call)
        return frame

    def _find_prefixed(self, paths: Sequence[str]) -> list[str]:
        """Return the paths as the application has them, by its own description.

        Where routers are joined, the paths of their sources are only the ends.
        """
        assert self.port is not None
        call = Call(self.client, self._host, self.port, "/openapi.json")
        self.wait(lambda: call.is_over)
        try:
            described = json.loads(call.body)["paths"]
            whole = [fill_path(path) for path, how in described.items() if "get" in how]
        except (ValueError, KeyError, TypeError, AttributeError):
            return []
        ends = tuple(path for path in paths if path != "/")
        return [path for path in whole if path.endswith(ends)]

    # -- words

    def hit(self, frame: Frame) -> Verdict:
        """Return the verdict that it stopped."""
        return Verdict(outcome=Outcome.HIT, detail=self.describe(frame))

    def describe(self, frame: Frame) -> str:
        """Return `file:line in function`."""
        file = Path(frame.file)
        is_inside = file.is_relative_to(self.root)
        shown = file.relative_to(self.root) if is_inside else file
        inside = "" if frame.function == "<module>" else f" in {frame.function}"
        return f"{shown}:{frame.line}{inside}"

    def find_last_words(self) -> str:
        """Return the last line that the program printed, with a colon before it."""
        return find_last_line(self.session.output)


def fail(kind: Kind, text: str, hint: str) -> Verdict:
    """Return the verdict that an entry does not work."""
    finding = Finding(kind=kind, text=text, hint=hint)
    return failed(finding)


def failed(finding: Finding) -> Verdict:
    """Return the verdict of a finding."""
    return Verdict(outcome=Outcome.FAILED, detail=finding.text, findings=(finding,))


def is_same_file(one: str, other: str | os.PathLike[str]) -> bool:
    """Tell whether two paths lead to one file."""
    return os.path.realpath(one) == os.path.realpath(other)


def start(
    client: Client, resolved: Mapping[str, Any], *, limit_s: float
) -> Session | Verdict:
    """Begin the entry's session; return it once it runs, or why it does not."""
    hint = "start it in a terminal to see more"
    try:
        session = client.start(resolved)
    except DebugError as error:
        return fail(Kind.PORT_CLOSED, error.message, "inv dev --debug")
    client.wait(lambda: _is_settled(session), limit_s=limit_s)
    # Its terminal may have ended before the adapter has told all.
    client.wait(lambda: session.stage is not Stage.STARTING, limit_s=_SETTLED_S)
    last = find_last_line(session.output)
    if session.failure is not None:
        code = "" if session.exit_code is None else f", exit code {session.exit_code}"
        return fail(Kind.ENDED, f"{session.failure}{code}{last}", hint)
    if session.stage is Stage.STARTING and _is_settled(session):
        return fail(
            Kind.ENDED, f"the program ends before its debugger is there{last}", hint
        )
    if session.stage is Stage.STARTING:
        return fail(
            Kind.SILENT,
            f"the debugger does not answer within {limit_s:g} s{last}",
            "start the program anew: a mere connection to its port wedges debugpy",
        )
    return session


def _is_settled(session: Session) -> bool:
    """Tell whether the program runs, or will never do so."""
    terminal = session.terminal
    has_ended = terminal is not None and terminal.poll() is not None
    return has_ended or session.stage is not Stage.STARTING
