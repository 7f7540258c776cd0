"""Contenders that take their turns: each is timed once in every round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from bench.record import show_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.record import Record

WARMUPS = 2


class Timed(Protocol):
    """Somebody who can be timed.

    Attributes:
        name: In the table.
        samples: What its turns took, in milliseconds.
    """

    name: str
    samples: list[float]

    def reload(self) -> float:
        """Save once; return the milliseconds until that was seen.

        Raises:
            TimeoutError: It was not.
        """
        ...


T = TypeVar("T", bound=Timed)


def take_turns(  # noqa: PLR0913 - what one round is made of
    contenders: Sequence[T],
    record: Record,
    case: str,
    *,
    runs: int,
    rest: Callable[[], object],
    warmups: int = WARMUPS,
) -> list[T]:
    """Time each so often; return those that were always done in time.

    Args:
        contenders: Who is timed.
        record: Where it is noted who was not done.
        case: What is measured, in a word.
        runs: Samples of each.
        warmups: Turns before the first of them.
        rest: Lets pass what follows a turn, so that it does not disturb the next one.
    """
    alive = list(contenders)
    for number in range(warmups + runs):
        for each in list(alive):
            show_progress(f"{case} {number - warmups + 1}/{runs} {each.name}")
            try:
                took = each.reload()
            except TimeoutError as error:
                record.left_out[f"{each.name} ({case})"] = str(error)
                alive.remove(each)
                continue
            if number >= warmups:
                each.samples.append(took)
            rest()
    return alive
