"""The garbage collector of a program that starts.

A collection during the imports finds nothing, and touches what the processes share.
"""

from __future__ import annotations

import gc

# Objects between two collections. Hardly any program makes as many before it is ready,
# and one that is never known to be ready is collected all the same.
SELDOM = 100_000


class Collector:
    """Holds the collector back, and lets it go."""

    def __init__(self) -> None:
        self._threshold = gc.get_threshold()

    def hold_back(self) -> None:
        """Collect seldom from now on."""
        gc.set_threshold(SELDOM, *self._threshold[1:])
        gc.enable()

    def let_go(self) -> None:
        """Collect as usual, unless the program has an idea of its own."""
        if gc.get_threshold()[0] == SELDOM:
            gc.set_threshold(*self._threshold)
