from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sceneshift.dev.history import Reload
from sceneshift.dev.machine import Phase, ProcessState
from sceneshift.dev.machine import Style as Takeover
from sceneshift.dev.model import ProcessSpec, StackSpec
from sceneshift.dev.notes import (
    describe_end,
    describe_reload,
    describe_start,
    describe_step,
)

STARTING = ProcessState(phase=Phase.STARTING, current=1)
READY = ProcessState(phase=Phase.READY, current=1)


def spec(
    name: str = "web", port: int | None = 8000, *, listens: bool = True
) -> ProcessSpec:
    """Return a process."""
    return ProcessSpec(
        name=name,
        label=f"{name}.1",
        command="",
        cwd=Path("/"),
        env={},
        port=port,
        listens=listens,
        open="/docs",
    )


def reload(*files: str, **values: Any) -> Reload:
    """Return a reload that took 12 ms."""
    shape = {"process": "web", "at": 0.0, "cause": "change", "rung": "fork"}
    return Reload(**{**shape, "files": files, "duration_s": 0.0123, **values})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (reload("a.py"), "reloaded in 12 ms: a.py"),
        (reload("a.py", "b.py", "c.py", "d.py"), "in 12 ms: a.py, b.py and 2 more"),
        (reload(cause="packages", duration_s=2.04), "reloaded in 2.0 s: packages"),
        (
            reload("a.py", rung="cold", reason="it has threads"),
            "reloaded in 12 ms (cold: it has threads): a.py",
        ),
    ],
)
def test_a_reload_is_one_line(given: Reload, said: str) -> None:
    """How fast, how where not by fork, and why."""
    assert describe_reload(given).endswith(said)
    assert "\n" not in describe_reload(given)


def test_a_start_names_addresses_and_what_is_down() -> None:
    """No address for what has none or is down."""
    names = ("bad", "again", "late")
    processes = (spec(), spec("job", listens=False), spec("x", None), *map(spec, names))
    stack = StackSpec(root=Path("/"), environment="development", processes=processes)
    states = {
        "web": READY,
        "job": ProcessState(phase=Phase.COMPLETED),
        "x": READY,
        "bad": ProcessState(phase=Phase.FAILED),
        "again": ProcessState(phase=Phase.BACKOFF),
        "late": ProcessState(phase=Phase.WAITING),
    }
    assert describe_start(stack, states, duration_s=0.5).splitlines() == [
        "3 of 6 up after 500 ms",
        "web: http://127.0.0.1:8000/docs",
        "down: bad, again",
        "waiting for what they depend on: late",
    ]
    del states["bad"], states["again"], states["late"]
    said = describe_start(stack, states, duration_s=0.5)
    assert "down" not in said
    assert "waiting" not in said


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (3, "ended with exit code 3"),
        (-9, "was ended by SIGKILL"),
        (-63, "was ended by signal 63"),
    ],
)
def test_an_end_is_told_by_code_or_by_signal(code: int, said: str) -> None:
    """A signal without a name by its number."""
    assert describe_end(code) == said


def step(
    before: ProcessState, phase: Phase, which: ProcessSpec | None = None, **more: Any
) -> str | None:
    """Return what is said when a process comes to a phase."""
    after = ProcessState(phase=phase, **more)
    return describe_step(which or spec(), before, after)


def test_a_first_readiness_is_told_with_the_address() -> None:
    """One after a restart is told as a reload, or was told as a crash."""
    assert step(STARTING, Phase.READY) == "ready: http://127.0.0.1:8000/docs"
    assert step(STARTING, Phase.READY, spec(listens=False)) == "ready"
    assert step(STARTING, Phase.READY, spec(port=None)) == "ready"
    assert step(STARTING, Phase.READY, restarts=1) is None
    assert step(ProcessState(phase=Phase.STOPPING), Phase.READY) is None


def test_what_needs_a_person_says_what_to_do() -> None:
    """And a try, which one it is."""
    assert step(READY, Phase.BACKOFF, crashes=(1.0, 2.0)) == (
        "starts again (try 2 of 5 in 10 s)"
    )
    assert str(step(READY, Phase.FAILED)).endswith("for: inv dev.restart web")


def test_ends_are_told_once() -> None:
    """What is stopped before it ran has nothing to say."""
    assert step(READY, Phase.COMPLETED) == "completed"
    assert step(ProcessState(phase=Phase.STOPPING), Phase.STOPPED) == "stopped"
    assert step(ProcessState(), Phase.STOPPED) is None
    assert step(ProcessState(), Phase.STARTING) is None


@pytest.mark.parametrize(
    "lost", [{"candidate": 2}, {"pending": Takeover.OVERLAP}], ids=str
)
def test_new_code_that_is_lost_leaves_the_old(lost: dict[str, Any]) -> None:
    """Its process has died, or the step before it has failed."""
    before = ProcessState(phase=Phase.READY, current=1, **lost)
    said = "the old code goes on"
    assert step(before, Phase.READY, current=1, is_broken=True) == said
    assert step(before, Phase.READY, current=1) is None
    assert step(before, Phase.READY, current=1, is_broken=True, **lost) is None
    assert step(before, Phase.READY, is_broken=True) is None
    assert step(READY, Phase.READY, current=1, is_broken=True) is None
