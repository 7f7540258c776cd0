"""`.env.example`: what a fresh clone's `.env` begins as."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.secrets import is_placeholder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sceneshift.core.envfile import EnvLine

EXAMPLE = Path(".env.example")
ENV_FILE = Path(".env")


class ExampleCopy(Struct, frozen=True, kw_only=True):
    """The copy that a first start makes.

    Attributes:
        root: The project's folder.
        unfilled: The lines that a person still has to fill in.
        is_exposed: Whether git would take it in.
    """

    root: Path
    unfilled: tuple[EnvLine, ...]
    is_exposed: bool = False

    def __str__(self) -> str:
        """Say what is done, and what is left to do."""
        text = f"{ENV_FILE} is a copy of {EXAMPLE}"
        if self.is_exposed:
            text += f", and git does not ignore it: echo /{ENV_FILE} >> .gitignore"
        if not self.unfilled:
            return text
        places = (f"{line.key} ({ENV_FILE}:{line.number})" for line in self.unfilled)
        return f"{text}; you still have to fill in: {', '.join(places)}"


def plan_copy(
    root: Path, environ: Mapping[str, str], environment: str | None
) -> ExampleCopy | None:
    """Return the copy that a first start is to make; None where it is to make none.

    That is where the example is there and `.env` is not, and the environment reads
    it and is not protected: no example is good enough for one that is.

    Args:
        root: The project's folder.
        environ: The process environment.
        environment: Name or alias; None means the active one.

    Raises:
        UsageError: There is no such environment, or a file says what cannot be.
    """
    if os.path.lexists(root / ENV_FILE) or not (root / EXAMPLE).is_file():
        return None
    # Rarely needed, and on the path of each start.
    from sceneshift.core.config import load_config  # noqa: PLC0415
    from sceneshift.core.envfile import load_env_file  # noqa: PLC0415
    from sceneshift.core.environment import resolve_environment  # noqa: PLC0415

    active = resolve_environment(
        root, load_config(root), environ=environ, flag=environment
    )
    if active.protected or ENV_FILE not in active.files:
        return None
    lines = load_env_file(root, EXAMPLE)
    return ExampleCopy(
        root=root, unfilled=tuple(find_unfilled(lines)), is_exposed=_is_exposed(root)
    )


def _is_exposed(root: Path) -> bool:
    from sceneshift.core.git import ask_git, find_ignored  # noqa: PLC0415 - as above

    if ask_git(root, "rev-parse", "--git-dir") is None:
        return False
    return not find_ignored(root, [str(ENV_FILE)])


def find_unfilled(lines: Iterable[EnvLine]) -> list[EnvLine]:
    """Return the lines whose value is empty or a placeholder."""
    return [line for line in lines if is_placeholder(line.text)]


def apply_copy(copy: ExampleCopy) -> None:
    """Make the copy, for its owner's eyes only; what is there by now stays.

    Raises:
        SceneshiftError: It cannot be written.
    """
    data = (copy.root / EXAMPLE).read_bytes()
    path = copy.root / ENV_FILE
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise SceneshiftError(
            f"{ENV_FILE} cannot be written: {(error.strerror or '').lower()}",
            hint=f"is the folder yours? ls -ld {copy.root}",
        ) from error
    with os.fdopen(handle, "wb") as file:
        file.write(data)
