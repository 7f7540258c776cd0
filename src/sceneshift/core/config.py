"""`[tool.sceneshift]` of pyproject.toml, as typed values."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct, field

from sceneshift.core.errors import ConfigError
from sceneshift.core.schema import convert, key_error
from sceneshift.core.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

PYPROJECT = Path("pyproject.toml")
TABLE = ("tool", "sceneshift")

# Names that lead to an environment without being listed, and it to them.
BUILT_IN_ALIASES = {"dev": "development", "prod": "production"}
ENVIRONMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_TOML_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")

Text = Annotated[str, Meta(description="text in quotes")]
Texts = Annotated[list[Text], Meta(description="a list of texts in quotes")]
Switch = Annotated[bool, Meta(description="true or false")]
Seconds = Annotated[float, Meta(ge=0, le=86400, description="seconds, from 0 to 86400")]
UrlPath = Annotated[str, Meta(pattern="^/", description="a path that begins with /")]
Count = Annotated[int, Meta(ge=1, le=100_000, description="a number from 1 to 100000")]
Port = Annotated[int, Meta(ge=1, le=65535)]
Scalar = Annotated[str | int, Meta(description="text in quotes or a whole number")]
Table = Annotated[dict[str, Scalar], Meta(description="a table of variables")]
Condition = Annotated[
    Literal["started", "ready", "completed"],
    Meta(description='"started", "ready" or "completed"'),
]


class _Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every table here is: read-only, without unknown keys."""


class EnvironmentConfig(_Strict, frozen=True):
    """`[tool.sceneshift.environments.<name>]`.

    Attributes:
        aliases: Other names of it.
        env_files: Files relative to the project, later ones win; None means
            `.env` and `.env.<name>`.
        env: Variables that hold wherever no file and no shell says otherwise.
        ports: A process's port, or "auto".
        debug_ports: Where a process's debugger listens.
        databases: A database's URL; `${NAME}` is replaced.
        protected: Whether destructive commands refuse.
        dataset: What its databases are filled with, by its name.
    """

    aliases: Texts = []
    env_files: Texts | None = None
    env: Table = {}
    ports: Annotated[
        dict[
            str,
            Annotated[
                Port | Literal["auto"],
                Meta(description='a number from 1 to 65535 or "auto"'),
            ],
        ],
        Meta(description="a table of ports"),
    ] = {}
    debug_ports: Annotated[
        dict[str, Annotated[Port, Meta(description="a number from 1 to 65535")]],
        Meta(description="a table of ports"),
    ] = {}
    databases: Annotated[
        dict[str, str], Meta(description="a table of URLs in quotes")
    ] = {}
    protected: Switch = False
    dataset: Text | None = None


class HealthConfig(_Strict, frozen=True):
    """`health` as a table: either a command or a log line's pattern."""

    command: Text | None = None
    log: Text | None = None

    def __post_init__(self) -> None:
        if (self.command is None) == (self.log is None):
            raise ValueError("one of `command` and `log`")


class SetupConfig(_Strict, frozen=True):
    """`setup`: what runs once for each content of some files."""

    run: Text
    when: Texts = []


class StopConfig(_Strict, frozen=True):
    """`stop`: how a process is stopped."""

    signal: Text = "TERM"
    time_s: Seconds = 5.0
    reload_time_s: Seconds | None = None


