"""Which environment is active, and what each of its variables is and why."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.config import PYPROJECT, TABLE, load_config
from sceneshift.core.databases import VARIABLE as DATABASE_VARIABLE
from sceneshift.core.databases import is_service, name_variable
from sceneshift.core.envfile import load_env_file
from sceneshift.core.errors import ConfigError, SceneshiftError
from sceneshift.core.exported import forget_exported
from sceneshift.core.schema import join_keys
from sceneshift.core.selection import (
    choose_environment,
    is_guarded,
    list_environments,
)
from sceneshift.core.separation import Rules, Separation, separate
from sceneshift.core.value import Source, SourceKind, Value
from sceneshift.core.wording import quote
from sceneshift.core.worktree import find_worktree

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sceneshift.core.config import Config, EnvironmentConfig
    from sceneshift.core.worktree import Worktree

_REFERENCE = re.compile(r"\$\{(?P<name>[^}:]*)(?::-(?P<default>[^}]*))?\}")
_SQLITE_FILE = re.compile(r"(?P<scheme>sqlite(?:\+\w+)?:///)(?![/:]|file:)(?P<path>.+)")


class Environment(Struct, frozen=True, kw_only=True):
    """The active environment.

    Attributes:
        name: Its name, never an alias.
        chosen_by: What chose it.
        values: Every variable that a process of it sees, those of the shell included.
        files: The env files that were looked for, present or not, by precedence.
        ports: A process's port, or "auto".
        protected: Whether destructive commands refuse.
        separation: How its databases are apart from those of the main checkout.
    """

    name: str
    chosen_by: Source
    values: Mapping[str, Value]
    files: tuple[Path, ...]
    ports: Mapping[str, int | str]
    protected: bool
    separation: Separation = Separation()


def resolve_environment(  # noqa: PLR0913 - options, each by its name
    root: Path,
    config: Config,
    *,
    environ: Mapping[str, str],
    flag: str | None = None,
    addresses: Mapping[str, Value] | None = None,
    own_ports: Collection[int] = (),
) -> Environment:
    """Find the active environment and resolve its variables.

    A variable is taken from the first of these that has it: the process
    environment, the env files from the last to the first, `databases` and `env`
    of pyproject.toml, and what is built in (ENVIRONMENT, the active name).
    `${NAME}` and `${NAME:-default}` are replaced wherever a file says them.

    In a linked worktree the databases are others than those of the main checkout,
    unless the environment is protected.

    Args:
        root: The project's folder.
        config: What its pyproject.toml says.
        environ: The process environment.
        flag: The value of `--env`.
        addresses: `<PROCESS>_PORT` and `_URL` of the processes; weaker than all else.
        own_ports: The ports of the processes that run in this checkout.

    Raises:
        UsageError: There is no environment of the name that was asked for.
        ConfigError: A file cannot be read or says what cannot be.
    """
    name, chosen_by = choose_environment(root, config, environ, flag)
    section = list_environments(root, config)[name]
    files = list_env_files(name, section)
    layers = _Layers()
    for key, address in (addresses or {}).items():
        layers.add(key, address.text, address.source, is_literal=True)
    layers.add("ENVIRONMENT", name, chosen_by, is_literal=True)
    for key, text, source in _pyproject_values(root, name, section):
        layers.add(key, text, source)
    for file in files:
        for line in load_env_file(root, file):
            source = Source(kind=SourceKind.ENV_FILE, file=file, line=line.number)
            layers.add(line.key, line.text, source)
    for key, text in forget_exported(environ).items():
        layers.add(key, text, Source(kind=SourceKind.PROCESS), is_literal=True)
    worktree = None if is_guarded(name, section, config) else find_worktree(root)
    separation = Separation()
    if worktree is not None:
        rules = Rules(
            worktree=worktree,
            root=root,
            shared={name_variable(each) for each in config.worktrees.share_databases},
            ports=own_ports,
            is_chosen=_Main(worktree, root, name, environ, addresses).differs,
        )
        separation = _take_apart(layers, rules)
    return Environment(
        name=name,
        chosen_by=chosen_by,
        values=layers.resolve_all(),
        files=files,
        ports=section.ports,
        protected=section.protected,
        separation=separation,
    )


def _take_apart(layers: _Layers, rules: Rules) -> Separation:
    """Put the addresses of a worktree's own databases over all others.

    So a `${DATABASE_URL}` in another variable means them too.
    """
    values = layers.resolve_all()
    separation = separate(values, rules)
    source = Source(kind=SourceKind.WORKTREE, key=rules.worktree.name)
    for each in separation.own:
        if each.url != values[name_variable(each.name)].text:
            layers.add(name_variable(each.name), each.url, source, is_literal=True)
    return separation


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace `${NAME}` and `${NAME:-default}`; an unknown name is empty."""
    return _REFERENCE.sub(
        lambda found: values.get(found["name"], found["default"] or ""), text
    )


