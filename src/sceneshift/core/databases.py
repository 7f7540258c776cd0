"""The databases of an environment, as its variables name them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.config import PYPROJECT, TABLE
from sceneshift.core.envfile import load_env_file
from sceneshift.core.schema import key_error
from sceneshift.core.selection import list_environments
from sceneshift.core.wording import quote, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sceneshift.core.config import Config
    from sceneshift.core.value import Value

VARIABLE = "DATABASE_URL"
DEFAULT = "default"
_TRUE = frozenset({"true", "yes", "on", "y", "t", "1"})  # as SQLAlchemy reads it


class Database(Struct, frozen=True, kw_only=True):
    """A database of an environment.

    Attributes:
        name: `default`, or what follows DATABASE_URL_, in lower case.
        url: Its address, the password included.
    """

    name: str
    url: str

    @property
    def system(self) -> str:
        """What kind it is: `postgresql` for `postgresql+psycopg://…`."""
        return self.url.partition(":")[0].partition("+")[0].lower()

    @property
    def variable(self) -> str:
        """The variable that names it."""
        return name_variable(self.name)

    def find_file(self, root: Path) -> Path | None:
        """Return the file of a SQLite database.

        Args:
            root: What a relative path is relative to.

        Returns:
            None for another system, for what SQLite keeps elsewhere, in memory or where
            a `vfs` has it, and for a URL with a host, which SQLAlchemy does not take.
        """
        # 3 ms that a start, which opens no database, saves.
        from urllib.parse import unquote  # noqa: PLC0415

        if self.system != "sqlite" or self._has_host:
            return None
        path = unquote(self.url.partition("://")[2].partition("?")[0])[1:]
        if self.is_uri:
            options = self._read_options()
            path = unquote(path.removeprefix("file:").removeprefix("//localhost"))
            if options.get("mode") == "memory" or "vfs" in options:
                return None
        if path.startswith("//"):  # more slashes than it takes; nobody minds
            path = f"/{path.lstrip('/')}"
        return root / path if path not in {"", ":memory:"} else None

    @property
    def is_uri(self) -> bool:
        """Whether a file of SQLite is named by a URI of its own within this one."""
        place = self.url.partition("://")[2]
        return (
            self.system == "sqlite"
            and place.startswith("/file:")
            and self._read_options().get("uri", "").lower() in _TRUE
        )

    @property
    def is_lasting(self) -> bool:
        """Whether anything of it is there for who opens it later."""
        if self.system != "sqlite" or self._has_host or "vfs=" in self.url:
            return True
        return self.find_file(Path()) is not None

    @property
    def _has_host(self) -> bool:
        """Whether the name is where a server's would be, as in `sqlite://dev.db`."""
        return self.url.partition("://")[2][:1] not in {"", "/", "?"}

    def _read_options(self) -> dict[str, str]:
        from urllib.parse import parse_qsl  # noqa: PLC0415 - as above

        return dict(parse_qsl(self.url.partition("?")[2]))


def name_variable(name: str) -> str:
    """Return the variable of a database: DATABASE_URL_REPORTS for `reports`."""
    if name == DEFAULT:
        return VARIABLE
    return f"{VARIABLE}_{name.upper().replace('-', '_')}"


def is_service(text: str) -> bool:
    """Tell whether a server of the project's own stands in place of an address."""
    return text.startswith("postgres") and "://" not in text


def list_databases(values: Mapping[str, Value]) -> list[Database]:
    """Return the databases that DATABASE_URL and its kin name."""
    found = []
    for name, value in values.items():
        is_one = name == VARIABLE or name.startswith(f"{VARIABLE}_")
        if is_one and value.is_own and "://" in value.text:
            rest = name.removeprefix(VARIABLE).removeprefix("_").lower()
            found.append(Database(name=rest or DEFAULT, url=value.text))
    return found


def check_database_names(
    root: Path, config: Config, values: Mapping[str, Value]
) -> None:
    """Refuse a table, or a share, of a database that no environment has.

    Args:
        root: The project's folder.
        config: What its pyproject.toml says.
        values: The variables of the environment that is meant, which mostly tell.

    Raises:
        ConfigError: Neither pyproject.toml nor an env file names such a database.
    """
    shared = config.worktrees.share_databases
    tables = [(("databases", name), name) for name in config.databases]
    shares = [(("worktrees", "share_databases", name), name) for name in shared]
    for keys, name in (*tables, *shares):
        if name == DEFAULT or name_variable(name) in values:
            continue
        known = set(_list_known(root, config))
        if name_variable(name) not in map(name_variable, known):
            raise key_error(
                PYPROJECT,
                (*TABLE, *keys),
                f"no environment has a database {quote(name)}",
                hint=suggest(name, sorted(known)),
            )


def _list_known(root: Path, config: Config) -> Iterator[str]:
    """Yield the databases of all environments, those in env files too."""
    yield DEFAULT
    for name, section in list_environments(root, config).items():
        yield from section.databases
        keys, files = [*section.env], section.env_files
        for file in [".env", f".env.{name}"] if files is None else files:
            keys += [line.key for line in load_env_file(root, Path(file))]
        for key in keys:
            if key.startswith(f"{VARIABLE}_"):
                yield key.removeprefix(f"{VARIABLE}_").lower()
