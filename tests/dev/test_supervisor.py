"""What the supervisor makes of what its runners tell."""

from __future__ import annotations

import asyncio
import errno
import os
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from sceneshift.dev.machine import Phase, Quit, Verb
from sceneshift.dev.model import StopPolicy
from supervising import LISTENING, connect, run_supervised, stand
from support import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from supervising import Supervised

STUBBORN = """\
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    time.sleep(0.01)
"""
# Ends a while after it was asked to, when it would be taken to be ready.
SLOW_TO_END = "trap 'sleep 0.3; exit' TERM; sleep 300 & wait"


def test_what_is_replaced_before_it_is_ready_is_no_reload(tmp_path: Path) -> None:
    """It lives long enough to be taken to be ready while it is being stopped."""

    async def use(it: Supervised) -> None:
        await it.until_started()
        it.supervisor.change("web", ["app.py"])
        assert it.state.phase is Phase.STOPPING
        await it.until(lambda: it.supervisor.history.open_of("web") is None)
        assert (it.state.phase, it.state.current) == (Phase.READY, 2)

    run_supervised("shell", tmp_path, use, command=SLOW_TO_END)


def test_a_reload_that_waits_for_its_step_is_not_served_by_older_code(
    tmp_path: Path,
) -> None:
    """What gets ready meanwhile was started before."""

    async def use(it: Supervised) -> None:
        await it.until_phase(Phase.STARTING)
        it.is_prepared_at_once = False
        it.supervisor.change("web", ["lock"], needs_setup=True)
        await it.until_phase(Phase.READY)
        assert it.supervisor.history.open_of("web") is not None
        it.end_setup()
        await it.until(lambda: it.supervisor.history.open_of("web") is None)
        assert (it.state.phase, it.state.current) == (Phase.READY, 2)

    run_supervised("shell", tmp_path, use)


def test_a_stop_gives_the_port_up_that_the_former_runner_holds(tmp_path: Path) -> None:
    """Nobody would ever answer who connects there."""
    port = free_port()

    async def use(it: Supervised) -> None:
        (tmp_path / "app.py").write_text(LISTENING)
        await it.until(lambda: it.held.of("web"))
        await it.until_phase(Phase.READY)
        it.supervisor.exchange("web", it.runner("shell"))
        it.supervisor.ask("web", Verb.STOP)
        await it.until_phase(Phase.STOPPED)
        assert it.held.of("web") == []
        await it.until_idle(lambda: connect(port) == errno.ECONNREFUSED)

    run_supervised("fork", tmp_path, use, env={**os.environ, "PORT": str(port)})


def test_a_start_after_a_stop_is_not_the_reload_that_was_stopped(
    tmp_path: Path,
) -> None:
    """Whenever it comes; that reload never served."""

    async def use(it: Supervised) -> None:
        await it.until_phase(Phase.READY)
        it.supervisor.change("web", ["app.py"])
        it.supervisor.ask("web", Verb.STOP)
        await it.until_phase(Phase.STOPPED)
        it.supervisor.ask("web", Verb.START)
        await it.until_phase(Phase.READY)
        (reload,) = it.supervisor.history.last(9)
        assert (reload.outcome, reload.duration_s) == ("replaced", None)

    run_supervised("shell", tmp_path, use)


def test_what_ends_well_before_it_is_ready_has_served(tmp_path: Path) -> None:
    """As migrations do, which a word has run again."""
    command = "test -e again || { touch again; exec sleep 300; }"

    async def use(it: Supervised) -> None:
        await it.until_phase(Phase.READY)
        it.supervisor.ask("web", Verb.RESTART)
        await it.until_phase(Phase.COMPLETED)
        (reload,) = it.supervisor.history.last(9)
        assert reload.outcome == "served"

    run_supervised("shell", tmp_path, use, command=command)


def test_a_candidate_that_ends_with_0_is_no_new_code(tmp_path: Path) -> None:
    """It did not stay to take over: the old code goes on."""

    async def use(it: Supervised) -> None:
        (tmp_path / "app.py").write_text(LISTENING)
        await it.until(lambda: it.held.of("web"))
        await it.until_phase(Phase.READY)
        (tmp_path / "app.py").write_text("raise SystemExit(0)")
        it.supervisor.change("web", ["app.py"])
        await it.until(lambda: it.state.is_broken)
        (reload,) = it.supervisor.history.last(9)
        assert (reload.outcome, reload.error) == ("broken", "ended with exit code 0")

    env = {**os.environ, "PORT": str(free_port())}
    run_supervised("fork", tmp_path, use, env=env)


@pytest.mark.parametrize("kind", ["shell", "fork"])
def test_a_process_that_goes_hears_of_nothing_any_more(
    tmp_path: Path, kind: str
) -> None:
    """Neither while it is being stopped nor afterwards; nor is it heard."""

    async def use(it: Supervised) -> None:
        await it.until_phase(Phase.READY)
        supervisor = it.supervisor
        supervisor.configure(replace(supervisor.stack, processes=()))
        assert it.state.phase is Phase.STOPPING
        supervisor.change("web", ["app.py"])
        supervisor.ask("web", Verb.RESTART)
        await it.until(lambda: not supervisor.runners)
        supervisor.change("web", ["app.py"])
        supervisor.handle_use("web", str(tmp_path / "app.py"), None)
        supervisor.handle_mute("web")
        supervisor.handle_ready("web", 1)
        supervisor.handle_exited("web", 1, 3, "")
        assert supervisor.history.last(9) == []
        assert supervisor.stack.processes == ()
        assert it.said()[-1] == "removed: it is not configured any more"

    run_supervised(kind, tmp_path, use)


def test_the_page_of_one_that_goes_goes_with_it(tmp_path: Path) -> None:
    """Nobody is left on its port."""
    port = free_port()

    async def use(it: Supervised) -> None:
        (tmp_path / "app.py").write_text("import nowhere\n")
        it.supervisor.outages.forked.add("web")
        await it.until_phase(Phase.FAILED)
        await it.until_idle(lambda: connect(port) == 0)
        it.supervisor.configure(replace(it.supervisor.stack, processes=()))
        assert not it.supervisor.runners
        assert connect(port) == errno.ECONNREFUSED

    run_supervised("fork", tmp_path, use, port=port, listens=True)


@pytest.mark.parametrize("asks", ["quit", "stop"])
def test_whoever_wants_an_end_does_not_wait_for_a_breakpoint(
    tmp_path: Path, asks: str
) -> None:
    """The machine has told it to end already, for a reload; that one waits."""

    async def use(it: Supervised) -> None:
        (tmp_path / "app.py").write_text(STUBBORN)
        await it.until_phase(Phase.READY)
        it.supervisor.change("web", ["app.py"])
        await it.until_phase(Phase.STOPPING)
        stand(it, it.state.current)
        assert it.supervisor.find_place("web") == "app.py:3"
        if asks == "quit":
            it.supervisor.feed(Quit())
            async with asyncio.timeout(30):
                await it.supervisor.done
        else:
            it.supervisor.ask("web", Verb.STOP)
            await it.until_phase(Phase.STOPPED)
        assert it.supervisor.find_place("web") is None

    policy = StopPolicy(time_s=0.1, reload_time_s=0.1)
    run_supervised("fork", tmp_path, use, stop=policy)
