"""Reading a Procfile: honcho's grammar, and errors where it would be silent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.config import PYPROJECT
from sceneshift.core.errors import ConfigError
from sceneshift.core.schema import key_error
from sceneshift.core.wording import find_nearest, quote, suggest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

DEFAULT_FILES = (Path("Procfile.dev"), Path("Procfile"))

# As honcho.environ.PROCFILE_LINE has it.
_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(.+)$")
_HINT = (
    "write `name: command`, the name of letters, digits, - and _ at the line's start"
)


class Procfile(Struct, frozen=True, kw_only=True):
    """What a Procfile says.

    Attributes:
        file: The file, relative to the project.
        looked_for: The files that would have been taken, up to this one.
        commands: Command line of each process, in the file's order.
        lines: Line of each process, counted from 1.
    """

    file: Path
    looked_for: tuple[Path, ...]
    commands: Mapping[str, str]
    lines: Mapping[str, int]

    @property
    def is_named(self) -> bool:
        """Whether somebody has named it, so that it has to be there."""
        return self.file not in DEFAULT_FILES

    def refuse_missing(self, root: Path) -> None:
        """Refuse one that was only looked for, and is not there.

        Args:
            root: The project's folder.

        Raises:
            ConfigError: It is not.
        """
        if not self.commands:
            load_procfile(root, *([self.file] if self.is_named else []))


def load_procfile(root: Path, *names: Path) -> Procfile:
    """Read the first of some files that exists.

    Args:
        root: The project's folder.
        names: The files; none means `Procfile.dev`, then `Procfile`.

    Raises:
        ConfigError: There is none, or it cannot be read, or a line has no meaning.
    """
    candidates = names or DEFAULT_FILES
    for place, file in enumerate(candidates, 1):
        try:
            data = (root / file).read_bytes()
        except FileNotFoundError:
            continue
        except OSError as exc:
            hint = f"make it readable: ls -ld {file}"
            text = f"cannot be read: {exc.strerror}"
            raise ConfigError(text, file=file, hint=hint) from exc
        return parse_procfile(_decode(data, file), file, candidates[:place])
    places = ", ".join(quote(str(file)) for file in candidates)
    raise ConfigError(
        f"there is no Procfile, looked for: {places}",
        hint="write one with a line for each process: web: python app.py",
    )


def parse_procfile(
    text: str, file: Path, looked_for: tuple[Path, ...] = ()
) -> Procfile:
    """Return what honcho reads in the text, and refuse what it would drop.

    Raises:
        ConfigError: No process, two of a name, or a line without meaning.
    """
    from honcho.environ import parse_procfile as parse  # noqa: PLC0415 - slow

    lines = _find_lines(text, file)
    return Procfile(
        file=file,
        looked_for=looked_for or (file,),
        commands=dict(parse(text).processes),
        lines=lines,
    )


def unknown_process(
    keys: Sequence[str], name: str, known: Collection[str]
) -> ConfigError:
    """Return the error about a name that the Procfile does not have."""
    text = f"the Procfile has no process {quote(name)}"
    nearest = find_nearest(name, known)
    if nearest is not None:
        text += f", the nearest is {quote(nearest)}"
    return key_error(PYPROJECT, keys, text, hint=suggest(name, known))


def _decode(data: bytes, file: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        hint = "save it as UTF-8"
        raise ConfigError("is not UTF-8", file=file, line=line, hint=hint) from exc


def _find_lines(text: str, file: Path) -> dict[str, int]:
    """Return the line of each process; raise where honcho would drop or assert."""
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if complaint := _complain(line):
            message = f"{complaint}: {quote(line)}"
            raise ConfigError(message, file=file, line=number, hint=_HINT)
        name = line.partition(":")[0]
        if name in lines:
            raise ConfigError(
                f"there is a second process {quote(name)}, the first is in line "
                f"{lines[name]}",
                file=file,
                line=number,
                hint="give one of them another name",
            )
        lines[name] = number
    if not lines:
        hint = "write a line for each process: web: python app.py"
        raise ConfigError("names no process", file=file, hint=hint)
    return lines


def _complain(line: str) -> str | None:
    """Say why a line that is no comment is no process; None where it is one."""
    name, colon, command = line.partition(":")
    if line[0].isspace() and _LINE.match(line.lstrip()):
        return "a process must begin at the line's start"
    if not colon or not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        return "no process can be read here"
    if not command.strip() or command.lstrip().startswith("#"):
        return "a process has no command"
    if "\0" in command:
        return "a command holds a NUL byte"
    return None
