"""How a process is paused for a command, and goes on."""

from __future__ import annotations

import pytest

from replaying import bring_up, replay

PAUSES = {
    "a web server accepts nothing, and goes on as it is": """
        pause overlap    -> hold 1   | paused
        pause overlap    ->          | paused
        unpause          -> resume 1 | ready
        unpause          ->          | ready
    """,
    "another is stopped, and started when the pause is over": """
        pause checked    -> stop 1 soon | stopping
        pause checked    ->             | stopping
        exit 1 code 0    ->             | paused
        unpause          -> launch 2    | starting
        ready 2          ->             | ready
    """,
    "a web server is stopped where holding was not enough": """
        pause overlap    -> hold 1      | paused
        pause sequence   -> stop 1 soon | stopping
        exit 1           ->             | paused
        unpause          -> launch 2    | starting
    """,
    "what has not ended by then is started after its end": """
        pause sequence   -> stop 1 soon | stopping
        unpause          ->             | stopping
        exit 1           -> launch 2    | starting
    """,
    "what is just starting is stopped": """
        exit 1 at 1      -> wait 0.1    | restarting
        waited 1         -> launch 2    | starting
        pause overlap    -> stop 2 soon | stopping
        exit 2           ->             | paused
        unpause          -> launch 3    | starting
    """,
    "new code waits": """
        pause overlap    -> hold 1               | paused
        change overlap   ->                      | paused
        unpause          -> resume 1, hold 1, launch 2 | reloading
    """,
    "a reload that is under way comes after it": """
        change overlap   -> hold 1, launch 2     | reloading
        pause overlap    -> discard 2            | paused
        unpause          -> resume 1, hold 1, launch 3 | reloading
    """,
    "a worker's reload that is under way comes after it": """
        change checked   -> check 2                | reloading
        pause checked    -> discard 2, stop 1 soon | stopping
        exit 1           ->                        | paused
        unpause          -> launch 3               | starting
    """,
    "what changes while it is stopped is in what starts afterwards": """
        pause checked         -> stop 1 soon | stopping
        exit 1                ->             | paused
        change checked setup  ->             | paused
        unpause               -> begin       | setup
        prepared              -> launch 2    | starting
    """,
    "what dies meanwhile is not started": """
        pause overlap    -> hold 1   | paused
        exit 1 at 1      -> wait 0.1 | restarting
        waited 1         ->          | paused
        unpause          -> launch 2 | starting
    """,
    "a debugging session is not disturbed": """
        breaks 1         ->          | debugging
        pause sequence   ->          | debugging
        continues 1      ->          | ready
        unpause          ->          | ready
    """,
    "a person's stop holds after it": """
        pause checked    -> stop 1 soon | stopping
        exit 1           ->             | paused
        ask stop         ->             | stopped
        unpause          ->             | stopped
    """,
    "a person's restart comes after it": """
        pause overlap        -> hold 1      | paused
        ask restart overlap  ->             | paused
        unpause              -> resume 1, hold 1, launch 2 | reloading
    """,
    "what is started meanwhile waits": """
        ask stop         -> stop 1   | stopping
        exit 1           ->          | stopped
        pause checked    ->          | stopped
        ask start        -> begin    | setup
        prepared         ->          | paused
        unpause          -> launch 2 | starting
    """,
    "nothing of it outlives the end": """
        pause overlap    -> hold 1           | paused
        quit             -> resume 1, stop 1 | stopping
        pause sequence   ->                  | stopping
        unpause          ->                  | stopping
        exit 1           -> end 0            | stopped
    """,
}


@pytest.mark.parametrize("rule", PAUSES)
def test_how_a_process_is_paused(rule: str) -> None:
    """One that is there only to be let go of what it uses."""
    replay(bring_up(), PAUSES[rule])


def test_nobody_waits_in_vain_for_what_is_paused() -> None:
    """It is on its way; what it is not, is not."""
    stack = bring_up()
    replay(stack, "pause overlap -> hold 1 | paused")
    assert not stack.is_settled
    replay(stack, "unpause -> resume 1 | ready")
    assert stack.is_settled
