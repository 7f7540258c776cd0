"""The environment of the next start, where nothing runs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from sceneshift.core.config import load_config
from sceneshift.core.errors import UsageError
from sceneshift.core.paths import StateFolder
from sceneshift.core.project import load_project
from sceneshift.core.selection import choose_environment, write_active

if TYPE_CHECKING:
    from sceneshift.env.switch import SwitchRequest


def activate(
    request: SwitchRequest, *, is_dry: bool, is_confirmed: bool
) -> dict[str, Any]:
    """Make an environment that of the next start; answer as a stack does.

    Its files are read as a start would read them: what cannot be started in is not
    switched to, whether something runs or not.

    Raises:
        UsageError: There is no such environment, or it is configured badly.
    """
    project = load_project(
        request.root,
        environ=request.environ,
        environment=request.name,
        is_looking=True,
    )
    if project.procfile.is_named:
        project.procfile.refuse_missing(project.root)
    target = project.environment
    former = _find_former(request)
    outcome = "already" if target.name == former else "planned" if is_dry else "set"
    if outcome == "set" and target.protected and not is_confirmed:
        outcome = "protected"
    if not is_dry and outcome != "protected":
        write_active(StateFolder(request.root), target.name)
    return {
        "environment": target.name,
        "former": former,
        "is_protected": target.protected,
        "outcome": outcome,
        "duration_s": None,
        "actions": [],
        "processes": [],
        "links": [],
        "failure": None,
    }


def _find_former(request: SwitchRequest) -> str | None:
    """Return the active environment; None where it has been taken out since."""
    with contextlib.suppress(UsageError):
        config = load_config(request.root)
        return choose_environment(request.root, config, request.environ, None)[0]
    return None
