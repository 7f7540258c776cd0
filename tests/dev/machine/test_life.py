from __future__ import annotations

import pytest

from replaying import replay
from sceneshift.dev.machine import Machine

UP = """
    began      -> begin    | setup
    prepared   -> launch 1 | starting
    ready 1    ->          | ready
"""


def machine() -> Machine:
    """A stack of one process."""
    return Machine({"web": ()})


def up() -> Machine:
    """The same, ready."""
    stack = machine()
    replay(stack, UP)
    return stack


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

OVERLAPS = {
    "the old one holds until the new one is ready": """
        change overlap  -> hold 1, launch 2              | reloading
        ready 2         -> promote 2 over 1, stop 1 soon | ready
        exit 1          ->                               | ready
    """,
    "the old one goes on where the new one dies": """
        change overlap  -> hold 1, launch 2    | reloading
        exit 2          -> resume 1            | ready
        change overlap  -> hold 1, launch 3    | reloading
        exit 2          ->                     | reloading
    """,
    "a change during a reload replaces the candidate": """
        change overlap  -> hold 1, launch 2            | reloading
        change overlap  -> discard 2, hold 1, launch 3 | reloading
        ready 2         ->                             | reloading
        ready 3         -> promote 3 over 1, stop 1 soon | ready
    """,
    "where the old one dies the new one is simply starting": """
        change overlap  -> hold 1, launch 2 | reloading
        exit 1          -> proceed 2        | starting
        ready 2         ->                  | ready
    """,
    "where both die it is a crash": """
        change overlap  -> hold 1, launch 2 | reloading
        exit 1          -> proceed 2        | starting
        exit 2          -> wait 0.1         | restarting
    """,
    "a restart that is asked for replaces the candidate too": """
        change overlap       -> hold 1, launch 2            | reloading
        ask restart overlap  -> discard 2, hold 1, launch 3 | reloading
    """,
    "a stop discards the candidate": """
        change overlap  -> hold 1, launch 2   | reloading
        ask stop        -> discard 2, stop 1  | stopping
        ready 2         ->                    | stopping
        exit 1          ->                    | stopped
    """,
    "it turns to a cold start where forking has become impossible": """
        change overlap   -> hold 1, launch 2       | reloading
        change sequence  -> discard 2, stop 1 soon | stopping
        exit 1           -> launch 3               | starting
    """,
    "a candidate that only checks leaves the old one held": """
        change overlap  -> hold 1, launch 2   | reloading
        change checked  -> discard 2, check 3 | reloading
        exit 3          -> resume 1           | ready
    """,
}

CHECKS = {
    "the old one is stopped when the new one has imported": """
        change checked  -> check 2      | reloading
        checked 2       -> stop 1 soon  | reloading
        checked 2       ->              | reloading
        exit 1          -> proceed 2    | starting
        ready 2         ->              | ready
    """,
    "the old one goes on where the new one cannot import": """
        change checked  -> check 2 | reloading
        exit 2 broken   ->         | ready
        checked 2       ->         | ready
    """,
    "a candidate that dies while it waits is started afresh": """
        change checked  -> check 2      | reloading
        checked 2       -> stop 1 soon  | reloading
        exit 2          ->              | stopping
        exit 1          -> launch 3     | starting
    """,
    "a change while the old one ends is in what starts": """
        change checked  -> check 2      | reloading
        checked 2       -> stop 1 soon  | reloading
        change checked  -> discard 2    | stopping
        checked 2       ->              | stopping
        exit 1          -> launch 3     | starting
    """,
    "a change before it is checked replaces the candidate": """
        change checked  -> check 2              | reloading
        change checked  -> discard 2, check 3   | reloading
        checked 2       ->                      | reloading
        checked 3       -> stop 1 soon          | reloading
    """,
    "a restart that is asked for while the old one ends is that reload": """
        change checked       -> check 2      | reloading
        checked 2            -> stop 1 soon  | reloading
        ask restart checked  ->              | reloading
        exit 1               -> proceed 2    | starting
        ask stop             -> stop 2       | stopping
        exit 2               ->              | stopped
    """,
    "a stop while the old one ends is a stop": """
        change checked  -> check 2      | reloading
        checked 2       -> stop 1 soon  | reloading
        ask stop        -> discard 2    | stopping
        exit 1          ->              | stopped
    """,
}

