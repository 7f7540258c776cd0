"""What tests of the machine share: histories that are read as tables.

A line is an event, what is to be done, and the words of all processes:

    exit 1 code 3 at 2.5 -> wait 0.2 | restarting

`web` is meant where no process is named; another stands before a colon: `db: ready 1`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.dev import machine as m
from sceneshift.dev.model import Dependency

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME = "web"
_UP = """
    began      -> begin    | setup
    prepared   -> launch 1 | starting
    ready 1    ->          | ready
"""


def make_machine() -> m.Machine:
    """Return a stack of one process."""
    return m.Machine({_NAME: ()})


def bring_up() -> m.Machine:
    """Return the same with the process ready, as token 1."""
    machine = make_machine()
    replay(machine, _UP)
    return machine


def replay(machine: m.Machine, history: str) -> None:
    """Feed the events of a history; compare what comes of each."""
    for line in filter(None, map(str.strip, history.splitlines())):
        event, _arrow, outcome = line.partition("->")
        done = ", ".join(map(spell, machine.handle(parse(event.strip()))))
        words = " ".join(state.word for state in machine.states.values())
        got = f"{event.strip()} -> {done} | {words}"
        expected, _bar, expected_words = outcome.partition("|")
        want = f"{event.strip()} -> {expected.strip()} | {expected_words.strip()}"
        assert got == want


def parse(text: str) -> m.Event:
    """Return the event of a line."""
    name, colon, rest = text.partition(": ")
    name, words = (name, rest.split()) if colon else (_NAME, text.split())
    return _EVENTS[words[0]](name, words[1:])


def _exited(name: str, words: list[str]) -> m.Exited:
    given = dict(zip(words[1::2], words[2::2], strict=False))
    return m.Exited(
        name=name,
        token=int(words[0]),
        code=int(given.get("code", 1)),
        is_broken="broken" in words,
        now=float(given.get("at", 0)),
    )


def _changed(name: str, words: list[str]) -> m.Changed:
    return m.Changed(name=name, style=m.Style(words[0]), needs_setup="setup" in words)


def _asked(name: str, words: list[str]) -> m.Asked:
    return m.Asked(name=name, verb=m.Verb(words[0]), style=m.Style((words + _SEQ)[1]))


def _quit(_name: str, words: list[str]) -> m.Quit:
    code = int(words[0]) if words and words[0] != "now" else 0
    return m.Quit(is_forced="now" in words, code=code)


def _configured(_name: str, words: list[str]) -> m.Configured:
    """Read `web<db new@old`: `web` waits for `db`, `new` for the end of `old`."""
    graph: dict[str, tuple[Dependency, ...]] = {}
    successors = {}
    for word in words:
        name, _less, needed = word.partition("@")[0].partition("<")
        graph[name] = (Dependency(name=needed),) if needed else ()
        if "@" in word:
            successors[name] = frozenset({word.partition("@")[2]})
    return m.Configured(dependencies=graph, successors=successors)


_SEQ = ["sequence"]
_EVENTS: dict[str, Callable[[str, list[str]], m.Event]] = {
    "began": lambda _name, _words: m.Began(),
    "prepared": lambda name, _words: m.SetupEnded(name=name, is_ok=True),
    "unprepared": lambda name, _words: m.SetupEnded(name=name, is_ok=False),
    "ready": lambda name, words: m.Ready(name=name, token=int(words[0])),
    "checked": lambda name, words: m.Checked(name=name, token=int(words[0])),
    "exit": _exited,
    "change": _changed,
    "waited": lambda name, words: m.Waited(name=name, token=int(words[0])),
    "ask": _asked,
    "breaks": lambda name, words: m.Debugging(
        name=name, token=int(words[0]), is_waiting=True
    ),
    "continues": lambda name, words: m.Debugging(
        name=name, token=int(words[0]), is_waiting=False
    ),
    "pause": lambda name, words: m.Paused(name=name, style=m.Style(words[0])),
    "unpause": lambda name, _words: m.Unpaused(name=name),
    "configure": _configured,
    "quit": _quit,
}


def spell(action: m.Action) -> str:
    """Return an action in the words of a history."""
    name = getattr(action, "name", _NAME)
    return _spell(action) if name == _NAME else f"{name}: {_spell(action)}"


def _spell(action: m.Action) -> str:
    match action:
        case m.End(code=code):
            return f"end {code}"
        case m.Begin() | m.Forget():
            return type(action).__name__.lower()
        case m.Wait(delay_s=delay_s):
            return f"wait {delay_s:g}"
        case m.Promote(token=token, old=old):
            return f"promote {token} over {old}"
        case m.Stop(token=token, is_reload=is_reload, is_forced=is_forced):
            how = " soon" * is_reload + " now" * is_forced
            return f"stop {token}{how}"
        case _:
            return f"{type(action).__name__.lower()} {action.token}"
