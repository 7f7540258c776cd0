"""Which environments there are, and which of them is meant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sceneshift.core.config import (
    BUILT_IN_ALIASES,
    ENVIRONMENT_NAME,
    PYPROJECT,
    TABLE,
    EnvironmentConfig,
)
from sceneshift.core.errors import ConfigError, UsageError
from sceneshift.core.git import find_tracked
from sceneshift.core.paths import write_whole
from sceneshift.core.schema import join_keys
from sceneshift.core.value import Source, SourceKind
from sceneshift.core.wording import quote, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sceneshift.core.config import Config
    from sceneshift.core.paths import StateFolder

VARIABLE = "SCENESHIFT_ENV"
STATE_FILE = Path(".sceneshift", "environment")
DEFAULT_NAME = "development"

_OTHER_NAMES = BUILT_IN_ALIASES | {
    name: alias for alias, name in BUILT_IN_ALIASES.items()
}
_PRODUCTION = frozenset({"prod", "production"})
# Files that tools keep beside env files and that are no environment's.
_NO_NAMES = frozenset(
    {
        "backup",
        "bak",
        "defaults",
        "dist",
        "example",
        "keys",
        "local",
        "me",
        "old",
        "orig",
        "sample",
        "template",
        "tmp",
        "vault",
    }
)


def choose_environment(
    root: Path, config: Config, environ: Mapping[str, str], flag: str | None
) -> tuple[str, Source]:
    """Return the environment that is active, and what chose it.

    The first of these counts: the flag, the variable SCENESHIFT_ENV, what the last
    switch left, the configuration.

    Raises:
        UsageError: There is no environment of the name that was asked for.
        ConfigError: What the last switch left cannot be read.
    """
    asked, chosen_by = _choose(root, config, environ, flag)
    known = list_environments(root, config)
    name = _find_name(asked, known)
    if name is None:
        # Of what was typed just now nobody has to be told where it stands.
        is_typed = chosen_by.kind is SourceKind.FLAG
        where = "" if is_typed else f" (asked for by {chosen_by})"
        raise UsageError(
            f"there is no environment {quote(asked)}{where}",
            hint=suggest(asked, known),
        )
    return name, chosen_by


def list_environments(root: Path, config: Config) -> dict[str, EnvironmentConfig]:
    """Return every environment: those of pyproject.toml, of env files, development.

    A file `.env.<name>` is enough to make one, unless another environment lists the
    file as its own.
    """
    return _collect(config, _find_files(root, config))


def list_shared_environments(
    root: Path, config: Config
) -> dict[str, EnvironmentConfig]:
    """Return the environments that each machine has.

    One that a file alone makes is among them where git tracks the file, or where it is
    the one that is active unless another is named.
    """
    files = {
        name: f".env.{name}"
        for name in _find_files(root, config)
        if _find_name(name, config.environments) is None
    }
    tracked = find_tracked(root, files.values()) if files else ()
    found = _collect(config, [name for name in files if files[name] in tracked])
    default = config.default_environment
    if default is not None and _find_name(default, found) is None:
        found[default] = EnvironmentConfig()
    return found


def get_name(asked: str, known: Mapping[str, EnvironmentConfig]) -> str:
    """Return the environment's own name for a name or an alias that there is."""
    name = _find_name(asked, known)
    assert name is not None
    return name


def find_place(root: Path, config: Config, name: str) -> int:
    """Return an environment's place among all, those that each machine has first.

    Args:
        root: The project's folder.
        config: What its pyproject.toml says.
        name: Of one that there is.
    """
    shared = list_shared_environments(root, config)
    known = _find_name(name, shared)
    if known is not None:
        return [*shared].index(known)
    names = [
        each
        for each in list_environments(root, config)
        if _find_name(each, shared) is None
    ]
    return len(shared) + names.index(name)


def _collect(config: Config, files: Iterable[str]) -> dict[str, EnvironmentConfig]:
    """Return the environments that tables and these files make, and development."""
    found = dict(config.environments)
    # The long name first: `.env.dev` beside `.env.development` makes no second one.
    for name in sorted(files, key=lambda name: name in BUILT_IN_ALIASES):
        if _find_name(name, found) is None:
            found[name] = EnvironmentConfig()
    if _find_name(DEFAULT_NAME, found) is None:
        found = {DEFAULT_NAME: EnvironmentConfig(), **found}
    return found


def is_guarded(name: str, section: EnvironmentConfig, config: Config) -> bool:
    """Tell whether worktrees leave an environment as it is.

    So they do with what is protected, and with production where a file
    `.env.production` alone makes it: no table says what it is.
    """
    is_unsaid = name in _PRODUCTION and name not in config.environments
    return section.protected or is_unsaid


def list_aliases(
    name: str, environments: Mapping[str, EnvironmentConfig]
) -> tuple[str, ...]:
    """Return the other names of an environment, the built-in one last."""
    aliases = list(environments[name].aliases)
    other = _OTHER_NAMES.get(name)
    if other and other not in aliases and _find_name(other, environments) == name:
        aliases.append(other)
    return tuple(aliases)


def _find_name(asked: str, known: Mapping[str, EnvironmentConfig]) -> str | None:
    """Return the environment's own name for a name or an alias.

    A built-in alias is one in both directions: where a table or a file is named
    `dev`, that is the environment's name, and `development` leads to it.
    """
    for name, section in known.items():
        if asked == name or asked in section.aliases:
            return name
    other = _OTHER_NAMES.get(asked, "")
    return other if other in known else None


def _find_files(root: Path, config: Config) -> Iterator[str]:
    """Yield the names that env files make."""
    sections = config.environments.values()
    listed = {file for section in sections for file in section.env_files or ()}
    for file in sorted(root.glob(".env.*")):
        name = file.name.removeprefix(".env.")
        is_plain = ENVIRONMENT_NAME.fullmatch(name) is not None
        is_other = name.lower() in _NO_NAMES or file.name in listed
        if is_plain and not is_other and file.is_file():
            yield name


def _choose(
    root: Path, config: Config, environ: Mapping[str, str], flag: str | None
) -> tuple[str, Source]:
    """Return the name or alias that was asked for, and what asked for it."""
    if flag:
        return flag, Source(kind=SourceKind.FLAG, key="--env")
    if name := environ.get(VARIABLE):
        return name, Source(kind=SourceKind.PROCESS, key=VARIABLE)
    if name := _read_state(root):
        return name, Source(kind=SourceKind.STATE_FILE, file=STATE_FILE)
    if config.default_environment is not None:
        key = join_keys([*TABLE, "default_environment"])
        source = Source(kind=SourceKind.PYPROJECT, file=PYPROJECT, key=key)
        return config.default_environment, source
    return DEFAULT_NAME, Source(kind=SourceKind.DEFAULT)


def _read_state(root: Path) -> str:
    """Return the name that the last switch left; empty where there was none."""
    try:
        return (root / STATE_FILE).read_text(errors="replace").strip()
    except FileNotFoundError:
        return ""
    except OSError as exc:
        problem, hint = f"cannot be read: {exc.strerror}", f"ls -ld {STATE_FILE}"
        raise ConfigError(problem, file=STATE_FILE, hint=hint) from exc


def write_active(state: StateFolder, name: str) -> None:
    """Make an environment the active one, for whatever starts next.

    Raises:
        SceneshiftError: It cannot be written; the active one is what it was.
    """
    with state.being_written():
        state.make()
        write_whole(state.root / STATE_FILE, name + "\n")
