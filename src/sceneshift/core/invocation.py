"""Following a command line to its programs, through `npm run`, `npx` and `sh -c`."""

from __future__ import annotations

import itertools
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.packagejson import read_package

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NEED_NODE = {"node", "npm", "npx", "pnpm", "pnpx", "yarn", "corepack"}
_ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")
_SHELLS = {"sh", "bash", "zsh", "dash", "ash"}
_SHELL_COMMAND = re.compile(r"^-[a-z]*c$")
_WRAPPERS = {"exec", "command", "nohup", "time", "env", "cross-env"}
_RUNNERS = {("uv", "run"), ("poetry", "run"), ("pipenv", "run"), ("pdm", "run")}
_PACKAGE_MANAGERS = {"npm", "pnpm", "yarn", "bun"}
_FOLDER_OPTIONS = {"--prefix", "-C", "--cwd", "--dir"}
# A workspace's folder is known to the package manager alone.
_WORKSPACE_OPTIONS = {
    *("-w", "--workspace", "--workspaces", "-r", "--recursive", "-F", "--filter")
}
_RUN_WORDS = {"run", "run-script", "rum", "urn"}
# npm's own words that run the script of their name.
_SCRIPT_WORDS = {"start", "test", "restart", "stop"}
_EXEC_WORDS = {"exec", "x", "dlx"}
_INSTALL_WORDS = {"ci", "clean-install", "i", "install"}
_DEEPEST = 8


class Invocation(Struct, frozen=True, kw_only=True):
    """One program of a command line.

    Attributes:
        name: Its name without a path: `npm`.
        args: Its arguments.
        folder: Where it runs.
        path: The word that names it, as it was written.
        is_module: Whether it is what `python -m` runs.
    """

    name: str
    args: tuple[str, ...]
    folder: Path
    path: str
    is_module: bool = False


def parse_command(command: str, cwd: Path) -> tuple[Invocation, ...]:
    """Return the programs of a shell command line, in order.

    Read are assignments before a program, `cd`, `exec`, `env`, `sh -c` and runners of
    Python environments; a line with an open quote has no programs.

    Args:
        command: The command line, for a shell.
        cwd: Where it runs.
    """
    return tuple(_parse(command, cwd, _DEEPEST))


def resolve_scripts(invocation: Invocation) -> Invocation | None:
    """Follow `npm run`, `npx` and the like to the program that runs in the end.

    Returns:
        That program; None where it cannot be told, such as for a script that does not
        exist or an `npm` command that runs none.
    """
    current: Invocation | None = invocation
    for _ in range(_DEEPEST):
        if current is None:
            return None
        following = _follow(current)
        if following is current:
            return current
        current = following
    return None


def get_package_folder(invocation: Invocation) -> Path:
    """Return the folder that a package manager works in: its own or `--prefix`'s."""
    folder, args = invocation.folder, invocation.args
    for index, word in enumerate(args):
        if word == "--":
            break
        option, has_value, value = word.partition("=")
        if option in _FOLDER_OPTIONS:
            following = args[index + 1] if index + 1 < len(args) else "."
            return _join(folder, value if has_value else following)
    return folder


def _join(folder: Path, name: str) -> Path:
    """Return a folder below another, without `..` where it can be told."""
    return Path(os.path.normpath(folder / name))


def _parse(command: str, folder: Path, depth: int) -> Iterator[Invocation]:
    """Yield the programs of a command line."""
    if not depth:
        return
    for words in _split(command):
        bare = _strip(words)
        if not bare:
            continue
        name = Path(bare[0]).name
        if name == "cd":
            folder = _join(folder, bare[1]) if len(bare) > 1 else folder
        elif name in _SHELLS and (inner := _find_shell_command(bare)) is not None:
            yield from _parse(inner, folder, depth - 1)
        else:
            before = words[: len(words) - len(bare)]
            yield Invocation(
                name=name,
                args=tuple(bare[1:]),
                folder=folder,
                path=bare[0],
                is_module=before[-1:] == ["-m"],
            )


