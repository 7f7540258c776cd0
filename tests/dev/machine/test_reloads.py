"""How new code takes over."""

from __future__ import annotations

import pytest

from replaying import bring_up, replay

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

RELOADS = OVERLAPS | CHECKS | SEQUENCES | SETUPS | BREAKPOINTS


@pytest.mark.parametrize("rule", RELOADS)
def test_how_new_code_takes_over(rule: str) -> None:
    """From the old code's being ready, with token 1: the rule is the name."""
    replay(bring_up(), RELOADS[rule])


def test_broken_code_is_known_until_other_code_works() -> None:
    """Also while the old code goes on, and where the step of the new one failed."""
    stack = bring_up()
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
    stack = bring_up()
    history = """
        change overlap        -> hold 1, launch 2               | reloading
        change overlap setup  -> begin                          | reloading
        unprepared            ->                                | reloading
        ready 2               -> promote 2 over 1, stop 1 soon  | ready
    """
    replay(stack, history)
    assert stack.states["web"].is_broken
