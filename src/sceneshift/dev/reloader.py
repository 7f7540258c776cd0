"""Programs that bring a reloader of their own: it is left out of the command.

Two reloaders of one program work against each other, and theirs starts a second
interpreter that binds the port itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from sceneshift.core.program import PythonProgram

# Options with the number of values that follow them as words of their own.
_DROPPED: dict[str, dict[str, int]] = {
    "uvicorn": {
        "--reload": 0,
        "--reload-dir": 1,
        "--reload-include": 1,
        "--reload-exclude": 1,
        "--reload-delay": 1,
    },
    "gunicorn": {"--reload": 0, "--reload-engine": 1, "--reload-extra-file": 1},
    "granian": {
        "--reload": 0,
        "--reload-paths": 1,
        "--reload-ignore-dirs": 1,
        "--reload-ignore-patterns": 1,
        "--reload-ignore-paths": 1,
        "--reload-tick": 1,
        "--reload-ignore-worker-failure": 0,
    },
    "hypercorn": {"--reload": 0},
}
# The word after which the option goes that turns the reloader off.
_ADDED: dict[str, tuple[tuple[str, ...], str]] = {
    "flask": (("run",), "--no-reload"),
    "fastapi": (("dev", "run"), "--no-reload"),
    "manage": (("runserver", "runserver_plus"), "--noreload"),
    "django-admin": (("runserver",), "--noreload"),
    "django": (("runserver",), "--noreload"),
}


def without_reloader(program: PythonProgram) -> PythonProgram:
    """Return the program without its own reloader; the same where it has none."""
    argv = _drop(program.argv, _DROPPED.get(program.name, {}))
    argv = _add(argv, *_ADDED.get(program.name, ((), "")))
    return program if argv == program.argv else replace(program, argv=argv)


def _drop(argv: tuple[str, ...], options: dict[str, int]) -> tuple[str, ...]:
    kept: list[str] = []
    skip = 0
    for word in argv:
        name, equals, _value = word.partition("=")
        if skip:
            skip -= 1
        elif name in options:
            skip = 0 if equals else options[name]
        else:
            kept.append(word)
    return tuple(kept)


def _add(argv: tuple[str, ...], after: tuple[str, ...], option: str) -> tuple[str, ...]:
    if option in argv:
        return argv
    for place, word in enumerate(argv):
        if word in after:
            return (*argv[: place + 1], option, *argv[place + 1 :])
    return argv
