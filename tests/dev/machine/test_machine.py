from __future__ import annotations

import pytest

from replaying import parse, replay
from sceneshift.dev.machine import Machine
from sceneshift.dev.model import Condition, Dependency


def after(name: str, condition: Condition = Condition.READY) -> Dependency:
    """A dependency in short."""
    return Dependency(name=name, condition=condition)


def pair(condition: Condition = Condition.READY, *, is_strict: bool = False) -> Machine:
    """A stack in which `web` waits for `db`."""
    waits = {"db": (), "web": (after("db", condition),)}
    return Machine(waits, is_strict=is_strict)


PAIR_UP = """
    began         -> db: begin     | setup waiting
    db: prepared  -> db: launch 1  | starting waiting
    db: ready 1   -> begin         | ready setup
    prepared      -> launch 2      | ready starting
    ready 2       ->               | ready ready
"""

ORDERS = {
    Condition.STARTED: """
        began         -> db: begin             | setup waiting
        db: prepared  -> db: launch 1, begin   | starting setup
    """,
    Condition.READY: """
        began         -> db: begin     | setup waiting
        db: prepared  -> db: launch 1  | starting waiting
        db: ready 1   -> begin         | ready setup
    """,
    Condition.COMPLETED: """
        began             -> db: begin     | setup waiting
        db: prepared      -> db: launch 1  | starting waiting
        db: ready 1       ->               | ready waiting
        db: exit 1 code 0 -> begin         | completed setup
    """,
}


@pytest.mark.parametrize("condition", Condition)
def test_a_process_begins_when_what_it_waits_for_is_so_far(
    condition: Condition,
) -> None:
    """Started, ready or completed."""
    replay(pair(condition), ORDERS[condition])


@pytest.mark.parametrize("condition", [Condition.STARTED, Condition.READY])
def test_what_has_completed_was_started_and_ready(condition: Condition) -> None:
    """A one-off that ended before anybody looked holds nobody up."""
    history = """
        began             -> db: begin     | setup waiting
        db: prepared      -> db: launch 1{also} | starting {web}
        db: exit 1 code 0 -> {later} | completed setup
    """
    is_early = condition is Condition.STARTED
    also, web = (", begin", "setup") if is_early else ("", "waiting")
    later = "" if is_early else "begin"
    replay(pair(condition), history.format(also=also, web=web, later=later))


def test_what_runs_does_not_stop_with_what_it_depends_on() -> None:
    """A process that dies does not take the others along."""
    stack = pair()
    replay(stack, PAIR_UP)
    replay(stack, "db: exit 1 at 1 -> db: wait 0.1 | restarting ready")


def test_the_end_goes_in_reverse_order() -> None:
    """Nothing is stopped that something which runs depends on."""
    stack = pair()
    replay(stack, PAIR_UP)
    history = """
        quit 130         -> stop 2      | ready stopping
        exit 2 code -15  -> db: stop 1  | stopping stopped
        db: exit 1       -> end 130     | stopped stopped
        db: exit 1       ->             | stopped stopped
        quit now         ->             | stopped stopped
    """
    replay(stack, history)
    assert stack.is_quitting


def test_the_second_word_ends_all_at_once() -> None:
    """The code of the first one stays."""
    stack = pair()
    replay(stack, PAIR_UP)
    history = """
        quit 130    -> stop 2                        | ready stopping
        quit        ->                               | ready stopping
        quit now    -> stop 2 now, db: stop 1 now    | stopping stopping
        exit 2      ->                               | stopping stopped
        db: exit 1  -> end 130                       | stopped stopped
    """
    replay(stack, history)


QUITS = {
    "before the start": """
        quit   -> end 0 | stopped stopped
        began  ->       | stopped stopped
    """,
    "during a set-up": """
        began         -> db: begin | setup waiting
        quit          -> end 0     | stopped stopped
        db: prepared  ->           | stopped stopped
    """,
    "during a set-up that is outdated": """
        began                     -> db: begin | setup waiting
        db: change checked setup  ->           | setup waiting
        quit                      -> end 0     | stopped stopped
        db: prepared              ->           | stopped stopped
    """,
    "during a start": """
        began         -> db: begin     | setup waiting
        db: prepared  -> db: launch 1  | starting waiting
        quit          -> db: stop 1    | stopping stopped
        db: ready 1   ->               | stopping stopped
        db: exit 1    -> end 0         | stopped stopped
    """,
    "while it waits after a crash": """
        began         -> db: begin     | setup waiting
        db: prepared  -> db: launch 1  | starting waiting
        db: exit 1    -> db: wait 0.1  | restarting waiting
        quit          -> end 0         | stopped stopped
        db: waited 1  ->               | stopped stopped
    """,
}


@pytest.mark.parametrize("when", QUITS)
def test_nothing_is_started_after_the_word_to_end(when: str) -> None:
    """Whatever was on its way."""
    replay(pair(), QUITS[when])


