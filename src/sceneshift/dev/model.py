"""What a stack is made of, as values: no I/O, no clock."""

from __future__ import annotations

import signal
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct, field

from sceneshift.core.separation import Separation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sceneshift.core.separation import OwnDatabase
    from sceneshift.core.services.service import Service


class Condition(Enum):
    """How far a process must be before those that depend on it start."""

    STARTED = "started"
    READY = "ready"
    COMPLETED = "completed"


class Dependency(Struct, frozen=True, kw_only=True):
    """One `depends_on` entry.

    Attributes:
        name: The process that is waited for.
        condition: How far it must be.
    """

    name: str
    condition: Condition = Condition.READY


class HttpProbe(Struct, frozen=True, kw_only=True):
    """Ready when a GET of `path` on the process's port answers 2xx or 3xx."""

    path: str


class TcpProbe(Struct, frozen=True, kw_only=True):
    """Ready when the process's port accepts a connection."""


class CommandProbe(Struct, frozen=True, kw_only=True):
    """Ready when the shell command exits with 0."""

    command: str


class LogProbe(Struct, frozen=True, kw_only=True):
    """Ready when a line of output matches the regular expression."""

    pattern: str


Probe = HttpProbe | TcpProbe | CommandProbe | LogProbe


class SetupStep(Struct, frozen=True, kw_only=True):
    """A command that runs before a process, once for each content of its files.

    Attributes:
        run: The shell command, run in the process's `cwd` and environment.
        when: Files relative to `cwd`; the step runs again when one's content changed.
    """

    run: str
    when: tuple[str, ...] = ()


class StopPolicy(Struct, frozen=True, kw_only=True):
    """How a process is stopped.

    Attributes:
        signal: What its whole session is sent first.
        time_s: Seconds from there to SIGKILL.
        reload_time_s: The same for the old code's process in a reload; None means 1,
            and for a task queue's worker `time_s`.
    """

    signal: signal.Signals = signal.SIGTERM
    time_s: float = 5.0
    reload_time_s: float | None = None


class ReloadPolicy(Enum):
    """What a change of a file means for a process."""

    AUTO = "auto"  # by fork where the command is Python, else by restart
    COLD = "cold"  # a fresh interpreter each time
    SELF = "self"  # the process reloads itself: only configuration restarts it
    OFF = "off"  # never


class ProcessSpec(Struct, frozen=True, kw_only=True):
    """One process as it will be started.

    Attributes:
        name: `web`, or `web.2` where a process type has several instances.
        label: What prefixes its output and is HONCHO_PROCESS_NAME: `web.1`.
        command: The Procfile's command line, for `sh -c`.
        cwd: Where it runs; exists.
        env: Its whole environment.
        port: The value of its PORT; None where it has none.
        listens: Whether it is known to listen on that port; every process is given
            a PORT, also a worker that has no use for it.
        probe: How readiness is told; None means: by what the process does.
        depends_on: What must come first.
        setup: What runs once before it.
        watch: Globs relative to the project that replace what it reports to use.
        reload: What a change of a file means.
        stop: How it is stopped.
        open: Path of the address that is shown to people, `/api/docs`.
        scheme: What its address begins with.
        host: The name of this machine in the address for people.
        databases: Those of its worktree alone, which have to be there before.
        services: The project's own servers, which have to answer before.
        follows: Whether databases of its environment follow the branch of git.
        debug_port: Where an editor attaches to it; None where none is to.
    """

    name: str
    label: str
    command: str
    cwd: Path
    env: Mapping[str, str]
    port: int | None = None
    listens: bool = True
    probe: Probe | None = None
    depends_on: tuple[Dependency, ...] = ()
    setup: SetupStep | None = None
    watch: tuple[str, ...] | None = None
    reload: ReloadPolicy = ReloadPolicy.AUTO
    stop: StopPolicy = field(default_factory=StopPolicy)
    open: str | None = None
    scheme: str = "http"
    host: str = "127.0.0.1"
    databases: tuple[OwnDatabase, ...] = ()
    services: tuple[Service, ...] = ()
    follows: bool = False
    debug_port: int | None = None

    @property
    def url(self) -> str | None:
        """The address for people, or None for a process that has none."""
        if self.port is None or not self.listens:
            return None
        return f"{self.scheme}://{self.host}:{self.port}{self.open or ''}"


class StackSpec(Struct, frozen=True, kw_only=True):
    """Everything that `inv dev` is about to run.

    Attributes:
        root: The project's folder.
        environment: Name of the active environment, never an alias.
        processes: In the Procfile's order; names and labels are unique.
        inputs: Files that this was read from (Procfile, pyproject.toml, env files,
            present or not): a change of one asks for another look.
        numbers: Place of each line of the Procfile in the numbering of ports.
        worktree: Name of the linked worktree that it is in; empty in the main checkout.
        offset: How far its fixed ports are above those of the main checkout.
        separation: How its databases are apart from those of the main checkout.
        protected: Whether a person is asked before a switch to its environment.
    """

    root: Path
    environment: str
    processes: tuple[ProcessSpec, ...]
    inputs: tuple[Path, ...] = ()
    numbers: Mapping[str, int] = field(default_factory=dict)
    worktree: str = ""
    offset: int = 0
    separation: Separation = Separation()
    protected: bool = False

    def get(self, name: str) -> ProcessSpec:
        """Return the process of that name; raise KeyError."""
        for process in self.processes:
            if process.name == name:
                return process
        raise KeyError(name)