def _split(command: str) -> list[list[str]]:
    """Split a command line at its operators; redirections stay words."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=";&|()\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    parts: list[list[str]] = [[]]
    try:
        for word in lexer:
            if set(word) <= set(";&|()\n"):
                parts.append([])
            else:
                parts[-1].append(word)
    except ValueError:
        return []
    return parts


def _strip(words: Sequence[str]) -> Sequence[str]:
    """Drop what stands before the program: assignments, `exec`, `env`, `uv run`."""
    rest = list(words)
    while rest:
        name = Path(rest[0]).name
        if _ASSIGNMENT.match(rest[0]):
            del rest[0]
        elif name in _WRAPPERS or (name, *rest[1:2]) in _RUNNERS:
            del rest[: 1 if name in _WRAPPERS else 2]
            while rest and rest[0].startswith("-"):
                del rest[0]
        elif name.startswith("python") and rest[1:2] == ["-m"]:
            return rest[2:]
        else:
            break
    return rest


def _find_shell_command(words: Sequence[str]) -> str | None:
    """Return what `sh -c` runs."""
    for index, word in enumerate(words[:-1]):
        if _SHELL_COMMAND.match(word):
            return words[index + 1]
    return None


def _follow(invocation: Invocation) -> Invocation | None:
    """Go one step; the same invocation where it is the program itself."""
    if invocation.name in {"npx", "bunx", "pnpx"}:
        return _follow_exec(invocation, invocation.args)
    if invocation.name in _PACKAGE_MANAGERS:
        return _follow_manager(invocation)
    if invocation.name == "node":
        return _follow_node(invocation)
    return invocation


def _follow_manager(invocation: Invocation) -> Invocation | None:
    """Find what a package manager runs."""
    options = set(itertools.takewhile(lambda word: word != "--", invocation.args))
    if invocation.name == "bun" and options & {"--hot", "--watch"}:
        return invocation
    words = _drop_options(invocation.args)
    if not words or options & _WORKSPACE_OPTIONS:
        return None
    moved = replace(invocation, folder=get_package_folder(invocation))
    if words[0] in _EXEC_WORDS:
        return _follow_exec(moved, words[1:])
    if words[0] in _RUN_WORDS:
        return _follow_script(moved, _drop_options(words[1:]))
    if invocation.name == "npm" and words[0] not in _SCRIPT_WORDS:
        return None
    return _follow_script(moved, words)


def _follow_script(invocation: Invocation, words: Sequence[str]) -> Invocation | None:
    """Find what a script of package.json runs; the last program is what goes on."""
    scripts = read_package(invocation.folder).get("scripts")
    script = scripts.get(words[0]) if isinstance(scripts, dict) and words else None
    if not isinstance(script, str):
        # yarn, pnpm and bun run a program of that name as well.
        return None if invocation.name == "npm" else _follow_exec(invocation, words)
    programs = parse_command(script, invocation.folder)
    if not programs:
        return None
    extra = words[1:]
    if "--" in extra:
        extra = extra[extra.index("--") + 1 :]
    elif invocation.name == "npm":  # keeps its options to itself
        extra = ()
    return replace(programs[-1], args=(*programs[-1].args, *extra))


def _follow_exec(invocation: Invocation, words: Sequence[str]) -> Invocation | None:
    """Find what `npx` runs: the first word that is no option, without its version."""
    rest = list(words)
    while rest and rest[0].startswith("-"):
        del rest[: 2 if rest[0] in {"-p", "--package"} else 1]
    if not rest:
        return None
    name = re.sub(r"(?<=.)@[^/]*$", "", rest[0])
    return Invocation(
        name=_PROGRAMS.get(name, name.rpartition("/")[2]),
        args=tuple(rest[1:]),
        folder=invocation.folder,
        path=name,
    )


# Packages whose program has another name.
_PROGRAMS = {
    "@angular/cli": "ng",
    "@remix-run/dev": "remix",
    "@storybook/cli": "storybook",
    "@vue/cli-service": "vue-cli-service",
}


def _follow_node(invocation: Invocation) -> Invocation:
    """Find the tool that is started by its file: `node node_modules/.bin/vite`."""
    for index, word in enumerate(invocation.args):
        if word.startswith("--watch"):
            break
        parts = Path(word).parts
        if word.startswith("-") or "node_modules" not in parts:
            continue
        after = parts[parts.index("node_modules") + 1 :]
        if len(after) > 1:
            name = after[1] if after[0] == ".bin" else after[0]
            return replace(invocation, name=name, args=invocation.args[index + 1 :])
    return invocation


def _drop_options(words: Sequence[str]) -> tuple[str, ...]:
    """Drop the options before a package manager's command."""
    rest = list(words)
    while rest and rest[0].startswith("-"):
        takes_value = rest[0] in _FOLDER_OPTIONS
        del rest[: 2 if takes_value else 1]
    return tuple(rest)


def find_package_folder(command: str, cwd: Path) -> Path | None:
    """Return the folder whose package.json counts for a command line that needs Node.

    Args:
        command: A Procfile's command line or a set-up step's.
        cwd: Where it runs.
    """
    for program in parse_command(command, cwd):
        if program.name in _NEED_NODE:
            return get_package_folder(program)
        if "node_modules" in Path(program.path).parts:
            return program.folder
    return None


def list_packages(command: str, cwd: Path) -> Iterator[Path]:
    """Yield the folders whose package.json tells what a command line runs.

    Args:
        command: The command line.
        cwd: Where it runs.
    """
    for program in parse_command(command, cwd):
        current: Invocation | None = program
        before: Invocation | None = None
        for _ in range(_DEEPEST):
            if current is None or current is before:
                break
            if current.name in _PACKAGE_MANAGERS:
                yield get_package_folder(current)
            current, before = _follow(current), current


def list_installed(command: str, cwd: Path) -> Iterator[Path]:
    """Yield the folders into which a command line has a package manager install.

    Args:
        command: The command line.
        cwd: Where it runs.
    """
    for program in parse_command(command, cwd):
        words = _drop_options(program.args)
        is_plain = not words and program.name == "yarn"
        if program.name in _PACKAGE_MANAGERS and (
            is_plain or (words[:1] and words[0] in _INSTALL_WORDS)
        ):
            yield get_package_folder(program)