SEQUENCES = {
    "the new one starts when the old one has ended": """
        change sequence  -> stop 1 soon | stopping
        change sequence  ->             | stopping
        exit 1 code -15  -> launch 2    | starting
    """,
    "a stop during that is a stop": """
        change sequence  -> stop 1 soon | stopping
        ask stop         ->             | stopping
        exit 1           ->             | stopped
    """,
}

SETUPS = {
    "new code waits for the step that it needs": """
        change overlap setup  -> begin             | ready
        change overlap        ->                   | ready
        prepared              -> hold 1, launch 2  | reloading
    """,
    "the old code goes on where the step fails": """
        change overlap setup  -> begin            | ready
        unprepared            ->                  | ready
        change overlap        -> begin            | ready
        prepared              -> hold 1, launch 2 | reloading
    """,
    "a step that fails where nothing waits for it changes nothing": """
        change overlap setup  -> begin       | ready
        ask stop              -> stop 1      | stopping
        unprepared            ->             | stopping
        exit 1                ->             | stopped
    """,
    "files of the step that change while it runs have it run again": """
        change checked setup  -> begin   | ready
        change checked setup  ->         | ready
        prepared              -> begin   | ready
        prepared              -> check 2 | reloading
    """,
    "a restart waits for the step too": """
        change checked setup  -> begin   | ready
        ask restart checked   ->         | ready
        prepared              -> check 2 | reloading
    """,
    "a start that is asked for in the meantime loses no change": """
        change checked setup  -> begin   | ready
        ask start             ->         | ready
        prepared              -> check 2 | reloading
    """,
    "a candidate that dies meanwhile is not replaced too early": """
        change overlap        -> hold 1, launch 2 | reloading
        change overlap setup  -> begin            | reloading
        exit 2                -> resume 1         | ready
        prepared              -> hold 1, launch 3 | reloading
    """,
    "a candidate that is there is replaced after the step": """
        change checked        -> check 2            | reloading
        change checked setup  -> begin              | reloading
        prepared              -> discard 2, check 3 | reloading
    """,
    "a candidate that took over meanwhile is replaced after the step": """
        change overlap        -> hold 1, launch 2              | reloading
        change overlap setup  -> begin                         | reloading
        ready 2               -> promote 2 over 1, stop 1 soon | ready
        prepared              -> hold 2, launch 3              | reloading
    """,
    "a candidate that waits for the end of the old one is replaced": """
        change checked        -> check 2      | reloading
        checked 2             -> stop 1 soon  | reloading
        change checked setup  -> begin        | reloading
        prepared              -> discard 2    | stopping
        exit 1                -> launch 3     | starting
    """,
    "one that has just proceeded starts over": """
        change checked        -> check 2      | reloading
        checked 2             -> stop 1 soon  | reloading
        change checked setup  -> begin        | reloading
        exit 1                -> proceed 2    | starting
        prepared              -> stop 2 soon  | stopping
        exit 2                -> launch 3     | starting
    """,
    "what has stopped for a reload meanwhile starts after the step": """
        change sequence        -> stop 1 soon  | stopping
        change sequence setup  -> begin        | stopping
        exit 1                 ->              | setup
        prepared               -> launch 2     | starting
    """,
    "what is stopped and started again has its step looked at": """
        ask stop              -> stop 1   | stopping
        change checked setup  ->          | stopping
        ask start             ->          | stopping
        exit 1                -> begin    | setup
        prepared              -> launch 2 | starting
    """,
    "what is stopped has no step run": """
        ask stop              -> stop 1   | stopping
        exit 1                ->          | stopped
        change checked setup  ->          | stopped
        ask start             -> begin    | setup
    """,
}

