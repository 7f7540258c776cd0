from __future__ import annotations

import pytest

from replaying import bring_up, make_machine, replay
from sceneshift.dev.machine import Configured, Exited, Machine
from sceneshift.dev.model import Condition, Dependency

PAIR = {"db": (), "web": (Dependency(name="db"),)}
PAIR_UP = """
    began         -> db: begin     | setup waiting
    db: prepared  -> db: launch 1  | starting waiting
    db: ready 1   -> begin         | ready setup
    prepared      -> launch 2      | ready starting
    ready 2       ->               | ready ready
"""


def test_an_added_process_starts_in_its_place() -> None:
    """Set-up and order as at the start; the others go on."""
    history = """
        configure db web<db -> db: begin      | setup ready
        db: prepared        -> db: launch 2   | starting ready
        db: ready 2         ->                | ready ready
    """
    replay(bring_up(), history)


def test_an_added_process_waits_for_what_it_depends_on() -> None:
    """As at the start."""
    history = """
        configure web new<web  ->               | starting waiting
        ready 1                -> new: begin    | ready setup
        new: prepared          -> new: launch 2 | ready starting
    """
    stack = make_machine()
    replay(stack, "began -> begin | setup\nprepared -> launch 1 | starting")
    replay(stack, history)


def test_a_removed_process_is_stopped_and_forgotten() -> None:
    """Late words of it are those of a stranger."""
    history = """
        configure db      -> stop 2   | ready stopping
        exit 2 code -15   -> forget   | ready
        exit 2            ->          | ready
        ready 2           ->          | ready
        prepared          ->          | ready
        change checked    ->          | ready
        breaks 2          ->          | ready
    """
    stack = Machine(PAIR)
    replay(stack, PAIR_UP)
    replay(stack, history)
    assert not stack.is_moving("web")


RESTS = {
    "waiting": "began -> db: begin | setup waiting",
    "failed": PAIR_UP + "exit 2 broken -> | ready failed",
    "stopped": PAIR_UP
    + "ask stop -> stop 2 | ready stopping\nexit 2 -> | ready stopped",
    "completed": PAIR_UP + "exit 2 code 0 -> | ready completed",
    "restarting": PAIR_UP + "exit 2 -> wait 0.1 | ready restarting",
}


@pytest.mark.parametrize("before", RESTS.values(), ids=RESTS)
def test_what_does_not_run_is_forgotten_at_once(before: str) -> None:
    """There is nothing to wait for."""
    stack = Machine(PAIR)
    replay(stack, before)
    db = stack.states["db"].word
    replay(stack, f"configure db -> forget | {db}")
    replay(stack, f"waited 2 -> | {db}")


def test_what_is_being_set_up_is_forgotten_after_that() -> None:
    """The step runs to its end, and nothing follows from it."""
    history = """
        began                     -> begin    | setup
        change checked setup      ->          | setup
        configure db              -> db: begin | setup stopped
        prepared                  -> forget   | setup
    """
    replay(make_machine(), history)


def test_removed_processes_go_in_reverse_order() -> None:
    """As at the end: nothing is stopped that something which runs depends on."""
    history = """
        configure log    -> stop 2, log: begin   | setup ready stopping
        log: prepared    -> log: launch 3        | starting ready stopping
        exit 2           -> db: stop 1, forget   | starting stopping
        db: exit 1       -> db: forget           | starting
    """
    stack = Machine(PAIR)
    replay(stack, PAIR_UP)
    assert not stack.is_leaving("db")
    for line in history.strip().splitlines():
        replay(stack, line)
        assert stack.is_leaving("db") == ("db" in stack.states)
    assert stack.is_moving("log")


def test_one_that_dies_before_its_turn_stays_away() -> None:
    """It is not started again, and with `--strict` it is nobody's failure."""
    for is_strict in (False, True):
        stack = Machine(PAIR, is_strict=is_strict)
        replay(stack, PAIR_UP)
        history = """
            configure log  -> stop 2, log: begin | setup ready stopping
            db: exit 1     -> db: forget         | setup stopping
            ask restart    ->                    | setup stopping
            change checked ->                    | setup stopping
            exit 2         -> forget             | setup
        """
        replay(stack, history)


def test_a_process_that_comes_back_in_time_starts_anew() -> None:
    """Whether it is being stopped already or not: changes were not heard of."""
    stack = Machine(PAIR)
    replay(stack, PAIR_UP)
    history = """
        configure log           -> stop 2, log: begin | setup ready stopping
        db: change checked      ->                    | setup ready stopping
        configure log db web<db -> db: stop 1 soon    | setup stopping stopping
        exit 2                  -> begin              | setup stopping setup
        db: exit 1              -> db: begin          | setup setup setup
        db: prepared            -> db: launch 3       | setup starting setup
    """
    replay(stack, history)


