"""Ending a server that nobody uses any more.

`python -I -S keeper.py FOLDER SOCKET PSQL IDLE_S PAUSE_S`, where the folder is that of
the service. Whoever uses the server holds a lock on a file, which the system frees
however that program ends; clients that do not are asked for.
"""

# It measures nothing: the interpreter has no site, so that it stays small.
from __future__ import annotations  # pragma: no cover

import contextlib  # pragma: no cover
import fcntl  # pragma: no cover
import os  # pragma: no cover
import signal  # pragma: no cover
import subprocess  # pragma: no cover
import sys  # pragma: no cover
import time  # pragma: no cover

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_CLIENTS = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
_LOOK_S = 0.02
_ASK_S = 10
_STOP_S = 300.0


def main(words: list[str]) -> None:  # pragma: no cover
    """Return when the server has ended, by itself or by this."""
    folder, socket, psql = words[:3]
    idle_s, pause_s = map(float, words[3:])
    with _hold(f"{folder}/keeper.lock") as is_first:
        used = time.monotonic()
        while is_first and _runs(folder):
            time.sleep(pause_s)
            # Who comes now waits until it has ended, and starts it anew.
            with _hold(f"{folder}/users.lock") as is_idle:
                if not is_idle:
                    used = time.monotonic()
                elif time.monotonic() - used >= idle_s:
                    if not _has_clients(psql, socket):
                        _stop(folder)
                        return
                    used = time.monotonic()


def _runs(folder: str) -> bool:  # pragma: no cover
    """Tell whether the server, or anything that it has started, is there."""
    with _hold(f"{folder}/server.lock", fcntl.LOCK_SH) as is_free:
        return not is_free


def _has_clients(psql: str, socket: str) -> bool:  # pragma: no cover
    """Tell whether anybody is connected, or whether that cannot be told."""
    words = [psql, "-XAtqw", "-h", socket, "-U", "postgres", "-d", "postgres"]
    env = {"PGCONNECT_TIMEOUT": str(_ASK_S), "PATH": os.environ.get("PATH", "")}
    try:
        said = subprocess.run(
            [*words, "-c", _CLIENTS],
            env=env,
            capture_output=True,
            check=True,
            timeout=2 * _ASK_S,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return True
    return said.strip() != b"0"


def _stop(folder: str) -> None:  # pragma: no cover
    """End it in order: what is committed is in its files, and nothing to recover."""
    with contextlib.suppress(OSError, ValueError):
        with open(f"{folder}/data/postmaster.pid") as file:  # noqa: PTH123
            os.kill(int(file.readline()), signal.SIGINT)
        end = time.monotonic() + _STOP_S
        while _runs(folder) and time.monotonic() < end:
            time.sleep(_LOOK_S)


@contextlib.contextmanager
def _hold(  # pragma: no cover
    path: str, kind: int = fcntl.LOCK_EX
) -> Iterator[bool]:
    """Hold a file's lock, unless others do; tell whether."""
    with open(path, "ab") as file:  # noqa: PTH123
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


if __name__ == "__main__":  # pragma: no cover
    main(sys.argv[1:])
