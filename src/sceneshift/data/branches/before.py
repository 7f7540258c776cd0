"""Following git before a command that changes databases, where they do so at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sceneshift.data.target import Target


def follow_before(targets: Sequence[Target], database: str | None = None) -> None:
    """Have databases be those of the branch of git; see `command.follow_first`.

    Args:
        targets: Databases of one environment.
        database: The name of the one that the command is for; None means all.
    """
    sections = targets[0].project.config.databases if targets else {}
    if any(each.follow_branch for each in sections.values()):
        from sceneshift.data.branches.command import (  # noqa: PLC0415 - 10 ms
            follow_first,
        )

        follow_first(targets, database)