class ProcessConfig(_Strict, frozen=True):
    """`[tool.sceneshift.processes.<name>]`, about one line of the Procfile.

    Attributes:
        health: How readiness is told.
        depends_on: What must come first, and how far it must be.
        open: The path of the address that people are shown.
        cwd: Where it runs, relative to the project.
        setup: What runs once before it.
        watch: Globs that replace what the process reports to use.
        reload: What a change of a file means.
        stop: How it is stopped.
        env: Variables of this process alone.
    """

    health: Annotated[
        Annotated[str, Meta(pattern="^(/.*|tcp)$")] | HealthConfig | None,
        Meta(
            description='a path that begins with /, "tcp", { command = "…" } '
            'or { log = "…" }'
        ),
    ] = None
    depends_on: Annotated[
        list[Text] | dict[str, Condition],
        Meta(
            description="a list of names, or a table of names with "
            '"started", "ready" or "completed"'
        ),
    ] = []
    open: UrlPath | None = None
    cwd: Text = "."
    setup: Annotated[
        SetupConfig | None,
        Meta(description='a table { run = "…", when = ["…"] }'),
    ] = None
    watch: Texts | None = None
    reload: Annotated[
        Literal["auto", "cold", "self", "off"],
        Meta(description='"auto", "cold", "self" or "off"'),
    ] = "auto"
    stop: Annotated[
        StopConfig,
        Meta(description='a table { signal = "…", time_s = …, reload_time_s = … }'),
    ] = StopConfig()
    env: Table = {}


class DatabaseConfig(_Strict, frozen=True):
    """`[tool.sceneshift.databases.<name>]`, about one database of all environments.

    Attributes:
        alembic: Alembic's configuration, relative to the project.
        seeds: The folder of its datasets, relative to the project.
        follow_branch: Whether each branch of git has a state of it for itself.
    """

    alembic: Text | None = None
    seeds: Text | None = None
    follow_branch: Switch = False


class BackupsConfig(_Strict, frozen=True):
    """`backups` of `[tool.sceneshift.data]`.

    Attributes:
        folder: Where they are, relative to the project; None means `.sceneshift`.
        keep: How many of a database are kept.
        days: For how many days they are.
    """

    folder: Text | None = None
    keep: Count = 10
    days: Count = 90


class DataConfig(_Strict, frozen=True):
    """`[tool.sceneshift.data]`.

    Attributes:
        hosts: Besides this machine, where databases are that may be destroyed.
        backups: Where backups are, and how long.
    """

    hosts: Texts = []
    backups: Annotated[
        BackupsConfig,
        Meta(description='a table { folder = "…", keep = …, days = … }'),
    ] = BackupsConfig()


class WorktreesConfig(_Strict, frozen=True):
    """`[tool.sceneshift.worktrees]`.

    Attributes:
        share: Processes that run in the main checkout alone, for all worktrees.
        share_databases: Databases of the main checkout that all worktrees use.
    """

    share: Texts = []
    share_databases: Texts = []


class IdeConfig(_Strict, frozen=True):
    """`[tool.sceneshift.ide]`.

    Attributes:
        settings: Whether an editor's settings are generated too.
        virtual_environment: The folder of the project's Python, relative to it; empty
            where an editor is to choose one by itself.
    """

    settings: Switch = False
    virtual_environment: Text = ".venv"


class Config(_Strict, frozen=True):
    """`[tool.sceneshift]`.

    Attributes:
        default_environment: The environment that is active unless one is named.
        procfile: The Procfile, relative to the project; None means
            `Procfile.dev`, or `Procfile` where there is none.
        environments: By name.
        processes: By the Procfile's names.
        databases: By the names that the environments have for them.
        data: What commands may do to databases.
        worktrees: What linked worktrees have in common.
        editors: Whose files are generated.
        ide: What is generated for them.
    """

    default_environment: Text | None = None
    procfile: Text | None = None
    environments: Annotated[
        dict[str, EnvironmentConfig], Meta(description="a table of environments")
    ] = {}
    processes: Annotated[
        dict[str, ProcessConfig], Meta(description="a table of processes")
    ] = {}
    databases: Annotated[
        dict[str, DatabaseConfig], Meta(description="a table of databases")
    ] = {}
    data: Annotated[
        DataConfig,
        Meta(description='a table { hosts = ["…"], backups = { … } }'),
    ] = DataConfig()
    worktrees: Annotated[
        WorktreesConfig,
        Meta(description='a table { share = ["…"], share_databases = ["…"] }'),
    ] = WorktreesConfig()
    editors: Texts = field(default_factory=lambda: ["vscode"])
    ide: Annotated[IdeConfig, Meta(description="a table { settings = … }")] = (
        IdeConfig()
    )


