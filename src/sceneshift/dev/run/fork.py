"""Python programs: each generation is a fork of a zygote.

Ahead of the next reload a child waits, parked before the project's first import. A
reload is then: the old child stops accepting, the parked one goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.dev.machine import Style
from sceneshift.dev.run.departing import DepartingRunner
from sceneshift.dev.run.generation import name_modules
from sceneshift.dev.run.standby import EARLY, Standbys
from sceneshift.dev.zygote.words import HOLD, REPORT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sceneshift.core.program import PythonProgram
    from sceneshift.dev.model import ProcessSpec
    from sceneshift.dev.output import ProcessStream
    from sceneshift.dev.run.base import Ground
    from sceneshift.dev.run.choice import Choice
    from sceneshift.dev.run.generation import Generation
    from sceneshift.dev.run.zygote import ZygoteLink

_REPORT_S = 1.0  # a worker has imported by then what it imports at its start


class ForkRunner(DepartingRunner):
    """Runs one Python program by fork."""

    def __init__(
        self,
        spec: ProcessSpec,
        stream: ProcessStream,
        ground: Ground,
        program: PythonProgram,
        *,
        cold_reason: str | None = None,
    ) -> None:
        super().__init__(spec, stream, ground, program)
        self._standbys = Standbys()
        self._asked_reason = cold_reason
        self._nursery.cold_reason = cold_reason or self._nursery.cold_reason

    @property
    def cold_reason(self) -> str | None:
        """Why this process is not run by fork."""
        return self._nursery.cold_reason

    @property
    def skipped(self) -> dict[str, str]:
        """Packages that are imported anew in each generation, with the reason."""
        return dict(self._recall.skip)

    @property
    def style(self) -> Style:
        """How new code takes over now."""
        if any(held.is_listening for held in self._ground.held.of(self.spec.name)):
            return Style.SEQUENCE if self.cold_reason and _is_mute() else Style.OVERLAP
        return Style.SEQUENCE if self.cold_reason else Style.CHECKED

    # -- what the machine asks for

    def launch(self, token: int) -> None:
        """Start a generation; at once where a child is parked."""
        standby = self._take_standby(token)
        if standby is None:
            self._start(token, park=False)
        else:
            self._go(standby)

    def check(self, token: int) -> None:
        """Start a generation as far as importing the project."""
        standby = self._take_standby(token)
        if standby is None:
            self._start(token, park=True)
        else:
            self._import(standby)

    def proceed(self, token: int) -> None:
        """Let a checked generation run."""
        generation = self.generation(token)
        if generation is not None:
            self._go(generation)

    def refresh(self, changed: Iterable[str]) -> None:
        """Drop the parked children that have read a file which is now another."""
        for standby in self._standbys.find_stale(changed):
            self._discard(standby)
        self._standbys.note_edit(changed, self._recall.files)

    def fits(self, choice: Choice) -> bool:
        """Tell whether a process that is to be run like this can be run by this."""
        return choice.program is not None and choice.reason == self._asked_reason

    def renew(self, spec: ProcessSpec, program: PythonProgram) -> None:
        """Run from now on in another environment, or with other packages."""
        self._ground.held.move(self.spec.name, self.spec.port, spec.port)
        for held in self._ground.held.of(self.spec.name):
            if held.is_left:
                self._nursery.release(held.key)
        self.spec = spec
        self._know(program)
        self.handle_spoiled()
        self._nursery.renew(program)

    def prepare_anew(self) -> None:
        """Have a zygote and a parked child for what `renew` said."""
        if self.cold_reason is None:
            self._run(self._prepare_newest())

    async def _prepare_newest(self) -> None:
        with contextlib.suppress(SceneshiftError):  # the next start tells it
            await self._find_zygote()
        newest = self.generation(self._newest)
        if newest is not None and newest.is_ready:
            self._prepare(newest)

    def release(self) -> None:
        """Give up its addresses, which zygote and parked children have too."""
        self.handle_spoiled()
        self._orphans.close()
        for held in self._ground.held.of(self.spec.name):
            self._nursery.release(held.key)
        self._ground.held.release(self.spec.name)

    async def close(self) -> None:
        """End the zygotes."""
        left = self._nursery.close()
        if not self._has_heir:
            self._doorbell.close()
        self._orphans.close()
        self._recall.save(self._recall_path)
        await super().close()
        await asyncio.gather(*left)

    # -- making generations

    def _go(self, generation: Generation) -> None:
        """Let one that waits run: its service begins now, whenever it was born."""
        generation.began_at = time.time()
        self._tell(generation, {"op": "go", "anchor": self._find_anchor()})
        self._watch(generation)

    def _start(self, token: int, *, park: bool) -> None:
        generation, writing = self._new_generation(token)
        self._run(self._launch(generation, writing, park=park))

    async def _launch(
        self, generation: Generation, writing: int, *, park: bool
    ) -> None:
        try:
            if self._ground.anchors is not None:  # both come up at once
                raising = self._run(self._raise_anchor())
                await self._find_zygote()
                await raising
            zygote = await self._find_zygote()
            if zygote is None:
                self._ground.listener.handle_mute(self.spec.name)
                await self._start_plain(generation, writing)
                return
            if generation.is_discarded:
                self._end(generation, 0)
                return
            self._by_number[generation.number] = generation
            channel = self._nursery.fork(
                zygote,
                generation.number,
                park=park,
                output_fd=writing,
                anchor=None if park else self._find_anchor(),
            )
        except SceneshiftError as error:
            self._fail(generation, error)
            return
        finally:
            os.close(writing)
        self._link(generation, channel)
        if park:
            self._import(generation)
        else:
            generation.is_unborn = True

    async def _find_zygote(self) -> ZygoteLink | None:
        """Return a zygote; None where the interpreter cannot run one."""
        try:
            return None if self._nursery.is_plain else await self._nursery.get()
        except SceneshiftError:
            if self._nursery.is_plain:
                return None
            raise

    def _take_standby(self, token: int) -> Generation | None:
        """Make a parked child the newest generation, if there is one."""
        self._newest = token
        if self._lacks_anchor:
            return None  # one is raised by who starts from a zygote
        standby = self._standbys.take()
        if standby is None:
            return None
        standby.token = token
        self._by_token[token] = standby
        self._read(standby)
        for path, digest in standby.files.items():
            self._ground.listener.handle_use(self.spec.name, path, digest)
        return standby

    def _watch(self, generation: Generation) -> None:
        """Wait for the agent's word where the program accepts connections."""
        is_told = self._recall.serves or self._is_covered
        if not is_told or self._nursery.is_plain:
            super()._watch(generation)
        elif not self._is_server:
            generation.doubting = self._run(self._await_word(generation))

    async def _await_word(self, generation: Generation) -> None:
        """Wait no longer for a program that did accept connections and may not now."""
        patience_s, files = self._ground.patience_s, -1
        while len(generation.files) != files:  # while it imports it has a way to go
            files = len(generation.files)
            await generation.clock.sleep(patience_s)
        if generation.keys:
            return  # it is looked whether it accepts connections there
        if self._recall.serves:
            self._stream.note("accepts no connections, as it did before", time.time())
        self._recall.serves = False
        await self._report_ready(generation)

    def _import(self, generation: Generation, hot: Sequence[str] | None = None) -> None:
        """Have a worker import the project, as far as a hot file or all of it."""
        running = [each for each in self._by_token.values() if each is not generation]
        main, own = name_modules(self.program, running)
        modules = list(dict.fromkeys([*self._recall.own, *own]))
        message = {"op": "import", "modules": modules, "hot": hot, "main": main}
        anchor = self._find_anchor() if hot is None else None
        self._tell(generation, {**message, "anchor": anchor})

    def _prepare(self, generation: Generation) -> None:
        """Make ready for the next reload, after this generation is."""
        zygote = self._nursery.spare()
        if zygote is None or generation.is_discarded:
            return
        files = [path for path in generation.files if path.endswith(".py")]
        self._recall.files = files
        zygote.warm(files)
        missing = [m for m in self._recall.foreign if m not in zygote.preloaded]
        if missing:
            zygote.preload(missing)
        self._standbys.guess(files)
        for standby in self._standbys.take_surplus(files):
            self._discard(standby)
        for place in self._standbys.find_missing(files):
            hot = None if place == EARLY else [place]
            self._standbys.children[place] = self._park(zygote, hot)
        # What an older one has imported itself, the others have in common.
        if generation.number in zygote.alike:
            for standby in self._standbys.children.values():
                if standby.number in zygote.alike:
                    self._tell(standby, {"op": "take", "like": generation.pid})

    def _park(self, zygote: ZygoteLink, hot: Sequence[str] | None) -> Generation:
        """Make a child that waits."""
        standby, writing = self._new_generation(None)
        self._by_number[standby.number] = standby
        # A worker's own main module must not run before its predecessor has ended.
        is_late_worker = hot is not None and not self._recall.serves
        channel = self._nursery.fork(
            zygote,
            standby.number,
            park=True,
            output_fd=writing,
            hot=None if is_late_worker else hot,
        )
        os.close(writing)
        self._link(standby, channel)
        if is_late_worker:
            self._import(standby, hot)
        return standby

    # -- what the nursery says

    def handle_born(self, number: int, pid: int) -> None:
        """A generation has a process."""
        generation = self._by_number.get(number)
        if generation is None:
            return
        self._adopt(generation, pid)
        if generation.is_discarded:
            self._discard(generation)
        elif generation.is_unborn:
            self._watch(generation)

    def handle_died(self, number: int, status: int) -> None:
        """A generation's leader has ended."""
        generation = self._by_number.pop(number, None)
        if generation is None:
            return
        self._standbys.drop(generation)
        self._end(generation, os.waitstatus_to_exitcode(status))

    def handle_refused(self) -> None:
        """What spoils a zygote is kept for the next run."""
        self._recall.save(self._recall_path)

    def handle_spoiled(self) -> None:
        """The parked children are worthless."""
        for standby in self._standbys.empty():
            self._discard(standby)

    def _become_ready(self, generation: Generation) -> None:
        super()._become_ready(generation)
        # Until now the old code might have had to go on at the port it had.
        self._ground.held.leave(self.spec.name)
        if generation.releasing is None:
            generation.releasing = self._run(self._release_unused(generation))
        if not self._recall.serves and generation.token is not None:
            self._ground.loop.call_later(
                _REPORT_S, self._signal, generation.token, REPORT
            )

    async def _release_unused(self, generation: Generation) -> None:
        """Give up addresses that new code has not bound: nobody would ever answer."""
        await generation.clock.sleep(self._ground.patience_s)
        is_newest = generation.token == self._newest and generation in self._made
        is_held = bool(self._ground.held.of(self.spec.name))
        if is_newest and not generation.keys and is_held:
            self._ground.held.shut(self.spec.name)  # it has copies from its zygote
            self.release()


def _is_mute() -> bool:
    """Whether the system has no signals to spare for the words."""
    return HOLD == 0
