"""How a process starts, ends, and is started again."""

from __future__ import annotations

import pytest

from replaying import bring_up, make_machine, replay

STARTS = {
    "a failed step is not followed by a start, until a file changes": """
        began           -> begin    | setup
        unprepared      ->          | failed
        change checked  -> begin    | setup
        prepared        -> launch 1 | starting
    """,
    "a person has a failed step run again": """
        began             -> begin    | setup
        unprepared        ->          | failed
        ask restart       -> begin    | setup
        prepared          -> launch 1 | starting
    """,
    "a plain change during the step is in what starts after it": """
        began           -> begin    | setup
        change checked  ->          | setup
        prepared        -> launch 1 | starting
    """,
    "a step whose files change while it runs is looked at once more": """
        began                 -> begin    | setup
        change checked setup  ->          | setup
        unprepared            -> begin    | setup
        prepared              -> launch 1 | starting
    """,
    "what is stopped during its step does not start after it": """
        began     -> begin | setup
        ask stop  ->       | stopped
        prepared  ->       | stopped
    """,
    "what is stopped and started during its step waits for the whole of it": """
        began                 -> begin    | setup
        ask stop              ->          | stopped
        change checked setup  ->          | stopped
        ask start             ->          | setup
        prepared              -> begin    | setup
        prepared              -> launch 1 | starting
    """,
    "a change during the start of a web server starts it anew": """
        began           -> begin               | setup
        prepared        -> launch 1            | starting
        change overlap  -> discard 1, launch 2 | starting
        ready 1         ->                     | starting
        exit 1          ->                     | starting
        ready 2         ->                     | ready
    """,
    "a change during the start of a worker waits for its end": """
        began           -> begin        | setup
        prepared        -> launch 1     | starting
        change checked  -> stop 1 soon  | stopping
        ready 1         ->              | stopping
        change checked  ->              | stopping
        exit 1          -> launch 2     | starting
    """,
}

DEATHS = {
    "what ends with 0 is completed": """
        exit 1 code 0    -> end 0 | completed
    """,
    "a crash is tried again after a wait": """
        exit 1 code 3 at 1  -> wait 0.1 | restarting
        waited 1            -> launch 2 | starting
        ready 2             ->          | ready
    """,
    "the wait doubles, and the sixth death in ten seconds is the last": """
        exit 1 at 1    -> wait 0.1 | restarting
        waited 1       -> launch 2 | starting
        exit 2 at 1.1  -> wait 0.2 | restarting
        waited 2       -> launch 3 | starting
        exit 3 at 1.3  -> wait 0.4 | restarting
        waited 3       -> launch 4 | starting
        exit 4 at 1.7  -> wait 0.8 | restarting
        waited 4       -> launch 5 | starting
        exit 5 at 2.5  -> wait 1.6 | restarting
        waited 5       -> launch 6 | starting
        exit 6 at 4.1  ->          | failed
        waited 6       ->          | failed
        change sequence -> launch 7 | starting
        exit 7 at 4.2  -> wait 0.1 | restarting
    """,
    "deaths of long ago do not count": """
        exit 1 at 1   -> wait 0.1 | restarting
        waited 1      -> launch 2 | starting
        exit 2 at 2   -> wait 0.2 | restarting
        waited 2      -> launch 3 | starting
        exit 3 at 11  -> wait 0.2 | restarting
    """,
    "a change does not wait for the end of the wait": """
        exit 1 at 1     -> wait 0.1 | restarting
        change checked  -> launch 2 | starting
        exit 2 at 1.05  -> wait 0.1 | restarting
        waited 1        ->          | restarting
        waited 2        -> launch 3 | starting
    """,
    "broken code is not tried again before it changes": """
        exit 1 code 1 broken  ->          | failed
        waited 1              ->          | failed
        change checked        -> launch 2 | starting
    """,
    "a word starts it again too": """
        exit 1 code 1 broken  ->          | failed
        ask restart           -> begin    | setup
        prepared              -> launch 2 | starting
    """,
    "a word does not wait, and forgets the deaths before it": """
        exit 1 at 1    -> wait 0.1 | restarting
        waited 1       -> launch 2 | starting
        exit 2 at 1.2  -> wait 0.2 | restarting
        ask restart    -> begin    | setup
        prepared       -> launch 3 | starting
        waited 2       ->          | starting
        exit 3 at 1.4  -> wait 0.1 | restarting
    """,
    "a change of the step's files has it run before the next try": """
        exit 1 at 1            -> wait 0.1 | restarting
        change sequence setup  -> begin    | setup
        waited 1               ->          | setup
        prepared               -> launch 2 | starting
    """,
    "a death while the step runs waits for its end": """
        change checked setup  -> begin    | ready
        exit 1                ->          | setup
        prepared              -> launch 2 | starting
    """,
    "reports of a generation that is no more change nothing": """
        exit 1        -> wait 0.1 | restarting
        ready 1       ->          | restarting
        checked 1     ->          | restarting
        exit 1        ->          | restarting
        breaks 1      ->          | restarting
        continues 1   ->          | restarting
    """,
}

