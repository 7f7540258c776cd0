"""What is protected is touched only after a person has said so."""

from __future__ import annotations

from sceneshift.core.console import StreamConsole, can_ask
from sceneshift.core.errors import RefusedError
from sceneshift.core.wording import quote


def confirm_protected(name: str, *, doing: str, command: str) -> None:
    """Have a person type the name of a protected environment.

    Its own name, no alias: an alias is typed without a thought.

    Args:
        name: The environment's name.
        doing: What is about to be done, as in "this switches to it".
        command: What to type to have it done without a question.

    Raises:
        RefusedError: Nobody can be asked here, or something else was typed.
    """
    protected = f"{quote(name)} is protected"
    if not can_ask():
        raise RefusedError(
            f"{protected}, and nobody can be asked here", hint=f"confirm it: {command}"
        )
    typed = StreamConsole().ask(f"{protected}, and {doing}; type its name:")
    if typed != name:
        said = f"{quote(typed)} was typed" if typed else "its name was not typed"
        raise RefusedError(
            f"{protected}, and {said}: nothing was done",
            hint=f"type {name} when you are asked, or confirm it: {command}",
        )