QUITS_WHILE_UP = {
    "a reload under way is given up, and the old one serves the others": """
        db: change overlap  -> db: hold 1, db: launch 3               | reloading ready
        quit                -> db: discard 3, db: resume 1, stop 2    | ready stopping
        exit 2              -> db: stop 1                             | stopping stopped
        db: exit 1          -> end 0                                  | stopped stopped
    """,
    "a change that waits for its step is forgotten": """
        db: change checked setup  -> db: begin  | ready ready
        quit                      -> stop 2     | ready stopping
        db: prepared              ->            | ready stopping
    """,
    "a change that waits for a breakpoint is forgotten": """
        db: breaks 1        ->        | debugging ready
        db: change checked  ->        | debugging ready
        quit                -> stop 2 | debugging stopping
        db: continues 1     ->        | ready stopping
    """,
    "changes and words are not heard any more": """
        quit                -> stop 2 | ready stopping
        db: change checked  ->        | ready stopping
        db: ask restart     ->        | ready stopping
        ask start           ->        | ready stopping
        exit 2              -> db: stop 1 | stopping stopped
    """,
    "what dies by itself is gone": """
        quit        -> stop 2 | ready stopping
        db: exit 1  ->        | stopped stopping
        exit 2      -> end 0  | stopped stopped
    """,
    "what dies at its breakpoint stands at none": """
        db: breaks 1  ->        | debugging ready
        quit          -> stop 2 | debugging stopping
        db: exit 1    ->        | stopped stopping
    """,
    "a reload that was stopping the old one starts nothing": """
        db: change sequence  -> db: stop 1 soon | stopping ready
        quit                 -> stop 2          | stopping stopping
        db: exit 1           ->                 | stopped stopping
        exit 2               -> end 0           | stopped stopped
    """,
    "a checked candidate is discarded": """
        db: change checked  -> db: check 3            | reloading ready
        db: checked 3       -> db: stop 1 soon        | reloading ready
        quit                -> db: discard 3, stop 2  | stopping stopping
        db: exit 1          ->                        | stopped stopping
        exit 2              -> end 0                  | stopped stopped
    """,
}


@pytest.mark.parametrize("what", QUITS_WHILE_UP)
def test_the_end_of_what_is_up(what: str) -> None:
    """The rule is the name."""
    stack = pair()
    replay(stack, PAIR_UP)
    replay(stack, QUITS_WHILE_UP[what])


def test_a_stack_that_has_completed_ends_by_itself() -> None:
    """All of it, not a part."""
    history = """
        began                -> db: begin      | setup waiting
        db: prepared         -> db: launch 1   | starting waiting
        db: exit 1 code 0    -> begin          | completed setup
        prepared             -> launch 2       | completed starting
        exit 2 code 0        -> end 0          | completed completed
    """
    replay(pair(), history)


STRICT = {
    "the first death ends all, with its code": """
        exit 2 code 3  -> db: stop 1 | stopping stopped
        db: exit 1     -> end 3      | stopped stopped
    """,
    "a signal's code is a shell's": """
        exit 2 code -9  -> db: stop 1 | stopping stopped
        db: exit 1      -> end 137    | stopped stopped
    """,
    "so does an end with 0": """
        exit 2 code 0  -> db: stop 1 | stopping stopped
        db: exit 1     -> end 0      | stopped stopped
    """,
    "a reload is no end": """
        change sequence  -> stop 2 soon | ready stopping
        exit 2           -> launch 3    | ready starting
    """,
    "the candidate goes with the old one": """
        change overlap  -> hold 2, launch 3        | ready reloading
        exit 2 code 3   -> discard 3, db: stop 1   | stopping stopped
    """,
}


@pytest.mark.parametrize("rule", STRICT)
def test_a_strict_stack(rule: str) -> None:
    """For CI: the rule is the name."""
    stack = pair(is_strict=True)
    replay(stack, PAIR_UP)
    replay(stack, STRICT[rule])


def test_a_strict_stack_ends_where_a_set_up_fails() -> None:
    """Nobody is there to mend it; the rest is stopped."""
    history = """
        began         -> db: begin     | setup waiting
        db: prepared  -> db: launch 1  | starting waiting
        db: ready 1   -> begin         | ready setup
        unprepared    -> db: stop 1    | stopping stopped
        db: exit 1    -> end 1         | stopped stopped
    """
    replay(pair(is_strict=True), history)


def test_a_strict_stack_goes_on_after_a_step_that_others_wait_for() -> None:
    """That it completes is what they wait for; that it dies is not."""
    start = """
        began         -> db: begin     | setup waiting
        db: prepared  -> db: launch 1  | starting waiting
    """
    stack = pair(Condition.COMPLETED, is_strict=True)
    replay(stack, start + "db: exit 1 code 0 -> begin | completed setup")
    stack = pair(Condition.COMPLETED, is_strict=True)
    replay(stack, start + "db: exit 1 code 2 -> end 2 | stopped stopped")


def settled(stack: Machine, *events: str) -> bool:
    """Feed events; return whether the stack is settled then."""
    for event in events:
        stack.handle(parse(event))
    return stack.is_settled


def test_a_stack_is_settled_when_nothing_is_on_its_way() -> None:
    """That is when `--detach` gives the prompt back."""
    stack = pair()
    assert not settled(stack, "began", "db: prepared", "db: ready 1", "prepared")
    assert settled(stack, "ready 2")
    assert not settled(stack, "change overlap")
    assert settled(stack, "exit 3")
    assert not settled(stack, "exit 2")


def test_nobody_waits_for_what_cannot_come() -> None:
    """Also behind one that waits for it: the first of three has failed."""
    stack = Machine({"db": (), "api": (after("db"),), "web": (after("api"),)})
    assert not settled(stack, "began", "db: prepared")
    assert settled(stack, "db: exit 1 broken")
    assert not settled(stack, "db: change checked")
