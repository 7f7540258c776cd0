from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from sceneshift.core.processes import is_alive
from sceneshift.dev.clock import Clock
from sceneshift.dev.guard.stop import _poll_gone, members_of, stop_session
from support import until, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from sceneshift.dev.guard.child import Child
    from sceneshift.dev.guard.spawner import Spawner

    Run = Callable[[Callable[[Spawner], Any]], Any]

HERE = Path(__file__).parent
PROJECT = HERE.parents[1] / "projects" / "orphans"


async def start(spawner: Spawner, script: str, count: int) -> Child:
    """Start a shell script and wait until it is that many processes."""
    child = await spawner.spawn(
        ["/bin/sh", "-c", script], env=os.environ, cwd=PROJECT, fds={2: 2}
    )
    wait_until(lambda: len(members_of(child)) >= count)
    return child


def test_a_whole_session_is_stopped(run: Run) -> None:
    """Background processes get the signal too, and the leader ends by it."""

    async def use(spawner: Spawner) -> None:
        child = await start(spawner, "sleep 300 & sleep 300 & wait", 3)
        assert await stop_session(child, time_s=30) == ()
        assert not members_of(child)
        await child.exited
        assert child.returncode == -signal.SIGTERM

    run(use)


def test_a_leader_may_end_its_children_itself(run: Run, tmp_path: Path) -> None:
    """They are asked when it has gone, where they are still there."""
    heard = tmp_path / "heard"
    stay = f"echo up >> {heard}; while :; do sleep 0.01; done"
    member = f"(trap 'echo child >> {heard}; exit' TERM; {stay})"
    leader = f"trap 'sleep 0.2; echo leader >> {heard}; exit' TERM; {stay}"

    async def use(spawner: Spawner) -> None:
        child = await start(spawner, f"{member} & {leader}", 2)
        wait_until(lambda: heard.exists() and heard.read_text() == "up\nup\n")
        assert await stop_session(child, time_s=30, is_leader_first=True) == ()
        assert heard.read_text().split() == ["up", "up", "leader", "child"]

    run(use)


def test_the_leader_s_end_is_not_the_end(run: Run) -> None:
    """A child that ignores the signal is waited for, and then killed."""

    async def use(spawner: Spawner) -> None:
        script = "(trap '' TERM; sleep 300; sleep 300) & exec sleep 300"
        child = await start(spawner, script, 3)
        assert await stop_session(child, time_s=0.2) == ()
        assert not members_of(child)
        await child.exited
        assert child.returncode == -signal.SIGTERM

    run(use)


def test_time_may_be_counted_in_another_way(run: Run, tmp_path: Path) -> None:
    """A clock that stands kills nobody; when it goes on, what was left is over."""
    heard = tmp_path / "heard"
    script = f"trap 'touch {heard}' TERM; touch {tmp_path}/up; while :; do :; done"

    async def use(spawner: Spawner) -> None:
        child = await start(spawner, script, 1)
        await until((tmp_path / "up").exists)
        clock = Clock()
        clock.stop()
        stopping = asyncio.ensure_future(
            stop_session(child, time_s=0, limit=clock.limit)
        )
        await until(heard.exists)
        assert members_of(child)
        clock.go()
        assert await stopping == ()
        assert not members_of(child)

    run(use)


def test_a_leader_that_has_ended_leaves_members_to_stop(run: Run) -> None:
    """Its session is still known by its number."""

    async def use(spawner: Spawner) -> None:
        child = await start(spawner, "sleep 300 & exit 0", 1)
        await child.exited
        assert len(members_of(child)) == 1
        await stop_session(child, time_s=30)
        assert not members_of(child)

    run(use)


def test_what_has_left_the_session_is_found_by_its_environment(run: Run) -> None:
    """Adopted by the guard, in a session of its own, it still bears the token."""
    script = f"{sys.executable} leaver.py setsid 300 & sleep 0.1; exit 0"

    async def use(spawner: Spawner) -> None:
        child = await start(spawner, f"({script}) & exec sleep 300", 4)
        await stop_session(child, time_s=30)
        assert not members_of(child)

    run(use)


def test_a_session_of_another_with_the_same_number_is_left(run: Run) -> None:
    """The number of a process that has ended may be another's by now."""

    async def use(spawner: Spawner) -> None:
        other = await start(spawner, "sleep 300 & wait", 2)
        former = replace(
            other, started=other.started - 1, token=f"{other.token}.former"
        )
        assert members_of(former) == ()
        assert len(members_of(other)) == 2

    run(use)


def test_a_neighbour_is_not_touched(run: Run) -> None:
    """Another process of the same stack goes on."""

    async def use(spawner: Spawner) -> None:
        child = await start(spawner, "sleep 300 & sleep 300", 2)
        neighbour = await start(spawner, "exec sleep 300", 1)
        await stop_session(child, time_s=30)
        assert is_alive(neighbour.pid, neighbour.started)

    run(use)


def test_the_signal_can_be_chosen(run: Run) -> None:
    """Some programs want SIGINT."""

    async def use(spawner: Spawner) -> int | None:
        child = await start(spawner, "exec sleep 300", 1)
        await stop_session(child, number=signal.SIGINT, time_s=30)
        await child.exited
        return child.returncode

    assert run(use) == -signal.SIGINT


def test_a_stopped_process_hears_the_signal(run: Run) -> None:
    """One that Ctrl-Z or a debugger has stopped is woken to end."""

    async def use(spawner: Spawner) -> int | None:
        child = await start(spawner, "exec sleep 300", 1)
        os.kill(child.pid, signal.SIGSTOP)
        wait_until(lambda: members_of(child)[0].state == "T")
        await stop_session(child, time_s=30)
        await child.exited
        return child.returncode

    assert run(use) == -signal.SIGTERM


def test_stopping_what_has_ended_does_nothing(run: Run) -> None:
    """Twice is once."""

    async def use(spawner: Spawner) -> None:
        child = await spawner.spawn(["true"], env=os.environ, cwd=HERE, fds={})
        await child.exited
        assert await stop_session(child, time_s=30) == ()

    run(use)


def test_waiting_by_looking_ends_with_the_process(run: Run) -> None:
    """As it is done where the kernel does not tell."""

    async def use(spawner: Spawner) -> None:
        child = await start(spawner, "exec sleep 300", 1)
        members = members_of(child)
        waits = asyncio.ensure_future(_poll_gone(members))
        await asyncio.sleep(0)
        assert not waits.done()
        assert is_alive(child.pid, child.started)
        os.kill(child.pid, signal.SIGKILL)
        await asyncio.wait_for(waits, 30)
        assert not is_alive(child.pid, child.started)

    run(use)
