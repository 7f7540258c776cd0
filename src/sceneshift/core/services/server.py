"""A PostgreSQL service as a process: started once, and found again by its files.

Three files are locks, which the system frees however their holders end:

- `server.lock` is held by the server and all that it has started, and by what makes
  its data. Who gets it knows that none of them is left, in another container neither,
  whatever `postmaster.pid` says: after `kill -9` or a reboot its number is another
  program's.
- `start.lock` is held by whoever starts it, so that others wait for that.
- `users.lock` is shared by its users; `keeper.py` ends it when there are none.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.services import become, keeper
from sceneshift.core.services.cluster import (
    can_sync_at_once,
    find_reason,
    list_bare,
    list_others,
    make_cluster,
    open_cluster,
    read_version,
)
from sceneshift.core.services.readiness import (
    is_held,
    is_kept,
    is_ready,
    read_pid,
    read_status,
)
from sceneshift.core.services.service import PORT, ROLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import IO

    from sceneshift.core.services.cluster import Cluster
    from sceneshift.core.services.service import Service

    Say = Callable[[str], None]

_IDLE_S, _PAUSE_S = 600.0, 5.0
_LOOK_S, _LONGEST_LOOK_S = 0.002, 0.05
_START_S = 600.0  # to recover, after a crash with much that was written
_TOLD_AFTER_S = 2.0
_LEFT_S = 60.0  # what a killed server or command has left notices it, and ends
_LOG_BYTES = 1 << 20
# After a kill: one call in place of one for each of a thousand files, 0.1 s for 5 s.
_RECOVERY = ("-c", "recovery_init_sync_method=syncfs")
_PRIVATE = ("-c", "unix_socket_permissions=0700")
_HINT = "see its log: {}"


def start(service: Service, environ: Mapping[str, str], say: Say) -> None:
    """Have a server answer, which has not answered just now.

    Args:
        service: The service.
        environ: The process environment.
        say: Takes a line for people.

    Raises:
        ComponentError: Its programs are not on this machine.
        SceneshiftError: It does not start, and why.
    """
    with _alone(service):
        if not is_ready(service):
            cluster = open_cluster(service, environ)
            with _being_only(service) as held:
                _run(cluster, held, say)
        # Before it answers: who is interrupted meanwhile leaves none for ever.
        if not is_kept(service):
            keep(service, environ)
        _await_ready(service, say)


def keep(
    service: Service,
    environ: Mapping[str, str],
    *,
    idle_s: float = _IDLE_S,
    pause_s: float = _PAUSE_S,
) -> None:
    """Have something end a server when nobody has used it for a while.

    Args:
        service: The service.
        environ: The process environment.
        idle_s: Seconds that it stays for who comes next.
        pause_s: Seconds between two looks.
    """
    cluster = open_cluster(service, environ)
    words = [
        *list_bare(become.__file__),
        *("--away", str(service.log)),
        *list_bare(keeper.__file__),
        *(str(service.folder), str(service.socket)),
        *(str(cluster.programs.folder / "psql"), str(idle_s), str(pause_s)),
    ]
    _send_away(cluster, words)


def make_database(service: Service, environ: Mapping[str, str], name: str) -> None:
    """Make a database of a server that answers, unless it is there.

    Raises:
        SceneshiftError: It cannot be made.
    """
    cluster = open_cluster(service, environ)
    words = [str(cluster.programs.folder / "psql"), "-XAtqw", "-h", str(service.socket)]
    done = subprocess.run(
        [*words, "-U", ROLE, "-d", "postgres", "-c", f'CREATE DATABASE "{name}"'],
        env=cluster.env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and "already exists" not in done.stderr:
        raise SceneshiftError(
            f"the database {name} cannot be made: {find_reason(done.stderr)}",
            hint=_HINT.format(service.log),
        )


# -- starting


@contextlib.contextmanager
def _alone(service: Service) -> Iterator[None]:
    """Be the only one that starts it; wait for whoever does."""
    with (service.folder / "start.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _being_only(service: Service) -> Iterator[IO[bytes]]:
    """Yield what the server is to hold, when nothing of a former one is left.

    Raises:
        SceneshiftError: There is one that does not answer.
    """
    end = time.monotonic() + _LEFT_S
    with (service.folder / "server.lock").open("ab") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                _end_deaf(service)
            if time.monotonic() >= end:
                raise SceneshiftError(
                    f"{service.title} runs already and does not answer here: "
                    f"{service.folder}",
                    hint="end it where it was started: in another container?",
                )
            time.sleep(_LOOK_S)
        yield file


def _end_deaf(service: Service) -> None:
    """End a server whose socket was removed: nobody can reach it any more."""
    is_there = service.socket_file.exists()
    pid = read_pid(service)
    if pid is not None and not is_there and read_status(service) == "ready":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGINT)


def _run(cluster: Cluster, held: IO[bytes], say: Say) -> None:
    service = cluster.service
    if read_version(service) is None:
        say(f"PostgreSQL {cluster.programs.major} is made for this project: a moment")
        make_cluster(cluster, held.fileno())
        for other in list_others(service):
            say(f"it is empty; what another version has is still there: {other}")
    _check_system(service)
    # None is left, so the number in these is another program's, or that of one that
    # has ended and was not waited for, as in containers.
    for left in (
        service.data / "postmaster.pid",
        service.socket_file,
        service.socket_file.with_name(f"{service.socket_file.name}.lock"),
    ):
        left.unlink(missing_ok=True)
    _turn_over(service.log)
    words = cluster.list_words(
        "postgres",
        *("-D", str(service.data), "-k", str(service.socket), "-p", str(PORT)),
        *("-h", ""),  # no port: nobody else's is taken, and nobody else gets in
        *_PRIVATE,
        *(_RECOVERY if can_sync_at_once(cluster.programs.major) else ()),
        log=service.log,
    )
    _send_away(cluster, words, held.fileno())


def _check_system(service: Service) -> None:
    """Refuse where a server may run on another system that has the folder as well.

    macOS and the Linux of its containers see no locks of each other.

    Raises:
        SceneshiftError: One was started there, and has not ended in order.
    """
    mark, pid_file = service.folder / "system", service.data / "postmaster.pid"
    former = mark.read_text().strip() if mark.exists() else sys.platform
    if former != sys.platform and pid_file.exists():
        raise SceneshiftError(
            f"{service.title} was started on {former}, and has not ended there: "
            f"{service.folder}",
            hint=f"end it there, or where that is long over: rm {pid_file}",
        )
    mark.write_text(f"{sys.platform}\n")


def _send_away(cluster: Cluster, words: list[str], *held: int) -> None:
    """Start something in a session of its own, as nobody's child.

    So neither Ctrl-C nor the end of a stack reaches it.
    """
    done = subprocess.run(
        words,
        env=cluster.env,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        pass_fds=held,
        start_new_session=True,
    )
    if done.returncode:
        raise SceneshiftError(
            f"{cluster.service.title} cannot be started: {find_reason(done.stderr)}",
            hint=_HINT.format(cluster.service.log),
        )


def _turn_over(log: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_name("log.1"))


def _await_ready(service: Service, say: Say) -> None:
    began, pause_s, is_told = time.monotonic(), _LOOK_S, False
    while not is_ready(service):
        waited_s = time.monotonic() - began
        if not is_held(service.folder / "server.lock") or waited_s > _START_S:
            said = service.log.read_text(errors="replace")[-_LOG_BYTES:]
            raise SceneshiftError(
                f"{service.title} does not start: {find_reason(said)}",
                hint=_HINT.format(service.log),
            )
        if waited_s > _TOLD_AFTER_S and not is_told:
            say(f"{service.title} takes its time: it recovers what was cut off")
            is_told = True
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_LOOK_S)