def load_config(root: Path) -> Config:
    """Read the project's configuration; a missing file or table is an empty one.

    Raises:
        ConfigError: The file cannot be read, is no TOML, or says what cannot be.
    """
    document: Any = _load_toml(root)
    for depth, key in enumerate(TABLE, 1):
        document = document.get(key, {})
        if not isinstance(document, dict):
            raise _no_table(TABLE[:depth])
    config = convert(document, Config, file=PYPROJECT, prefix=TABLE)
    _check_environment_names(config)
    _check_built_in_names(config)
    _check_ports(config)
    return config


def read_project_name(root: Path) -> str | None:
    """Return the name that pyproject.toml gives the project; None where it has none.

    Raises:
        ConfigError: The file cannot be read, or is no TOML.
    """
    section = _load_toml(root).get("project", {})
    name = section.get("name") if isinstance(section, dict) else None
    return name if isinstance(name, str) and name else None


def _no_table(keys: tuple[str, ...]) -> ConfigError:
    hint = f"write a line [{'.'.join(TABLE)}], and the keys below it"
    return key_error(PYPROJECT, keys, "expected a table", hint=hint)


def _load_toml(root: Path) -> dict[str, Any]:
    try:
        text = (root / PYPROJECT).read_bytes().decode()
    except FileNotFoundError:
        return {}
    except OSError as exc:
        problem, hint = f"cannot be read: {exc.strerror}", f"ls -ld {PYPROJECT}"
        raise ConfigError(problem, file=PYPROJECT, hint=hint) from exc
    except UnicodeDecodeError as exc:
        hint = "save it as UTF-8"
        raise ConfigError("is not UTF-8", file=PYPROJECT, hint=hint) from exc
    return _parse_toml(text)


def _parse_toml(text: str) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - 3 ms that a project without the file saves

    try:
        # Windows editors leave a byte order mark, which tomllib refuses.
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as exc:
        place = _TOML_PLACE.search(str(exc))
        last = text.count("\n") + 1
        raise ConfigError(
            quote(_TOML_PLACE.sub("", str(exc)))[1:-1],
            file=PYPROJECT,
            line=int(place["line"] or last) if place else last,
            hint="mend the TOML there",
        ) from exc


def _check_environment_names(config: Config) -> None:
    """Refuse names that could be no part of a file's name, and double ones."""
    seen: dict[str, str] = {}
    for environment, name, keys in _environment_names(config):
        if not ENVIRONMENT_NAME.fullmatch(name):
            raise key_error(
                PYPROJECT,
                keys,
                f"{quote(name)} is no name of an environment",
                hint="use letters, digits, - and _",
            )
        if seen.setdefault(name, environment) != environment:
            raise key_error(
                PYPROJECT,
                keys,
                f"{quote(name)} already names the environment {quote(seen[name])}",
                hint="take it out of one of the two",
            )


def _check_built_in_names(config: Config) -> None:
    """Refuse two tables of one environment, `dev` and `development`."""
    for alias, name in BUILT_IN_ALIASES.items():
        if {alias, name} <= config.environments.keys():
            keys = (*TABLE, "environments", alias)
            text = f"{quote(alias)} and {quote(name)} name one environment"
            raise key_error(PYPROJECT, keys, text, hint="make one table of the two")


def _environment_names(config: Config) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield (environment, name or alias of it, key path): names before aliases."""
    for name in config.environments:
        yield name, name, (*TABLE, "environments", name)
    for name, environment in config.environments.items():
        for alias in environment.aliases:
            yield name, alias, (*TABLE, "environments", name, "aliases")


def _check_ports(config: Config) -> None:
    """Refuse a port that two processes of an environment are to have."""
    for name, environment in config.environments.items():
        seen: dict[int | str, str] = {}
        for process, port in environment.ports.items():
            if port != "auto" and seen.setdefault(port, process) != process:
                raise key_error(
                    PYPROJECT,
                    (*TABLE, "environments", name, "ports", process),
                    f"port {port} is already that of {quote(seen[port])}",
                    hint='give it another, or "auto"',
                )
