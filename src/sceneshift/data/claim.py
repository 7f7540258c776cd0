"""`inv data.claim`: having a database say whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.console import StreamConsole, can_ask
from sceneshift.core.errors import RefusedError
from sceneshift.core.wording import quote
from sceneshift.data.guards import describe_rows
from sceneshift.data.locking import hold_lock
from sceneshift.data.marker import Marker
from sceneshift.data.system import find_system
from sceneshift.data.undo import UndoLog

if TYPE_CHECKING:
    from sceneshift.data.system import System
    from sceneshift.data.target import Request, Target

COMMAND = "inv data.claim"


def claim(request: Request) -> None:
    """Write into databases that they are of this project and environment.

    Args:
        request: What was asked for.

    Raises:
        UsageError: There is no such environment or database.
        RefusedError: The environment is protected, or nobody confirms it.
        SceneshiftError: It cannot be written.
    """
    console = StreamConsole()
    targets = request.load()
    for target in targets:
        system = find_system(target)
        with hold_lock(target.name_lock()), system.hold():
            marker = system.read_marker()
            _confirm(
                target,
                system,
                marker,
                is_confirmed=request.is_confirmed,
                is_named=request.environment is not None,
            )
            # By the mark it is told which rows have come after it, and what is put back
            # gets another one, too.
            UndoLog(target.folder / "undo").forget_snapshots()
            system.mark(
                Marker(
                    project=target.owner,
                    environment=target.environment,
                    state=marker.state if marker else "",
                )
            )
        console.success(
            f"{target.title} is {quote(target.environment)} of {quote(target.owner)}"
        )


def _confirm(
    target: Target,
    system: System,
    marker: Marker | None,
    *,
    is_confirmed: bool,
    is_named: bool,
) -> None:
    title = quote(target.title)
    if target.project.environment.protected:
        raise RefusedError(
            f"{title} of {target.environment} is protected",
            hint=f"choose another environment: {COMMAND} --env NAME",
        )
    was = f"{quote(marker.environment)} of {quote(marker.project)}" if marker else "-"
    says = f"it says {was} so far, and holds {describe_rows(system.count_rows())}"
    if is_confirmed and (is_named or can_ask()):
        return
    if not can_ask():
        raise RefusedError(
            f"{title} would be claimed, and nobody can be asked here: {says}",
            hint=f"confirm it: {COMMAND} --yes --env {target.environment}",
        )
    typed = StreamConsole().ask(
        f"{title} becomes {quote(target.environment)} of {quote(target.owner)}; "
        f"{says}; type its name:"
    )
    if typed != target.title:
        raise RefusedError(
            f"the name was not typed: {title} is as it was",
            hint=f"type it, or confirm it: {COMMAND} --yes",
        )