WORDS = {
    "a stop is a stop": """
        ask stop         -> stop 1 | stopping
        ask stop         ->        | stopping
        exit 1 code -15  ->        | stopped
        ask stop         ->        | stopped
        change checked   ->        | stopped
        ask start        -> begin  | setup
        ask start        ->        | setup
        ask restart      ->        | setup
    """,
    "a start during a stop is a restart": """
        ask stop   -> stop 1   | stopping
        ask start  ->          | stopping
        exit 1     -> launch 2 | starting
    """,
    "a start of what runs is nothing": """
        ask start -> | ready
    """,
    "a restart is a reload": """
        ask restart  -> stop 1 soon | stopping
        exit 1       -> launch 2    | starting
        ask start    ->             | starting
        ask restart  -> stop 2 soon | stopping
    """,
    "a stop ends the waiting after a crash": """
        exit 1    -> wait 0.1 | restarting
        ask stop  ->          | stopped
        waited 1  ->          | stopped
    """,
    "a start does not wait after a crash": """
        exit 1     -> wait 0.1 | restarting
        ask start  -> begin    | setup
        waited 1   ->          | setup
        prepared   -> launch 2 | starting
    """,
    "a stop of what starts is a stop": """
        ask restart  -> stop 1 soon | stopping
        exit 1       -> launch 2    | starting
        ask stop     -> stop 2      | stopping
        exit 2       ->             | stopped
    """,
}


@pytest.mark.parametrize("rule", STARTS)
def test_how_a_process_starts(rule: str) -> None:
    """From nothing: the rule is the name."""
    replay(make_machine(), STARTS[rule])


AFTER_READY = DEATHS | WORDS


@pytest.mark.parametrize("rule", AFTER_READY)
def test_how_a_process_ends(rule: str) -> None:
    """From its being ready, with token 1: the rule is the name."""
    replay(bring_up(), AFTER_READY[rule])


def test_starts_are_counted_whatever_the_reason() -> None:
    """A reload, a crash and a word; the first start is none."""
    stack = bring_up()
    assert stack.states["web"].restarts == 0
    replay(stack, "change overlap -> hold 1, launch 2 | reloading")
    replay(stack, "ready 2 -> promote 2 over 1, stop 1 soon | ready")
    assert stack.states["web"].restarts == 1
    replay(stack, "exit 2 -> wait 0.1 | restarting")
    replay(stack, "waited 2 -> launch 3 | starting")
    assert stack.states["web"].restarts == 2
    replay(stack, "exit 3 broken -> | failed")
    replay(stack, "ask start -> begin | setup")
    replay(stack, "prepared -> launch 4 | starting")
    assert stack.states["web"].restarts == 3