def test_one_that_comes_back_during_its_step_is_looked_at_anew() -> None:
    """What the step was for may be another."""
    history = """
        began            -> begin     | setup
        configure db     -> db: begin | setup stopped
        configure db web ->           | setup setup
        prepared         -> begin     | setup setup
        prepared         -> launch 1  | setup starting
    """
    replay(make_machine(), history)


def test_a_successor_waits_until_the_port_is_free() -> None:
    """A line that got another name has the port of the former one."""
    history = """
        configure new@web  -> stop 1              | waiting stopping
        exit 1             -> forget, new: begin  | setup
    """
    replay(bring_up(), history)


def test_another_order_holds_from_now_on() -> None:
    """For what still waits, and for the end."""
    stack = Machine({"db": (), "web": (Dependency(name="db"),), "log": ()})
    history = """
        began                 -> db: begin, log: begin | setup waiting setup
        db: unprepared        ->                       | failed waiting setup
        configure log web db  -> begin                 | setup setup failed
        log: prepared         -> log: launch 1         | starting setup failed
        prepared              -> launch 2              | starting starting failed
        configure web log<web -> db: forget            | starting starting
        quit                  -> log: stop 1           | starting stopping
        configure web         ->                       | starting stopping
        log: exit 1           -> stop 2                | stopping stopped
        exit 2                -> end 0                 | stopped stopped
    """
    replay(stack, history)


def test_an_edit_that_leaves_only_what_has_completed_ends_nothing() -> None:
    """The line may come back; the next process that completes is the last."""
    stack = Machine({"job": (), "web": ()})
    history = """
        began              -> job: begin, begin | setup setup
        job: prepared      -> job: launch 1     | starting setup
        prepared           -> launch 2          | starting starting
        job: exit 1 code 0 ->                   | completed starting
        configure job      -> stop 2            | completed stopping
        exit 2             -> forget            | completed
        configure job web  -> begin             | completed setup
        prepared           -> launch 3          | completed starting
        exit 3 code 0      -> end 0             | completed completed
    """
    replay(stack, history)


def test_the_end_comes_though_something_is_leaving() -> None:
    """All that is configured has completed."""
    stack = Machine({"job": (), "web": ()})
    history = """
        began              -> job: begin, begin | setup setup
        job: prepared      -> job: launch 1     | starting setup
        prepared           -> launch 2          | starting starting
        configure job      -> stop 2            | starting stopping
        job: exit 1 code 0 ->                   | completed stopping
        exit 2             -> end 0             | completed stopped
    """
    replay(stack, history)


def test_conditions_are_kept() -> None:
    """A dependency on an end is met by the end alone."""
    stack = make_machine()
    replay(stack, "began -> begin | setup")
    once = Dependency(name="web", condition=Condition.COMPLETED)
    stack.handle(Configured(dependencies={"web": (), "new": (once,)}))
    replay(stack, "prepared -> launch 1 | starting waiting")
    replay(stack, "ready 1 -> | ready waiting")
    replay(stack, "exit 1 code 0 -> new: begin | completed setup")


def test_processes_of_another_machine_are_taken_over_as_they_are() -> None:
    """The others go on, and what is not to be there is forgotten at once."""
    stack = Machine({"db": (), "web": (Dependency(name="db"),), "old": ()})
    replay(stack, "began -> db: begin, old: begin | setup waiting setup")
    other = Machine({"web": (), "new": ()}, tokens=stack.tokens)
    replay(other, "began -> begin, new: begin | setup setup")
    replay(other, "prepared -> launch 1 | starting setup")
    kept = stack.states["db"]
    stack.take_over(other, {"new": (), "db": (), "web": ()})
    assert [*stack.states] == ["new", "db", "web"]
    assert stack.states["db"] is kept
    replay(stack, "ready 1 -> | setup setup ready")
    replay(stack, "db: prepared -> db: launch 2 | setup starting ready")


@pytest.mark.parametrize(
    ("may_end", "phase"), [((), "stopped"), (("web",), "completed")]
)
def test_what_may_end_does_not_end_all(may_end: tuple[str, ...], phase: str) -> None:
    """Though the first end of a process does."""
    stack = Machine({"web": (), "db": ()}, is_strict=True, may_end=may_end)
    replay(stack, "began -> begin, db: begin | setup setup")
    replay(stack, "prepared -> launch 1 | starting setup")
    stack.handle(Exited(name="web", token=1, code=0))
    assert stack.states["web"].phase.value == phase
    assert stack.is_quitting is not bool(may_end)
