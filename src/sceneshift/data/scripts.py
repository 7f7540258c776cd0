"""Where the migrations of a database are, as Alembic reads its settings.

Alembic itself is not imported: that takes half a second, and what is asked here is
asked at each `inv env.validate`. The rules are those of its `Config` and
`ScriptDirectory`.
"""

from __future__ import annotations

import os
import re
from configparser import ConfigParser, Error
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.json import encode

from sceneshift.core.config import PYPROJECT
from sceneshift.core.errors import ConfigError
from sceneshift.core.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

INI = Path("alembic.ini")

_SECTION = "alembic"
_SEPARATORS = {"space": " ", "newline": "\n", "os": os.pathsep, ":": ":", ";": ";"}
_SPACE_OR_COMMA = re.compile(r", *|(?: +)")  # before there was a `path_separator`
_SPACE_COMMA_OR_COLON = re.compile(r", *|(?: +)|\:")


class Scripts(Struct, frozen=True, kw_only=True):
    """The migrations of a database.

    Attributes:
        config: Alembic's configuration, relative to the project: what `-c` gets.
        folder: The folder that Alembic runs in, absolute.
        location: The folder of env.py, absolute.
        versions: The folders of the revisions, absolute.
        is_recursive: Whether the folders below those count too.
        has_environment: Whether env.py is run for each new revision, too.
        paths: The folders that its programs find modules in, before all others.
        url: The `sqlalchemy.url` that the file has; None where it has none, or one
            that env.py is to fill in.
        version_table: What a setting of that name says, and no more than that: it is
            env.py that decides.
        version_schema: The same for `version_table_schema`.
        table: What pyproject.toml has for Alembic, as JSON; None where it has nothing.
    """

    config: Path
    folder: Path
    location: Path
    versions: tuple[Path, ...]
    is_recursive: bool = False
    has_environment: bool = False
    paths: tuple[Path, ...] = ()
    url: str | None = None
    version_table: str | None = None
    version_schema: str | None = None
    table: str | None = None

    @property
    def environment(self) -> Path:
        """The program that connects to the database and applies what is pending."""
        return self.location / "env.py"

    def name_command(self, root: Path, words: str) -> str:
        """Return a command of Alembic as a person types it in the project's folder."""
        if self.folder == root:
            return f"alembic -c {self.config} {words}"
        place = self.folder.relative_to(root)
        return f"cd {place} && alembic -c {self.config.name} {words}"


def read_scripts(root: Path, config: Path) -> Scripts:
    """Read Alembic's settings.

    Relative paths in them are relative to the folder that Alembic runs in. That is the
    project's, unless the scripts are there for who runs it beside the file only.

    Args:
        root: The project's folder.
        config: The file, relative to it: an ini or a pyproject.toml.

    Raises:
        ConfigError: It cannot be read, or the scripts are not where it says.
    """
    beside = (root / config).parent
    for folder in dict.fromkeys([root, beside]):
        settings = _Settings(root, config, folder)
        location = settings.find_path("script_location")
        if location is not None and (location / "env.py").is_file():
            return _build(settings, location)
    problem = (
        "there is no `script_location`"
        if location is None
        else f"`script_location`: no env.py in {quote(name_below(root, location))}"
    )
    raise ConfigError(
        problem, file=config, hint="name the folder that `alembic init` made"
    )


def name_below(root: Path, path: Path) -> str:
    """Return a path as seen from the project's folder, where it is below that."""
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _build(settings: _Settings, location: Path) -> Scripts:
    versions = tuple(settings.list_paths("version_locations"))
    return Scripts(
        config=settings.config,
        folder=settings.folder,
        location=location,
        versions=versions or (location / "versions",),
        is_recursive=settings.is_true("recursive_version_locations"),
        has_environment=settings.is_true("revision_environment"),
        paths=tuple(settings.list_search_paths()),
        url=settings.find_url(),
        version_table=settings.get("version_table"),
        version_schema=settings.get("version_table_schema"),
        table=settings.write_table(),
    )


