"""The servers that a project's databases name: `postgres:16` in place of an address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.blake2 import blake2b
from sceneshift.core.config import PYPROJECT, TABLE, read_project_name
from sceneshift.core.databases import DEFAULT, is_service, list_databases
from sceneshift.core.paths import StateFolder
from sceneshift.core.schema import key_error
from sceneshift.core.selection import list_environments
from sceneshift.core.separation import find_place
from sceneshift.core.wording import quote
from sceneshift.core.worktree import find_worktree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sceneshift.core.project import Project

FOLDER = "services"
MADE = "databases"  # in the folder of one: the names of those that were made
ROLE = "postgres"  # that of the official image, which may take a server's place
PORT = 5432
_SOCKET = f".s.PGSQL.{PORT}"
_SPEC = re.compile(r"postgres(?:ql)?(?P<driver>\+\w+)?(?::(?P<tag>.*))?")
_OLDEST = 10  # from there on the major version is one number
_LONGEST = 63  # bytes of an identifier
_UNFIT = re.compile(r"[^a-z0-9]+")


class Declared(Struct, frozen=True, kw_only=True):
    """What stands in place of an address.

    Attributes:
        driver: As in `postgresql+asyncpg`; empty where none is said.
        major: The major version; None where any will do.
    """

    driver: str = ""
    major: int | None = None


class Service(Struct, frozen=True, kw_only=True):
    """A server of PostgreSQL that is the project's own.

    All worktrees have it in common: their databases have names of their own.

    Attributes:
        home: Whose `.sceneshift/` has its data: the main checkout.
        major: Its major version; None where any will do.
        databases: Those that it is to have.
    """

    home: Path
    major: int | None = None
    databases: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What its folder is called."""
        return "postgresql" if self.major is None else f"postgresql-{self.major}"

    @property
    def title(self) -> str:
        """What people know it by."""
        return "PostgreSQL" if self.major is None else f"PostgreSQL {self.major}"

    @property
    def folder(self) -> Path:
        """Where all of it is; it may not be there."""
        return StateFolder(self.home).path / FOLDER / self.name

    @property
    def data(self) -> Path:
        """Its cluster."""
        return self.folder / "data"

    @property
    def marks(self) -> tuple[Path, ...]:
        """Files that say which of its databases were made."""
        return tuple(self.folder / MADE / each for each in self.databases)

    @property
    def log(self) -> Path:
        """What it says."""
        return self.folder / "log"

    @property
    def socket(self) -> Path:
        """The folder of its socket."""
        state = StateFolder(self.home)
        return state.name_socket_folder(FOLDER, self.name, file=_SOCKET)

    @property
    def socket_file(self) -> Path:
        """Its socket, as libpq looks for it there."""
        return self.socket / _SOCKET

    @property
    def place(self) -> str:
        """What the databases that are made for worktrees have as their server."""
        return f"{self.socket}:{PORT}"

    def describe_address(self, driver: str, database: str) -> str:
        """Return the address of one of its databases."""
        return f"postgresql{driver}://{ROLE}@/{database}?host={self.socket}"

    def has(self, url: str) -> bool:
        """Tell whether an address leads to it."""
        return url.endswith(self.describe_address("", "").partition("?")[2])

    def make(self) -> Path:
        """Make its folders; return the one of all but the socket.

        Raises:
            SceneshiftError: They cannot be made.
        """
        state = StateFolder(self.home)
        with state.being_written():
            self.home.mkdir(parents=True, exist_ok=True)
            folder = state.make(FOLDER, self.name)
            state.make_socket_folder(self.socket)
        return folder


def read_service(text: str, keys: Sequence[str] = ()) -> Declared:
    """Return what a text declares that stands in place of an address.

    Args:
        text: A value of `databases`.
        keys: Where it stands, below `[tool.sceneshift]`.

    Raises:
        ConfigError: It names another server, or a version that cannot be.
    """
    found = _SPEC.fullmatch(text)
    tag = None if found is None else found["tag"]
    is_major = tag is None or (
        tag.isascii() and tag.isdecimal() and int(tag) >= _OLDEST
    )
    if found is None or not is_major:
        raise key_error(
            PYPROJECT,
            (*TABLE, *keys),
            f"{quote(text)} is no server that can be started, and no address",
            hint='write the major version alone: "postgres:16", or "postgres" for any',
        )
    return Declared(driver=found["driver"] or "", major=int(tag) if tag else None)


def find_address(root: Path, environment: str, key: str, text: str) -> str:
    """Return the address of a database that is on a server of the project's own.

    It follows from the files alone: nothing is started, or read of a server.

    Args:
        root: The project's folder.
        environment: The environment's name.
        key: What the configuration calls the database.
        text: What stands there in place of an address.

    Raises:
        ConfigError: It names another server, or a version that cannot be.
    """
    declared = read_service(text, ("environments", environment, "databases", key))
    service = Service(home=find_home(root), major=declared.major)
    return service.describe_address(
        declared.driver, _name_database(root, environment, key)
    )


def list_services(project: Project) -> tuple[Service, ...]:
    """Return the servers that databases of a project's environment are on.

    What an env file or the shell says of a database is stronger: then none is needed
    for it.
    """
    sections = list_environments(project.root, project.config)
    section = sections[project.environment.name]
    texts = filter(is_service, section.databases.values())
    majors = {read_service(each).major: None for each in texts}
    home = find_home(project.root)
    services = (Service(home=home, major=major) for major in majors)
    return tuple(_list_used(services, project))


def _list_used(services: Iterator[Service], project: Project) -> Iterator[Service]:
    # Those of a worktree are made as copies, by whoever needs them first.
    copies = {each.name for each in project.environment.separation.own}
    databases = list_databases(project.environment.values)
    for service in services:
        used = [each for each in databases if service.has(each.url)]
        own = (find_place(each.url) for each in used if each.name not in copies)
        if used:
            yield Service(
                home=service.home,
                major=service.major,
                databases=tuple(filter(None, own)),
            )


def find_home(root: Path) -> Path:
    """Return whose `.sceneshift/` has the servers of a project: the main checkout.

    Where a repository is bare and has none, it is the repository.
    """
    worktree = find_worktree(root)
    if worktree is None:
        return root
    return worktree.find_main(root) or worktree.common


def _name_database(root: Path, environment: str, key: str) -> str:
    """Return a name that needs no quotes: `shop_development`, `…_reports`."""
    owner = read_project_name(root) or find_home(root).name
    words = [owner, environment, *([] if key == DEFAULT else [key])]
    parts = [_UNFIT.sub("_", word.lower()).strip("_") for word in words]
    name = "_".join(filter(None, parts))
    if len(name) <= _LONGEST:
        return name
    digest = blake2b(name.encode(), digest_size=5).hexdigest()
    return f"{name[: _LONGEST - 11]}_{digest}"
