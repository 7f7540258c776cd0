"""`inv data.shell`: the database system's own client, in place of `inv` itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from sceneshift.core.confirmation import confirm_protected
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.execution import become
from sceneshift.core.project import build_common_env
from sceneshift.data.clients import find_client
from sceneshift.data.firstuse import insist_on_missing
from sceneshift.data.sqlite.files import is_there
from sceneshift.data.target import Request, load_target

if TYPE_CHECKING:
    from sceneshift.data.target import Target


class ShellRequest(Request, frozen=True, kw_only=True):
    """What was asked for.

    Attributes:
        words: More arguments for the client.
    """

    words: tuple[str, ...] = ()


def open_shell(request: ShellRequest) -> NoReturn:
    """Become the client: its output, exit code and signals are its own.

    Raises:
        UsageError: There is no such environment or database, or it is not clear which
            one is meant.
        RefusedError: The environment is protected, and nobody confirms it.
        ComponentError: The client is not on this machine.
        SceneshiftError: There is nothing to open.
    """
    target = load_target(
        request.root,
        request.environ,
        environment=request.environment,
        database=request.database,
    )
    if target.project.environment.protected and not request.is_confirmed:
        name = target.environment
        confirm_protected(
            name,
            doing="this opens a shell on its database",
            command=f"inv data.shell --env {name} --yes",
        )
    insist_on_missing(target.project)
    _check_file(target)
    client = find_client(target, build_common_env(target.project), request.words)
    become(client.words[0], client.words, client.env)


def _check_file(target: Target) -> None:
    """Refuse a file that is not there: the client would make an empty one.

    Raises:
        SceneshiftError: It is not there.
    """
    if target.file is None:
        return
    try:
        if is_there(target.file):
            return
        reason = "does not exist"
    except OSError as error:
        reason = f"cannot be looked at: {(error.strerror or '').lower()}"
    raise SceneshiftError(
        f"{target.file} {reason}",
        hint="make it: inv data.create, or inv data.reset",
    )