class _Settings:
    """The settings of an ini, and behind them those of a pyproject.toml.

    Alembic takes the one that `-c` does not name from the folder that it runs in.
    """

    def __init__(self, root: Path, config: Path, folder: Path) -> None:
        self.root = root
        self.config = config
        self.folder = folder
        named = root / config
        is_toml = config.name == PYPROJECT.name
        ini, toml = folder / INI, folder / PYPROJECT
        self._ini_file, self._toml_file = (ini, named) if is_toml else (named, toml)
        self._ini = self._read_ini()
        self._toml = self._read_toml()

    def get(self, name: str) -> str | None:
        """Return a setting as text; None where there is none."""
        value = self._find(name)
        return value if isinstance(value, str) else None

    def write_table(self) -> str | None:
        """Return the table of the TOML as JSON; None where there is none."""
        if not self._toml:
            return None
        return encode(self._toml, enc_hook=str, order="sorted").decode()

    def find_url(self) -> str | None:
        """Return the address; `%(NAME)s` in it is nobody's business but env.py's."""
        try:
            return self.get("sqlalchemy.url")
        except ConfigError:
            return None

    def is_true(self, name: str) -> bool:
        """Return a switch: `true` in an ini, a boolean in a TOML."""
        return self._find(name) in {"true", True}

    def find_path(self, name: str) -> Path | None:
        """Return the folder that a setting names, absolute."""
        text = self.get(name)
        return None if text is None else self._locate(text)

    def list_paths(self, name: str) -> Iterator[Path]:
        """Yield the folders that a setting names, absolute."""
        for text in self._split(name, _SPACE_OR_COMMA, "version_path_separator"):
            yield self._locate(text)

    def list_search_paths(self) -> Iterator[Path]:
        """Yield the folders that come before all others in `sys.path`."""
        for text in self._split("prepend_sys_path", _SPACE_COMMA_OR_COLON):
            yield self.folder / text

    def _split(self, name: str, old: re.Pattern[str], *others: str) -> list[str]:
        value = self._find(name)
        if not isinstance(value, str):
            return [each for each in value or () if isinstance(each, str)]
        separators = map(self._get_ini, ("path_separator", *others))
        separator = next((each for each in separators if each is not None), None)
        if separator is None:
            return old.split(value)
        if separator not in _SEPARATORS:
            raise self._error(f"{quote(separator)} is no `path_separator`")
        parts = value.split(_SEPARATORS[separator])
        return [part.strip() for part in parts if part]

    def _locate(self, text: str) -> Path:
        """Return the path that a text names; `package:folder` is one in a package."""
        path = self.folder / text
        if ":" not in text or Path(text).is_absolute():
            return path
        package, *folders = text.split(":")
        parts = [*package.split("."), *folders]
        listed = self._split("prepend_sys_path", _SPACE_COMMA_OR_COLON)
        for top in (*listed, ".", "src"):
            found = self.folder.joinpath(top, *parts)
            if found.is_dir():
                return found
        return path

    def _find(self, name: str) -> Any:
        """Return a setting of the ini, or else of the TOML."""
        text = self._get_ini(name)
        return self._fill(self._toml.get(name)) if text is None else text

    def _get_ini(self, name: str) -> str | None:
        try:
            return self._ini.get(_SECTION, name, fallback=None)
        except Error as error:
            raise self._error(f"{quote(name)}: {error}") from error

    def _fill(self, value: Any) -> Any:
        """Replace `%(here)s`, as Alembic does it in a TOML."""
        if isinstance(value, list):
            return [self._fill(each) for each in value]
        if not isinstance(value, str):
            return value
        try:
            return value % {"here": self._toml_file.parent.as_posix()}
        except (KeyError, TypeError, ValueError) as error:
            raise self._error(f"{quote(value)} cannot be filled in") from error

    def _read_ini(self) -> ConfigParser:
        parser = ConfigParser({"here": self._ini_file.parent.as_posix()})
        try:
            parser.read([self._ini_file], encoding="locale")
        except (Error, ValueError) as error:  # ValueError: no text
            line = str(error).splitlines()[0]
            raise self._error(f"cannot be read: {line}") from error
        return parser

    def _read_toml(self) -> dict[str, Any]:
        import tomllib  # noqa: PLC0415 - 3 ms that a project without the file saves

        try:
            document = tomllib.loads(self._toml_file.read_text(encoding="utf-8"))
        except OSError:
            return {}
        except ValueError as error:
            raise self._error(f"cannot be read: {error}") from error
        table = document.get("tool", {})
        table = table.get(_SECTION, {}) if isinstance(table, dict) else {}
        return table if isinstance(table, dict) else {}

    def _error(self, problem: str) -> ConfigError:
        hint = "alembic says more: " + f"alembic -c {self.config} heads"
        return ConfigError(problem, file=self.config, hint=hint)
