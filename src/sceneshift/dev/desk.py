"""What the control socket answers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from typing import TYPE_CHECKING, Any

from sceneshift.core.channel import Decoder
from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.core.wording import quote, suggest
from sceneshift.dev.history import Reload, SwitchRecord
from sceneshift.dev.machine import Quit, Verb
from sceneshift.dev.output import Follower
from sceneshift.dev.pausing import MOST_S, Pauses
from sceneshift.dev.status import describe, describe_reload, describe_switch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from sceneshift.core.channel import Message
    from sceneshift.dev.control import Connection
    from sceneshift.dev.supervisor import Supervisor


class Desk:
    """Answers requests about one stack."""

    def __init__(
        self,
        supervisor: Supervisor,
        quit_stack: Callable[[Quit], None],
        switch: Callable[[Message], Awaitable[Message]],
        browse: Callable[[str], Awaitable[None]],
    ) -> None:
        self._supervisor = supervisor
        self._take_switch = switch
        self._open_browser = browse
        self._quit = quit_stack
        self._pauses = Pauses(supervisor)

    async def __call__(self, request: Message, connection: Connection) -> None:
        """Answer one request."""
        operation = getattr(self, f"_{request['op']}", None)
        if operation is None:
            raise UsageError(
                f"the stack does not know how to {quote(request['op'])}",
                hint="an older version started it: inv dev.stop, then inv dev",
            )
        await operation(request, connection)

    async def _status(self, _request: Message, connection: Connection) -> None:
        status = describe(self._supervisor)
        answer = {"ok": True, "pid": os.getpid(), "status": status}
        await connection.send({**answer, "began_at": self._supervisor.began_at})

    async def _ready(self, request: Message, connection: Connection) -> None:
        """Answer when nothing is on its way any more, or after so many seconds."""
        machine = self._supervisor.machine
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(request.get("within_s")):
                while not machine.is_settled:
                    await self._supervisor.wait_move()
        status = describe(self._supervisor)
        await connection.send(
            {"ok": True, "is_settled": machine.is_settled, "status": status}
        )

    async def _why(self, request: Message, connection: Connection) -> None:
        names = self._resolve(request["names"])
        found = self._supervisor.history.last(request["count"], names or None)
        reloads = [each for each in found if isinstance(each, Reload)]
        switches = [each for each in found if isinstance(each, SwitchRecord)]
        left_out = {
            name: runner.skipped
            for name, runner in self._supervisor.runners.items()
            if runner.skipped and (not names or name in names)
        }
        answer = {
            "reloads": list(map(describe_reload, reloads)),
            "switches": list(map(describe_switch, switches)),
            "left_out": left_out,
        }
        await connection.send({"ok": True, **answer})

    async def _act(self, request: Message, connection: Connection) -> None:
        """Start, stop or restart processes, and answer when that is done."""
        verb = Verb(request["verb"])
        names = self._resolve(request["names"]) or list(self._supervisor.runners)
        for name in names:
            self._supervisor.ask(name, verb)
        await self._await_end(names)
        status = describe(self._supervisor)
        await connection.send({"ok": True, "names": names, "status": status})

    async def _await_end(self, names: Iterable[str]) -> None:
        while any(map(self._is_moving, names)):
            await self._supervisor.wait_move()

    def _is_moving(self, name: str) -> bool:
        """Tell whether it is on its way, and stands at no breakpoint."""
        is_on_its_way = self._supervisor.machine.is_moving(name)
        return is_on_its_way and self._supervisor.find_standing(name) is None

    async def _shutdown(self, _request: Message, connection: Connection) -> None:
        await connection.send({"ok": True, "pid": os.getpid()})
        self._quit(Quit())

    async def _switch(self, request: Message, connection: Connection) -> None:
        """Go over to another environment, and answer when that is done or failed."""
        await connection.send({"ok": True, **await self._take_switch(request)})

    async def _browse(self, request: Message, connection: Connection) -> None:
        """Answer when a browser shows the page, opened anew where it was closed."""
        await self._open_browser(request["how"])
        await connection.send({"ok": True})

    async def _pause(self, request: Message, connection: Connection) -> None:
        """Pause the processes of some pids, until the client goes."""
        names = self._pauses.begin(
            request["pids"], request["why"], is_stop=request["is_stop"]
        )
        try:
            await connection.send({"ok": True, "names": names})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(MOST_S):
                    await connection.wait_gone()
        finally:
            self._pauses.end(names)

    async def _follow(self, request: Message, connection: Connection) -> None:
        """Send lines as they come, until the client goes."""
        names = self._resolve(request["names"])
        pattern = re.compile(request["grep"]) if request.get("grep") else None
        waiting = asyncio.Event()
        follower = Follower(waiting.set, names=names, pattern=pattern)
        streams = self._supervisor.streams
        gone = asyncio.ensure_future(connection.wait_gone())
        streams.add_sink(follower)
        try:
            await connection.send({"ok": True, "pid": os.getpid()})
            while not gone.done():
                await _either(waiting, gone)
                waiting.clear()
                await self._send_batch(follower, connection)
        finally:
            gone.cancel()
            streams.remove_sink(follower)

    async def _send_batch(self, follower: Follower, connection: Connection) -> None:
        batch = follower.take()
        if batch.lines or batch.skipped:
            lines = [line.as_json() for line in batch.lines]
            await connection.send({"skipped": batch.skipped, "lines": lines})

    async def _attach(self, request: Message, connection: Connection) -> None:
        (name,) = self._resolve([request["name"]])
        generation = self._supervisor.find_standing(name)
        if generation is None:
            raise SceneshiftError(
                f"`{name}` stands at no breakpoint",
                hint="put `breakpoint()` in its code and have it run there",
            )
        terminal = generation.terminal
        if terminal is None:
            raise SceneshiftError(
                f"`{name}` stands at a breakpoint of an editor",
                hint="go on with it there, or have the editor detach",
            )
        await connection.send({"ok": True, "place": generation.place}, fd=terminal)
        while generation.clock.is_stopped and generation.terminal == terminal:
            await self._supervisor.wait_move()
        await connection.send({"ok": True, "place": None})

    async def _debugged(self, request: Message, connection: Connection) -> None:
        """Hear of the stops of an interpreter that a process has started itself."""
        runner, generation = self._supervisor.crew.get_debugged(request["number"])
        await connection.send({"ok": True})
        decoder = Decoder()
        try:
            while data := await connection.read():
                for message, _fds in decoder.feed(data, []):
                    runner.hear_of_stop(generation, connection, message)
        finally:
            runner.hear_no_more(generation, connection)

    def _resolve(self, names: Iterable[str]) -> list[str]:
        """Return processes by name, label or type.

        Raises:
            UsageError: There is none of that name.
        """
        found: list[str] = []
        known = self._supervisor.stack.processes
        for name in names:
            matches = [
                spec.name
                for spec in known
                if name in (spec.name, spec.label, spec.label.rpartition(".")[0])
            ]
            if not matches:
                raise UsageError(
                    f"there is no process {quote(name)}",
                    hint=suggest(name, (spec.name for spec in known)),
                )
            found += matches
        return found


async def _either(event: asyncio.Event, future: asyncio.Future[Any]) -> None:
    waiting = asyncio.ensure_future(event.wait())
    await asyncio.wait({waiting, future}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