def list_env_files(name: str, section: EnvironmentConfig) -> tuple[Path, ...]:
    """Return the env files of an environment, by precedence, present or not."""
    listed = section.env_files
    return tuple(map(Path, [".env", f".env.{name}"] if listed is None else listed))


def _pyproject_values(
    root: Path, name: str, section: EnvironmentConfig
) -> Iterator[tuple[str, str, Source]]:
    """Yield (variable, text, source) of `env` and `databases`."""
    keys = [*TABLE, "environments", name]
    for key, text in section.env.items():
        yield key, str(text), _pyproject_source([*keys, "env", key])
    for key, url in section.databases.items():
        source = _pyproject_source([*keys, "databases", key])
        yield name_variable(key), _find_address(root, name, key, url), source


def _pyproject_source(keys: list[str]) -> Source:
    return Source(kind=SourceKind.PYPROJECT, file=PYPROJECT, key=join_keys(keys))


def _find_address(root: Path, name: str, key: str, text: str) -> str:
    """Return the address of a database, whatever it is named by."""
    if is_service(text):
        from sceneshift.core.services.service import (  # noqa: PLC0415 - 2 ms
            find_address,
        )

        return find_address(root, name, key, text)
    return _root_sqlite(root, text)


def _root_sqlite(root: Path, url: str) -> str:
    """Make a relative SQLite file lie below the project.

    Else processes with different working directories would each have their own.
    """
    found = _SQLITE_FILE.fullmatch(url)
    return f"{found['scheme']}{root / found['path']}" if found else url


class _Main:
    """What the main checkout says of a worktree's databases, read when it is asked."""

    def __init__(
        self,
        worktree: Worktree,
        root: Path,
        name: str,
        environ: Mapping[str, str],
        addresses: Mapping[str, Value] | None,
    ) -> None:
        self._root = worktree.find_main(root)
        self._name = name
        self._environ = environ
        self._addresses = addresses
        self._texts: dict[str, str] | None = None

    def differs(self, key: str, text: str) -> bool:
        """Tell whether a variable is another there; no, where that cannot be told."""
        if self._texts is None:
            self._texts = self._read()
        return self._texts.get(key, text) != text

    def _read(self) -> dict[str, str]:
        if self._root is None:
            return {}
        environ = {
            key: text
            for key, text in self._environ.items()
            if not key.startswith(DATABASE_VARIABLE)
        }
        try:
            found = resolve_environment(
                self._root,
                load_config(self._root),
                environ=environ,
                flag=self._name,
                addresses=self._addresses,
            )
        except SceneshiftError:  # in the middle of an edit: nothing is given up for it
            return {}
        return {key: value.text for key, value in found.values.items()}


class _Definition(Struct, frozen=True):
    text: str
    source: Source
    is_literal: bool


class _Layers:
    """Definitions of variables, from the weakest to the strongest."""

    def __init__(self) -> None:
        self._definitions: dict[str, list[_Definition]] = {}
        self._open: list[tuple[str, int]] = []

    def add(
        self, key: str, text: str, source: Source, *, is_literal: bool = False
    ) -> None:
        """Add a definition that is stronger than those before it."""
        if not key or "=" in key or "\0" in key + text:
            raise ConfigError(
                f"{quote(key)} cannot be a variable of a process",
                file=source.file,
                line=source.line,
                key=source.key,
                hint="a name has no `=`, and neither name nor value a NUL byte",
            )
        definition = _Definition(text, source, is_literal)
        self._definitions.setdefault(key, []).append(definition)

    def resolve_all(self) -> dict[str, Value]:
        """Return the strongest definition of each, its references replaced."""
        return {
            key: self._resolve_strongest(key, stack)
            for key, stack in self._definitions.items()
        }

    def _resolve_strongest(self, key: str, stack: Sequence[_Definition]) -> Value:
        text = self._resolve(key, len(stack) - 1)
        weaker = tuple(Value(one.text, one.source) for one in stack[-2::-1])
        return Value(text, stack[-1].source, weaker)

    def _resolve(self, key: str, index: int) -> str:
        """Return the text of a definition; `X=${X}:more` means the one below it."""
        definition = self._definitions[key][index]
        if definition.is_literal or "${" not in definition.text:
            return definition.text
        if (key, index) in self._open:
            raise self._circle(definition, self._open.index((key, index)))
        self._open.append((key, index))
        text = _REFERENCE.sub(
            lambda found: self._refer(found, key, index), definition.text
        )
        self._open.pop()
        return text

    def _refer(self, found: re.Match[str], key: str, index: int) -> str:
        name, default = found["name"], found["default"] or ""
        below = index if name == key else len(self._definitions.get(name, ()))
        return self._resolve(name, below - 1) if below else default

    def _circle(self, definition: _Definition, start: int) -> ConfigError:
        names = [key for key, _ in self._open[start:]]
        return ConfigError(
            f"variables refer to each other: {' -> '.join([*names, names[0]])}",
            file=definition.source.file,
            line=definition.source.line,
            hint="give one of them a value of its own",
        )
