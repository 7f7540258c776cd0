"""What the agents of a program's generations report."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import TYPE_CHECKING, Any

from sceneshift.core.channel import Channel
from sceneshift.dev.model import TcpProbe
from sceneshift.dev.run.accepting import wait_accepting
from sceneshift.dev.run.agent import AgentLink, signal_family
from sceneshift.dev.run.debugging import DebuggedRunner
from sceneshift.dev.run.doorbell import Doorbell
from sceneshift.dev.run.line import Line
from sceneshift.dev.run.nursery import Nursery, Parent
from sceneshift.dev.run.orphans import Orphans
from sceneshift.dev.run.recall import Recall
from sceneshift.dev.run.retiring import give, say_until_heard
from sceneshift.dev.run.servers import ends_its_children, is_server
from sceneshift.dev.zygote.code import identify
from sceneshift.dev.zygote.words import HOLD, REPORT, RESUME

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sceneshift.core.channel import Message
    from sceneshift.core.program import PythonProgram
    from sceneshift.dev.model import ProcessSpec
    from sceneshift.dev.output import ProcessStream
    from sceneshift.dev.run.base import Ground
    from sceneshift.dev.run.generation import Generation

    Turn = Callable[[set[str]], Awaitable[None]]

_ANOTHER = "another"  # in place of the digest of what a file has been
_HEAR_S = 3.0  # who computes, on a machine that is busy, comes late to the word
_LOOK_S = 0.001
_SERVING = frozenset({"adopts", "keeps", "ready"})  # said by who takes connections
_ANSWER_S = 0.05  # the new code answers first, then the next child is made


class ReportedRunner(DebuggedRunner, Parent):
    """A runner whose generations have agents in them."""

    def __init__(
        self,
        spec: ProcessSpec,
        stream: ProcessStream,
        ground: Ground,
        program: PythonProgram,
    ) -> None:
        super().__init__(spec, stream, ground)
        self._recall_path = ground.state / f"{spec.name}.json"
        self._recall = Recall.load(self._recall_path)
        self._know(program)
        self._newest = 0
        self._by_number: dict[int, Generation] = {}
        self._doorbell = Doorbell(ground.loop, self._is_awaited)
        self._orphans = Orphans(ground.loop)
        self._has_heir = False
        self._former: ReportedRunner | None = None
        self._turn: Turn | None = None
        self._unprepared: Generation | None = None
        self._nursery = Nursery(
            program,
            label=f"{spec.label}: {spec.command}",
            process=spec.name,
            stream=stream,
            ground=ground,
            recall=self._recall,
            parent=self,
        )

    def _know(self, program: PythonProgram) -> None:
        """Take what is known of a program by its name."""
        self.program = program
        self._recall.know(f"{program.kind} {program.target}")
        self._is_server = is_server(program)
        self._recall.serves |= self._is_server
        self._ends_its_children = ends_its_children(program)

    # -- what the machine asks for

    def hold(self, token: int) -> None:
        """Have a generation stop accepting."""
        self._say_whether_to_hold(token, is_holding=True)

    def resume(self, token: int) -> None:
        """Have a generation accept again."""
        self._say_whether_to_hold(token, is_holding=False)

    def _say_whether_to_hold(self, token: int, *, is_holding: bool) -> None:
        generation = self.generation(token)
        # Told once more it would not answer, and its successor wait for that in vain.
        if generation is not None and generation.is_holding is not is_holding:
            generation.is_holding = is_holding
            generation.heard.clear()
            word = HOLD if is_holding else RESUME
            self._signal(token, word)
            self._run(say_until_heard(generation, word))

    def _signal(self, token: int, number: int) -> None:
        generation = self.generation(token)
        if generation is not None and generation.pid is not None:
            signal_family(generation.pid, number)

    # -- in place of another runner

    def move(self, ground: Ground) -> None:
        """Stand on another ground: tell another, and have other addresses."""
        super().move(ground)
        self._nursery.move(ground)

    def follow(self, former: ReportedRunner | None, turn: Turn | None) -> None:
        """Be what is to take over from another runner, which goes on until then.

        Args:
            former: It may have the same addresses; None means that it is over.
            turn: Waits until that has been told to hold, with the keys of addresses.
        """
        self._former, self._turn = former, turn
        generation, self._unprepared = self._unprepared, None
        if turn is None and generation is not None:
            self._prepare(generation)
        self._nursery.follow(None if former is None else former._nursery)  # noqa: SLF001 - of the same class

    def yield_to(self, heir: ReportedRunner, token: int, old: int) -> None:
        """Give the old generation's open connections to another runner's new one."""
        retiring = self.generation(old)
        if retiring is not None:
            retiring.successor = heir.generation(token)
        heir._doorbell.close()  # nothing waits at it yet
        heir._doorbell = self._doorbell
        self._doorbell.serve(heir._is_awaited)
        self._has_heir = True

    @property
    def _is_covered(self) -> bool:
        """Whether somebody else answers at its port until it takes over.

        That is the old process, or the page that says why that is down.
        """
        if self._former is None or self.spec.probe not in (None, TcpProbe()):
            return False
        held = self._former._ground.held.of(self.spec.name)  # noqa: SLF001 - of the same class
        return any(each.port == self.spec.port and each.is_listening for each in held)

    # -- for what makes generations

    def _prepare(self, generation: Generation) -> None:
        """Make ready for the next reload, after this generation is."""
        raise NotImplementedError

    def _find_heir(self, generation: Generation) -> Generation | None:
        """Return who gets a generation's open connections."""
        raise NotImplementedError

    def _link(self, generation: Generation, channel: Channel) -> None:
        generation.link = self._open(generation, channel)

    def _open(
        self, generation: Generation, channel: Channel, pid: int | None = None
    ) -> AgentLink:
        return AgentLink(
            self._ground.loop,
            channel,
            lambda link, message, fds: self._handle(generation, link, message, fds),
            pid=pid,
        )

    # -- what a generation says

    def _handle(
        self, generation: Generation, link: AgentLink, message: Message, fds: list[int]
    ) -> None:
        link.serves |= message["event"] in _SERVING
        match message["event"]:
            case "adopts":
                generation.adopters.append(link)
            case "terminal":
                _close_terminal(generation, link)
                generation.terminals[link] = fds[0]
            case "debugger":
                self.hear_of_stop(generation, link, message)
            case "gone":
                self._forget_fork(generation, link)
            case event:
                getattr(self, f"_on_{event}")(generation, message, fds)

    def _forget_fork(self, generation: Generation, link: AgentLink) -> None:
        """A fork has ended, maybe at a breakpoint; the leader's end is told anyway."""
        if link is not generation.link:
            self.hear_no_more(generation, link)
            _close_terminal(generation, link)

    def _on_branch(
        self, generation: Generation, message: Message, fds: list[int]
    ) -> None:
        """A fork of it has an agent of its own."""
        channel = Line(socket.socket(fileno=fds[0]), self._ground.loop)
        link = self._open(generation, channel, message["pid"])
        open_ones = [each for each in generation.branches if each.is_open]
        generation.branches = [*open_ones, link]
        if message["waits"]:
            link.tell({"op": "begin", "is_holding": generation.is_holding})
        elif generation.is_holding:
            signal_family(message["pid"], HOLD)  # was made after the word was said

    def _on_parked(self, generation: Generation, message: Message, _fds: Any) -> None:
        generation.is_parked = True
        length, content = message["head"]
        generation.parked_at = (message["at"], length, content)

    def _on_file(self, generation: Generation, message: Message, _fds: Any) -> None:
        path, digest = message["path"], message["digest"]
        if digest is None and list(identify(path)) != message["identity"]:
            digest = _ANOTHER
        generation.files.setdefault(path, digest)
        if message.get("module"):
            generation.modules[message["module"]] = path
        if generation.token is not None and generation.token == self._newest:
            self._ground.listener.handle_use(self.spec.name, path, digest)

    def _on_imported(
        self, generation: Generation, _message: Message, _fds: Any
    ) -> None:
        if generation.token is not None:
            self._ground.listener.handle_checked(self.spec.name, generation.token)

    def _on_bind(
        self, _generation: Generation, message: Message, fds: list[int]
    ) -> None:
        """It wants an address: bind here, or say why that cannot be."""
        key = message["key"]
        with contextlib.closing(Channel(socket.socket(fileno=fds[0]))) as line:
            try:
                held = self._ground.held.get(
                    self.spec.name, key, v6only=bool(message["v6only"])
                )
            except OSError as error:
                line.send({"op": "refused", "errno": error.errno})
                return
            line.send({"op": "hold"}, (held.sock.fileno(),))
        self._nursery.hold(key, held.sock.fileno())

    def _on_bound(self, generation: Generation, message: Message, _fds: Any) -> None:
        generation.keys.add(message["key"])
        self._recall.serves = True
        if generation.looking is None:
            generation.looking = self._run(self._look(generation))
        if message["waits"]:
            self._run(self._let_serve(generation))

    async def _let_serve(self, generation: Generation) -> None:
        """Let it answer when no predecessor does any more: none is to be stale."""
        if self._turn is not None:
            await self._turn(generation.keys)
        family = [self] if self._former is None else [self, self._former]
        known = [each for runner in family for each in runner._by_number.values()]  # noqa: SLF001 - of the same class
        others = [each for each in known if each is not generation]
        end = self._ground.loop.time() + _HEAR_S
        while (  # noqa: ASYNC110 - several are waited for, and each may be gone
            any(each.is_late for each in others) and self._ground.loop.time() < end
        ):
            await asyncio.sleep(_LOOK_S)
        self._tell(generation, {"op": "serve"})

    async def _look(self, generation: Generation) -> None:
        """Notice that it accepts, where its agent cannot."""
        held = self._ground.held.of(self.spec.name)
        mine = [each for each in held if each.key in generation.keys]
        inodes = {os.fstat(each.sock.fileno()).st_ino for each in mine}
        await wait_accepting(generation, inodes)
        self._on_ready(generation, {}, [])

    def _on_ready(self, generation: Generation, _message: Message, _fds: Any) -> None:
        """It accepts connections: enough where it takes over, a start is probed."""
        if generation.is_listening:
            return  # another worker of it
        generation.is_listening = True
        self._orphans.give(generation)
        self._ground.loop.call_later(_ANSWER_S, self._ask_modules, generation)
        others = [each for each in self._by_token.values() if each is not generation]
        if self.spec.probe is None or any(each.is_ready for each in others):
            self._become_ready(generation)
        elif generation.readying is None:
            super()._watch(generation)

    def _ask_modules(self, generation: Generation) -> None:
        """Have it say what a next zygote needs."""
        if generation.pid is not None:
            signal_family(generation.pid, REPORT)

    def _on_modules(self, generation: Generation, message: Message, _fds: Any) -> None:
        if self._recall.learn(message["foreign"], message["own"]):
            self._recall.save(self._recall_path)
        if generation.token != self._newest:
            return
        if self._turn is None:
            self._prepare(generation)
        else:
            self._unprepared = generation  # others are coming up still

    def _on_held(self, generation: Generation, message: Message, _fds: Any) -> None:
        """One process of it has stopped accepting."""
        if generation.is_holding:
            generation.heard.add(message["pid"])

    def _on_resumed(self, generation: Generation, message: Message, _fds: Any) -> None:
        """One process of it accepts again."""
        if not generation.is_holding:
            generation.heard.add(message["pid"])

    def _on_handed(self, generation: Generation, _message: Message, _fds: Any) -> None:
        """The idle connections of one process of it are with the successor."""
        generation.to_hand -= 1
        if generation.to_hand <= 0:
            generation.handed.set()

    def _on_retired(self, generation: Generation, message: Message, _fds: Any) -> None:
        """One process of it says how many requests are under way."""
        generation.busy[message["pid"]] = message["busy"]

    def _on_connection(
        self, generation: Generation, _message: Message, fds: list[int]
    ) -> None:
        """An idle connection of the old generation goes on with the new one."""
        heir = self._find_heir(generation)
        if heir is not None and heir.adopters:
            give(fds[0], heir)
        elif generation.keeps:
            self._doorbell.offer(fds[0])  # to whoever accepts next
        elif generation.adopters:
            self._orphans.take(fds[0])
        os.close(fds[0])

    def _is_awaited(self) -> bool:
        return any(not each.is_listening for each in self._by_token.values())

    def _on_keeps(self, generation: Generation, _message: Message, _fds: Any) -> None:
        """It has accepted a connection, the first of those that it hands over."""
        generation.keeps = True
        self._on_ready(generation, {}, [])

    def _on_adopt(
        self, _generation: Generation, message: Message, fds: list[int]
    ) -> None:
        """It has accepted a ring, and asks for a connection."""
        taken = self._doorbell.take(message["ring"])
        with contextlib.closing(Channel(socket.socket(fileno=fds[0]))) as line:
            if taken is None:
                line.send({"op": "none"})
                return
            with taken:
                line.send({"op": "connection"}, (taken.fileno(),))

    def _tell(
        self, generation: Generation, message: Message, fds: tuple[int, ...] = ()
    ) -> None:
        if generation.link is not None:
            generation.link.tell(message, fds)


def _close_terminal(generation: Generation, link: AgentLink) -> None:
    """Close the terminal of one of its processes, which has another now or none."""
    former = generation.terminals.pop(link, None)
    if former is not None:
        os.close(former)
