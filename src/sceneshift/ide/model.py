"""What an editor needs to know of a project, whichever editor it is."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class Kind(Enum):
    """What a process is."""

    UVICORN = "uvicorn"
    FLASK = "flask"
    DJANGO = "django"
    CELERY = "celery"
    PYTHON = "python"
    VITE = "vite"
    NODE = "node"
    OTHER = "other"


_PYTHON = frozenset({Kind.UVICORN, Kind.FLASK, Kind.DJANGO, Kind.CELERY, Kind.PYTHON})


class Process(Struct, frozen=True, kw_only=True):
    """A process of the Procfile, in one environment.

    Attributes:
        name: Its name there.
        kind: What it is.
        program: What it runs in the end, through `npm run`: `uvicorn`, `vite`.
        folder: Where that has its files, relative to the project with `/`.
        port: Its port; None where it is another on each machine, or it has none.
        url: Where it is opened; None likewise.
        debug_port: Where its debugger listens.
        python_options: Those of its interpreter.
        reload_arguments: What has it reload by itself.
        steady_arguments: What has it not do so.
        ready: Pattern of the line that it writes when it answers.
        reload_ready: The same where it reloads by itself.
        is_page: Whether people look at it in a browser.
    """

    name: str
    kind: Kind
    program: str
    folder: str = "."
    port: int | None = None
    url: str | None = None
    debug_port: int
    python_options: tuple[str, ...] = ()
    reload_arguments: tuple[str, ...] = ()
    steady_arguments: tuple[str, ...] = ()
    ready: str | None = None
    reload_ready: str | None = None
    is_page: bool = False

    @property
    def is_python(self) -> bool:
        """Whether it is one Python program."""
        return self.kind in _PYTHON

    @property
    def is_node(self) -> bool:
        """Whether it is a server that Node runs, and no page."""
        return self.kind is Kind.NODE and not self.is_page and self.port is not None


class Database(Struct, frozen=True, kw_only=True):
    """A database in one environment, by what the project's committed files say.

    Attributes:
        name: Its name.
        has_migrations: Whether migrations make it.
        system: What kind it is, `postgresql` or `sqlite`; None where an env file alone
            has its address.
        server: The server of the project's own that it is on, `postgres:16`; None
            where it is on another, or on none.
    """

    name: str
    has_migrations: bool = False
    system: str | None = None
    server: str | None = None


class Environment(Struct, frozen=True, kw_only=True):
    """One environment.

    Attributes:
        name: Its name.
        aliases: Its other names.
        is_guarded: Whether nothing is to be destroyed or examined there: it is
            protected, or production by its name.
        is_development: Whether it is the one that people write code in.
        processes: In the Procfile's order.
        databases: Those that it has, or may have.
        dataset: What its databases are filled with, by its name.
    """

    name: str
    aliases: tuple[str, ...] = ()
    is_guarded: bool = False
    is_development: bool = False
    processes: tuple[Process, ...] = ()
    databases: tuple[Database, ...] = ()
    dataset: str | None = None

    @property
    def has_migrations(self) -> bool:
        """Whether migrations make any of its databases."""
        return any(each.has_migrations for each in self.databases)

    @property
    def programs(self) -> tuple[Process, ...]:
        """The processes that are Python programs."""
        return tuple(each for each in self.processes if each.is_python)

    @property
    def servers(self) -> tuple[Process, ...]:
        """The Python programs that answer requests."""
        return tuple(each for each in self.programs if each.port is not None)

    @property
    def pages(self) -> tuple[Process, ...]:
        """What is looked at in a browser, at an address that is known."""
        return tuple(each for each in self.processes if each.is_page and each.url)

    @property
    def browsed(self) -> Process | None:
        """The page that `inv debug.frontend` opens, at an address that is known."""
        named = [each for each in self.processes if each.name == "frontend"]
        found = named or [each for each in self.processes if each.is_page]
        return found[0] if found and found[0] in self.pages else None

    @property
    def attachable(self) -> tuple[Process, ...]:
        """What a debugger attaches to in the stack: Python programs, and that page."""
        return (*self.programs, *([self.browsed] if self.browsed else []))

    @property
    def ordered(self) -> tuple[Process, Process] | None:
        """A server that says when it answers, and the page that is opened then."""
        servers = [each for each in self.servers if each.ready]
        return (servers[0], self.pages[0]) if servers and self.pages else None

    @property
    def whole(self) -> tuple[Process, ...]:
        """What makes up the stack under debuggers, the first one first.

        Where one opens a page when it answers, that page is not among them.
        """
        first = self.ordered
        if first is None:
            return (*self.programs, *self.pages)
        others = [each for each in self.programs if each is not first[0]]
        return (first[0], *others, *self.pages[1:])


class Tests(Struct, frozen=True, kw_only=True):
    """How the project is tested with pytest.

    Attributes:
        arguments: What a debugger needs besides: no coverage, no other processes.
    """

    arguments: tuple[str, ...] = ()


class Commands(Struct, frozen=True, kw_only=True):
    """The project's own commands that editors offer.

    Attributes:
        test: What runs the tests.
        quality: What checks the sources.
        own: All of them, by name; those two are among them.
    """

    test: str | None = None
    quality: str | None = None
    own: tuple[str, ...] = ()


class Model(Struct, frozen=True, kw_only=True):
    """A project.

    Attributes:
        name: Its name.
        environments: In the order of the configuration.
        virtual_environment: The folder of its Python, relative to the project; None
            where it has none of its own.
        datasets: Names of what databases can be filled with.
        tests: How it is tested; None where there are no tests.
        commands: What commands it has.
        packages: Where it has a package.json that commands are offered in, relative
            to the project with `/`.
        setup: What installs it on a new machine.
    """

    name: str
    environments: tuple[Environment, ...]
    virtual_environment: str | None = None
    datasets: tuple[str, ...] = ()
    tests: Tests | None = None
    commands: Commands = Commands()
    packages: tuple[str, ...] = ()
    setup: str = ""

    @property
    def databases(self) -> tuple[Database, ...]:
        """Those of any environment, each as the first one has it."""
        listed = (each for one in self.environments for each in one.databases)
        found: dict[str, Database] = {}
        for each in listed:
            found.setdefault(each.name, each)
        return tuple(found.values())

    @property
    def has_processes(self) -> bool:
        """Whether there is anything to start."""
        return any(each.processes for each in self.environments)

    def find_environment(self, name: str) -> Environment | None:
        """Return the environment of a name or an alias."""
        for each in self.environments:
            if name == each.name or name in each.aliases:
                return each
        return None