BREAKPOINTS = {
    "changes are kept until it goes on": """
        breaks 1        ->                  | debugging
        change overlap  ->                  | debugging
        continues 1     -> hold 1, launch 2 | reloading
    """,
    "it goes on without a change as it was": """
        breaks 1     -> | debugging
        continues 1  -> | ready
    """,
    "a start that is asked for loses no change": """
        breaks 1        ->          | debugging
        change checked  ->          | debugging
        ask start       ->          | debugging
        continues 1     -> check 2  | reloading
    """,
    "a restart that is asked for does not wait": """
        breaks 1             ->                  | debugging
        ask restart overlap  -> hold 1, launch 2 | reloading
        continues 1          ->                  | reloading
    """,
    "one that dies there leaves room for the new code": """
        breaks 1        ->          | debugging
        change overlap  ->          | debugging
        exit 1          -> launch 2 | starting
    """,
    "a reload under way is put off": """
        change overlap  -> hold 1, launch 2      | reloading
        breaks 1        -> discard 2, resume 1   | debugging
        ready 2         ->                       | debugging
        continues 1     -> hold 1, launch 3      | reloading
    """,
    "a check under way is put off": """
        change checked  -> check 2    | reloading
        breaks 1        -> discard 2  | debugging
        checked 2       ->            | debugging
        continues 1     -> check 3    | reloading
    """,
    "a candidate at a breakpoint is not replaced": """
        change overlap  -> hold 1, launch 2            | reloading
        breaks 2        ->                             | debugging
        change overlap  ->                             | debugging
        continues 2     -> discard 2, hold 1, launch 3 | reloading
    """,
    "a candidate that dies at a breakpoint is": """
        change overlap  -> hold 1, launch 2           | reloading
        breaks 2        ->                            | debugging
        change overlap  ->                            | debugging
        exit 2          -> resume 1, hold 1, launch 3 | reloading
    """,
    "one that is being stopped is stopped": """
        change checked  -> check 2      | reloading
        checked 2       -> stop 1 soon  | reloading
        breaks 1        ->              | debugging
        exit 1          -> proceed 2    | starting
    """,
    "both the step and the breakpoint are waited for": """
        breaks 1              ->         | debugging
        change checked setup  -> begin   | debugging
        prepared              ->         | debugging
        continues 1           -> check 2 | reloading
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
    replay(machine(), STARTS[rule])


AFTER_READY = DEATHS | OVERLAPS | CHECKS | SEQUENCES | SETUPS | BREAKPOINTS | WORDS


@pytest.mark.parametrize("rule", AFTER_READY)
def test_how_a_process_goes_on(rule: str) -> None:
    """From its being ready, with token 1: the rule is the name."""
    replay(up(), AFTER_READY[rule])


def test_starts_are_counted_whatever_the_reason() -> None:
    """A reload, a crash and a word; the first start is none."""
    stack = up()
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


def test_broken_code_is_known_until_other_code_works() -> None:
    """Also while the old code goes on, and where the step of the new one failed."""
    stack = up()
    replay(stack, "change overlap -> hold 1, launch 2 | reloading")
    replay(stack, "exit 2 -> resume 1 | ready")
    assert stack.states["web"].is_broken
    replay(stack, "change overlap -> hold 1, launch 3 | reloading")
    replay(stack, "ready 3 -> promote 3 over 1, stop 1 soon | ready")
    assert not stack.states["web"].is_broken
    replay(stack, "change overlap setup -> begin | ready")
    replay(stack, "unprepared -> | ready")
    assert stack.states["web"].is_broken


def test_code_whose_step_failed_is_broken_though_older_code_gets_ready() -> None:
    """What is ready then was started before."""
    stack = up()
    history = """
        change overlap        -> hold 1, launch 2               | reloading
        change overlap setup  -> begin                          | reloading
        unprepared            ->                                | reloading
        ready 2               -> promote 2 over 1, stop 1 soon  | ready
    """
    replay(stack, history)
    assert stack.states["web"].is_broken
