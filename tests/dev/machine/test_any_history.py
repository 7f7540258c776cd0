"""Whatever happens in whatever order: what holds of every history."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sceneshift.dev import machine as m
from sceneshift.dev.machine import Phase, Style
from sceneshift.dev.model import Condition, Dependency

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GRAPHS: tuple[Mapping[str, tuple[Dependency, ...]], ...] = (
    {"web": ()},
    {"db": (), "web": (Dependency(name="db"),)},
    {
        "web": (Dependency(name="db", condition=Condition.COMPLETED),),
        "db": (),
        "log": (Dependency(name="web", condition=Condition.STARTED),),
    },
)

# What is configured instead: processes come, go, change places and what they wait for.
OTHERS: tuple[Mapping[str, tuple[Dependency, ...]], ...] = (
    *GRAPHS,
    {"log": ()},
    {"log": (), "web": ()},
    {"log": (Dependency(name="web"),), "web": ()},
    {"web": (Dependency(name="log"), Dependency(name="db")), "log": (), "db": ()},
)
NAMES = ("web", "db", "log")


@dataclass
class Process:
    """What the world knows of one process.

    Attributes:
        alive: Generations that have not ended, those that nobody waits for among them.
        runs: Of these, the ones that were told to run.
        checks: Those that are importing.
        stops: Those that were told to stop or are discarded.
        held: Those that accept nothing.
        waits: Whose deaths are waited for to be over.
        debugged: Which stand at a breakpoint.
        is_paused: Whether somebody wants it paused.
        is_preparing: Whether the run-once step is looked at.
        born: When each was launched, as the number of changes until then.
        changes: How many changes there were.
    """

    alive: set[int] = field(default_factory=set)
    runs: set[int] = field(default_factory=set)
    checks: set[int] = field(default_factory=set)
    stops: set[int] = field(default_factory=set)
    held: set[int] = field(default_factory=set)
    waits: set[int] = field(default_factory=set)
    debugged: set[int] = field(default_factory=set)
    is_paused: bool = False
    is_preparing: bool = False
    is_set_up: bool = False
    born: dict[int, int] = field(default_factory=dict)
    changes: int = 0

    def lose(self, token: int) -> None:
        """Know that a generation has ended."""
        for each in (self.alive, self.runs, self.checks, self.held, self.debugged):
            each.discard(token)

    @property
    def wanted(self) -> set[int]:
        """Generations that live and are to go on."""
        return self.alive - self.stops


class World:
    """Does what a machine says, and tells it what may happen."""

    def __init__(self, graph: Mapping[str, tuple[Dependency, ...]]) -> None:
        self.graph = {**graph}
        self.machine = m.Machine(graph)
        self.processes = {name: Process() for name in NAMES}
        self.leaving: set[str] = set()
        self.ends: list[int] = []
        self.is_quitting = False
        self.is_forced = False
        self.now = 0.0
        self.overlaps = dict.fromkeys(NAMES, True)

    # -- what may happen

    def progress(self) -> Iterator[m.Event]:  # noqa: C901 - one case an event
        """Events that a stack comes to rest by."""
        for name, process in self.processes.items():
            if process.is_preparing:
                yield m.SetupEnded(name=name, is_ok=True)
            for token in process.debugged:
                yield m.Debugging(name=name, token=token, is_waiting=False)
            if process.is_paused:
                yield m.Unpaused(name=name)
            for token in process.runs - process.stops:
                yield m.Ready(name=name, token=token)
            for token in process.checks - process.stops:
                yield m.Checked(name=name, token=token)
            for token in process.stops & process.alive:
                yield m.Exited(name=name, token=token, code=-15, now=self.now)
            for token in process.waits:
                yield m.Waited(name=name, token=token)
            if self._is_step(name):
                for token in process.runs - process.stops:
                    yield m.Exited(name=name, token=token, code=0, now=self.now)

    def _is_step(self, name: str) -> bool:
        return any(
            need.name == name and need.condition is Condition.COMPLETED
            for needs in self.graph.values()
            for need in needs
        )

    def trouble(self) -> Iterator[m.Event]:
        """Events that may come at any time."""
        for name, process in self.processes.items():
            if name in self.graph:
                yield from self._words(name)
            for token in process.alive:
                for code in (0, 1):
                    yield m.Exited(name=name, token=token, code=code, now=self.now)
                yield m.Exited(
                    name=name, token=token, code=1, is_broken=True, now=self.now
                )
                yield m.Debugging(name=name, token=token, is_waiting=True)
        for other in OTHERS:
            yield m.Configured(dependencies=other)
            names = frozenset(self.graph.keys() - other.keys())
            yield m.Configured(
                dependencies=other, successors=dict.fromkeys(other, names)
            )
        yield m.Quit()
        yield m.Quit(is_forced=True)

    def _words(self, name: str) -> Iterator[m.Event]:
        """What may be said to a process that is there."""
        style = Style.OVERLAP if self.overlaps[name] else Style.CHECKED
        for one in (style, Style.SEQUENCE):
            yield m.Changed(name=name, style=one)
            yield m.Changed(name=name, style=one, needs_setup=True)
            yield m.Paused(name=name, style=one)
        for verb in m.Verb:
            yield m.Asked(name=name, verb=verb, style=style)
        if self.processes[name].is_preparing:
            yield m.SetupEnded(name=name, is_ok=False)

    # -- what happens

    def feed(self, event: m.Event) -> None:
        """Let an event happen, and all that follows from it."""
        self.now += 0.5
        self._note(event)
        for action in self.machine.handle(event):
            self._perform(action)
        self._check()

    def _note(self, event: m.Event) -> None:  # noqa: C901 - one case an event
        match event:
            case m.Quit(is_forced=is_forced):
                self.is_quitting = True
                self.is_forced |= is_forced
            case m.SetupEnded(name=name, is_ok=is_ok):
                self.processes[name].is_preparing = False
                self.processes[name].is_set_up = is_ok
            case m.Exited(name=name, token=token):
                self.processes[name].lose(token)
            case m.Configured(dependencies=graph) if not self.is_quitting:
                self._configure(graph)
            case m.Changed(name=name):
                self.processes[name].changes += 1
            case m.Asked(name=name, verb=m.Verb.RESTART):
                self.processes[name].debugged.clear()  # a person's word counts more
            case m.Paused(name=name):
                self.processes[name].is_paused = True
            case m.Unpaused(name=name):
                self.processes[name].is_paused = False
            case m.Waited(name=name, token=token):
                self.processes[name].waits.remove(token)
            case m.Debugging(name=name, token=token, is_waiting=True):
                self.processes[name].debugged.add(token)
            case m.Debugging(name=name, token=token):
                self.processes[name].debugged.remove(token)

    def _configure(self, graph: Mapping[str, tuple[Dependency, ...]]) -> None:
        gone = self.graph.keys() - graph.keys()
        self.leaving = (self.leaving | gone) - graph.keys()
        self.graph = {**graph, **{name: self.graph[name] for name in self.leaving}}

    def _forget(self, name: str) -> None:
        """A process is not there any more; what it had discarded may still end."""
        process = self.processes[name]
        assert name in self.leaving, "one that is configured is forgotten"
        assert not process.wanted, "forgotten while it runs"
        assert not process.is_preparing, "forgotten during its step"
        assert name not in self.machine.states
        process.is_set_up = False
        self.leaving.remove(name)
        del self.graph[name]

    def _perform(self, action: m.Action) -> None:  # noqa: C901 - one case an action
        if isinstance(action, m.End):
            self.ends.append(action.code)
            assert not any(process.wanted for process in self.processes.values())
            return
        process = self.processes[action.name]
        match action:
            case m.Forget(name=name):
                self._forget(name)
            case m.Begin():
                assert action.name not in self.leaving, "begun though it is to go"
                assert not process.is_preparing, "the step runs twice at a time"
                process.is_preparing = True
            case m.Launch(token=token) | m.Check(token=token):
                self._start(process, action.name, token)
                is_check = isinstance(action, m.Check)
                (process.checks if is_check else process.runs).add(token)
            case m.Proceed(token=token):
                assert process.wanted == {token}, "two generations run"
                process.checks.discard(token)
                process.runs.add(token)
            case m.Hold(token=token):
                assert token in process.wanted
                process.held.add(token)
            case m.Resume(token=token):
                assert token in process.held
                process.held.remove(token)
            case m.Promote(token=token, old=old):
                assert {token, old} == process.wanted
            case m.Stop(token=token, is_forced=is_forced):
                assert token in process.alive
                assert token not in process.stops or is_forced, "stopped twice"
                self._stop(process, action.name, token)
            case m.Discard(token=token):
                assert token in process.wanted
                process.stops.add(token)
            case m.Wait(token=token):
                assert token not in process.alive
                process.waits.add(token)
        if self.is_quitting:
            assert isinstance(action, m.Stop | m.Discard | m.Resume)

    def _start(self, process: Process, name: str, token: int) -> None:
        assert all(token not in each.born for each in self.processes.values())
        assert not process.is_preparing, "started before the step has ended"
        assert process.is_set_up, "started though the step failed"
        assert not process.wanted & process.debugged
        process.born[token] = process.changes
        process.alive.add(token)
        assert self.overlaps[name] or len(process.wanted) <= 2

    def _stop(self, process: Process, name: str, token: int) -> None:
        process.stops.add(token)
        is_ending = self.is_quitting or name in self.leaving
        if not is_ending or self.is_forced or token in process.held:
            return
        waiting = [
            other
            for other, needs in self.graph.items()
            if any(need.name == name for need in needs)
            and other in self.machine.states
            and self.machine.states[other].is_running
        ]
        is_retired = self.machine.states[name].current != token
        assert is_retired or not waiting, "stopped before what depends on it"

    # -- what always holds

    def _check(self) -> None:
        assert self.machine.states.keys() == self.graph.keys()
        for name, process in self.processes.items():
            if name not in self.graph:
                assert not process.wanted, "it is not there and runs"
                continue
            state = self.machine.states[name]
            known = {state.current, state.candidate} - {None}
            assert process.wanted <= known, "a generation was forgotten"
            assert state.candidate is None or state.candidate in process.wanted
            assert state.is_running == (state.current is not None)
            if state.candidate is None and not state.is_paused:
                assert not process.held & process.wanted, "held for nobody"
            if state.is_paused:
                assert process.is_paused, "paused though nobody wants it"
                assert state.candidate is None, "new code comes in a pause"
                assert state.phase is not Phase.STARTING, "started in a pause"
            if not self.overlaps[name]:
                assert len(process.runs - process.stops) <= 1, "two workers"
        is_over = not any(s.is_running for s in self.machine.states.values())
        if self.machine.is_quitting:
            self.is_quitting = True
            assert len(self.ends) == is_over
        else:
            assert not self.ends

    def come_to_rest(self) -> None:
        """Let everything end well that is under way."""
        for _ in range(200):
            event = next((e for e in self.progress() if not self._is_told(e)), None)
            if event is None:
                return
            self.feed(event)
        raise AssertionError("it never comes to rest")

    def _is_told(self, event: m.Event) -> bool:
        """Whether a report would say what is known already."""
        if isinstance(event, m.Ready):
            state = self.machine.states[event.name]
            return state.current == event.token and state.phase is Phase.READY
        if isinstance(event, m.Checked):
            return self.machine.states[event.name].phase is Phase.STOPPING
        return False

    def assert_nothing_is_lost(self) -> None:
        """Each process runs the newest code, or there is a reason why not."""
        if self.is_quitting:
            assert len(self.ends) == 1
            return
        assert self.machine.is_settled
        assert not self.leaving, "one that is to go stays"
        for name in self.graph:
            process = self.processes[name]
            state = self.machine.states[name]
            if state.phase is Phase.READY and not state.is_broken:
                assert state.current is not None
                assert process.born[state.current] == process.changes


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_every_history(data: st.DataObject) -> None:
    """No generation is forgotten, no change is lost, and the end is the end."""
    world = World(data.draw(st.sampled_from(GRAPHS)))
    for name in NAMES:
        world.overlaps[name] = data.draw(st.booleans(), label=f"{name} overlaps")
    world.feed(m.Began())
    for _ in range(data.draw(st.integers(0, 25))):
        is_well = data.draw(st.booleans())
        events = list(world.progress() if is_well else world.trouble())
        if events:
            world.feed(data.draw(st.sampled_from(events)))
    world.come_to_rest()
    world.assert_nothing_is_lost()
