"""Leaves its parent in the ways that programs do: `leaver.py MANNER SECONDS`."""

import os
import sys
import time

MOST = 2000  # a chain that nobody ends must not fill the machine


def leave_session(seconds: str) -> None:
    """Put a child into a session of its own."""
    if os.fork() == 0:
        os.setsid()
        sleep(seconds)
    sleep(seconds)


def become_daemon(seconds: str) -> None:
    """Fork twice, close everything and forget the environment."""
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.chdir("/")
        os.closerange(0, 256)
        os.execve("/bin/sleep", ["sleep", seconds], {})  # noqa: S606 - no shell wanted
    os.wait()
    sleep(seconds)


def run_in_a_chain(seconds: str) -> None:
    """Fork and end without a pause, each time in a session of its own."""
    if os.fork():
        sleep(seconds)
    for _ in range(MOST):
        if os.fork():
            os._exit(0)
        os.setsid()
        time.sleep(0.001)


def sleep(seconds: str) -> None:
    """Become a program that tests find by its argument."""
    os.execv("/bin/sleep", ["sleep", seconds])  # noqa: S606 - as above


MANNERS = {"setsid": leave_session, "daemon": become_daemon, "chain": run_in_a_chain}
MANNERS[sys.argv[1]](sys.argv[2])
