"""Having databases follow git, for a stack: a program that ends when it is done.

It says a line for each that became another. How it ends tells whether another state
was put in place of one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.following import LATER, LEFT, MADE
from sceneshift.core.reach import find_reach
from sceneshift.data.branches.command import follow_first, is_following
from sceneshift.data.branches.step import Way
from sceneshift.data.parting import start_parting
from sceneshift.data.target import load_targets

if TYPE_CHECKING:
    from sceneshift.data.target import Target

_ANSWER_S = 2.0


def main() -> int:
    """Do it for the active environment; return the exit code."""
    try:
        targets = load_targets(Path.cwd(), os.environ)
    except SceneshiftError:  # of an environment without databases
        return 0
    there = [each for each in targets if _is_there(each)]
    done = follow_first(there)
    start_parting(there)
    ways = {each.step.way for each in done}
    return (
        (LEFT if Way.RETURN in ways else 0)
        + (MADE if Way.RESET in ways else 0)
        + (LATER if len(there) < len(targets) else 0)
    )


def _is_there(target: Target) -> bool:
    """Tell whether a database can be had: its server may be one of the stack's."""
    if target.file is not None or not is_following(target):
        return True
    reach = find_reach(target.database, target.root, limit_s=_ANSWER_S)
    return reach.is_reachable is not False


if __name__ == "__main__":
    raise SystemExit(main())
