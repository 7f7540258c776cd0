from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import sys
import termios
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.processes import descendants, find_process
from sceneshift.dev.guard.process import start_guard
from sceneshift.dev.guard.spawner import Spawner
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sceneshift.dev.guard.child import Child

    Run = Callable[[Callable[[Spawner], Any]], Any]

HERE = Path(__file__).parent


async def output_of(
    spawner: Spawner, *argv: str, env: Mapping[str, str] = os.environ, cwd: Path = HERE
) -> str:
    """Return what a command writes until it has ended."""
    readable, writable = os.pipe()
    child = await spawner.spawn(argv, env=env, cwd=cwd, fds={1: writable, 2: writable})
    os.close(writable)
    stream = asyncio.StreamReader()
    with os.fdopen(readable, "rb") as pipe:
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), pipe
        )
        text = (await stream.read()).decode()
        await child.exited
    return text


def open_files(pid: int) -> dict[int, str]:
    """Return what each descriptor of a process refers to."""
    found = {}
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
            found[int(path.name)] = str(path.readlink())
    return found


def open_exactly(pid: int, numbers: list[int]) -> dict[int, str] | None:
    """Return the same where they have these numbers."""
    files = open_files(pid)
    return files if sorted(files) == numbers else None


async def start(spawner: Spawner, script: str, **fds: int) -> Child:
    """Start a shell script; `fd3=7` gives it our 7 as its 3."""
    numbers = {int(name.removeprefix("fd")): fd for name, fd in fds.items()}
    return await spawner.spawn(
        ["/bin/sh", "-c", script], env=os.environ, cwd=HERE, fds=numbers
    )


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9)]
)
def test_the_way_a_process_ended_is_told(run: Run, script: str, code: int) -> None:
    """The return code is that of subprocess."""

    async def use(spawner: Spawner) -> None:
        child = await start(spawner, script)
        await child.exited
        assert child.returncode == code

    run(use)


def test_a_running_process_has_no_return_code(run: Run) -> None:
    """It is None until the process has been reaped, and SIGKILL's after a close."""

    async def use(spawner: Spawner) -> Child:
        child = await start(spawner, "exec sleep 300")
        assert child.returncode is None
        return child

    assert run(use).returncode == -signal.SIGKILL


def test_a_process_leads_a_session_of_its_own(run: Run) -> None:
    """Its session and group bear its number, and its start is known."""

    async def use(spawner: Spawner) -> None:
        child = await start(spawner, "exec sleep 300")
        entry = find_process(child.pid)
        assert entry is not None
        assert (entry.sid, entry.pgid) == (child.pid, child.pid)
        assert entry.started == child.started
        assert entry.ppid == spawner.guard_pid

    run(use)


def test_environment_folder_and_arguments_arrive_unchanged(
    run: Run, tmp_path: Path
) -> None:
    """Bytes that are no UTF-8 too; two variables mark the process."""
    odd = os.fsdecode(b"caf\xe9 \n")
    script = (
        "import os, sys; print(ascii([os.getcwd(), sys.argv[1], dict(os.environ)]))"
    )

    async def use(spawner: Spawner) -> str:
        return await output_of(
            spawner, sys.executable, "-c", script, odd, env={"ODD": odd}, cwd=tmp_path
        )

    folder, argument, env = eval(run(use))  # noqa: S307 - printed by the line above
    assert (folder, argument, env["ODD"]) == (str(tmp_path), odd, odd)
    assert env["SCENESHIFT_STACK"] == f"test-{os.getpid()}"
    assert env["SCENESHIFT_PROCESS"] == f"test-{os.getpid()}.1"


def test_a_large_environment_arrives(run: Run) -> None:
    """A hundred kilobytes in one variable."""

    async def use(spawner: Spawner) -> str:
        env = {**os.environ, "LARGE": "x" * 100_000}
        return await output_of(spawner, "sh", "-c", "echo ${#LARGE}", env=env)

    assert run(use) == "100000\n"


def test_descriptors_are_placed_and_nothing_else_is_passed_on(run: Run) -> None:
    """A process has the descriptors that it was given, and no other of anybody's."""

    async def use(spawner: Spawner) -> dict[int, str]:
        readable, writable = os.pipe()
        child = await start(spawner, "exec sleep 300", fd1=writable, fd7=readable)
        os.close(readable)
        os.close(writable)
        # The loader of what is being executed has a library open for a moment.
        return wait_until(lambda: open_exactly(child.pid, [0, 1, 2, 7]))

    held = run(use)
    assert held[0] == held[2] == os.devnull
    assert held[1].startswith("pipe:")
    assert held[1] == held[7]


def test_descriptors_may_trade_places(run: Run) -> None:
    """A target number that is a source as well loses nothing."""

    async def use(spawner: Spawner) -> str:
        readable, writable = os.pipe()
        other, end = os.pipe()
        script = "echo three >&3; echo four >&4"
        child = await start(spawner, script, fd3=end, fd4=writable)
        await child.exited
        os.close(writable)
        os.close(end)
        with open(readable) as four, open(other) as three:  # noqa: ASYNC230, PTH123
            return three.read() + four.read()

    assert run(use) == "three\nfour\n"


def test_the_guard_keeps_no_descriptor_of_a_process(run: Run) -> None:
    """After two hundred starts it holds what it held before."""

    async def use(spawner: Spawner) -> None:
        before = open_files(spawner.guard_pid)
        for _ in range(200):
            child = await start(spawner, "exit 0", fd1=2, fd2=2)
            await child.exited
        assert open_files(spawner.guard_pid) == before

    run(use)


def test_two_hundred_at_once_are_all_told_apart(run: Run) -> None:
    """Each start gets its own answer and each end its own future."""

    async def use(spawner: Spawner) -> list[int | None]:
        children = await asyncio.gather(
            *(start(spawner, f"exit {number}", fd2=2) for number in range(200))
        )
        await asyncio.gather(*(child.exited for child in children))
        return [child.returncode for child in children]

    assert run(use) == list(range(200))


def test_requests_that_do_not_fit_the_socket_wait_their_turn(run: Run) -> None:
    """While the guard is stopped they queue, with descriptors of their own."""

    async def use(spawner: Spawner) -> str:
        os.kill(spawner.guard_pid, signal.SIGSTOP)
        readable, writable = os.pipe()
        env = {**os.environ, "LARGE": "x" * 100_000}
        argv = ["sh", "-c", "echo ${#LARGE}"]
        starts = [
            asyncio.ensure_future(
                spawner.spawn(argv, env=env, cwd=HERE, fds={1: writable})
            )
            for _ in range(10)
        ]
        await asyncio.sleep(0)
        os.close(writable)
        os.kill(spawner.guard_pid, signal.SIGCONT)
        for child in await asyncio.gather(*starts):
            await child.exited
        with open(readable) as pipe:  # noqa: ASYNC230, PTH123 - all have ended
            return pipe.read()

    assert run(use) == "100000\n" * 10


def test_signals_are_as_a_shell_would_leave_them(run: Run) -> None:
    """Nothing that the guard ignores or blocks is ignored or blocked below it."""

    async def use(spawner: Spawner) -> str:
        return await output_of(
            spawner, "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"
        )

    # glibc's posix_spawn, which Python 3.13 and newer call, may leave the two signals
    # ignored that glibc keeps for itself. No program can set or see them.
    glibc_own = 1 << 31 | 1 << 32
    _, blocked, _, ignored = run(use).split()
    assert int(blocked, 16) == 0
    assert int(ignored, 16) & ~glibc_own == 0


def test_a_process_can_have_a_terminal(run: Run) -> None:
    """Its descriptor 0 becomes the terminal that it controls."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))

    async def use(spawner: Spawner) -> None:
        fds = {0: theirs, 1: theirs, 2: theirs}
        argv = ["sh", "-c", "stty size </dev/tty"]
        child = await spawner.spawn(
            argv, env=os.environ, cwd=HERE, fds=fds, has_terminal=True
        )
        await child.exited
        assert os.read(ours, 100) == b"24 80\r\n"

    run(use)
    os.close(ours)
    os.close(theirs)


def test_a_start_that_nobody_waits_for_is_undone(run: Run) -> None:
    """Cancelled between request and reply, the process does not stay."""

    async def use(spawner: Spawner) -> None:
        os.kill(spawner.guard_pid, signal.SIGSTOP)
        starting = asyncio.ensure_future(start(spawner, "exec sleep 300"))
        failing = asyncio.ensure_future(
            spawner.spawn(["no-such-command"], env={}, cwd=HERE, fds={})
        )
        await asyncio.sleep(0)
        starting.cancel()
        failing.cancel()
        os.kill(spawner.guard_pid, signal.SIGCONT)
        child = await start(spawner, "exit 0")
        await child.exited
        wait_until(lambda: not running_below(spawner.guard_pid))

    run(use)


def running_below(pid: int) -> list[int]:
    """Return the descendants that run."""
    return [entry.pid for entry in descendants(pid) if entry.is_running]


def test_a_lost_guard_is_told_when_nothing_is_left(run: Run, losses: list[str]) -> None:
    """Every process gets its end, strays are killed, and starting anew fails."""

    async def use(spawner: Spawner) -> None:
        child = await start(spawner, "trap '' TERM; setsid sleep 300 & sleep 300")
        wait_until(lambda: len(running_below(child.pid)) == 2)
        members = running_below(child.pid)
        os.kill(spawner.guard_pid, signal.SIGKILL)
        await child.exited
        assert child.returncode == -signal.SIGKILL
        await asyncio.wait_for(spawner.wait_lost(), 30)
        assert losses
        assert not set(members) & set(running_below(os.getpid()))
        with pytest.raises(SceneshiftError, match="nothing can be started"):
            await start(spawner, "exit 0")

    run(use)
    assert losses == ["guard"]


def test_a_start_fails_when_the_guard_dies_meanwhile(run: Run) -> None:
    """It does not wait for ever."""

    async def use(spawner: Spawner) -> None:
        os.kill(spawner.guard_pid, signal.SIGSTOP)
        starting = asyncio.ensure_future(start(spawner, "exit 0"))
        await asyncio.sleep(0)
        os.kill(spawner.guard_pid, signal.SIGKILL)
        with pytest.raises(SceneshiftError, match="nothing can be started"):
            await starting

    run(use)


def test_an_orphan_is_known_to_be_there(run: Run) -> None:
    """And of what has ended without one it is known that nothing is left."""

    async def use(spawner: Spawner) -> list[bool]:
        found = []
        for script in ("sleep 300", "exit 0", "setsid sleep 300 & exit 0"):
            child = await start(spawner, script)
            if script != "sleep 300":
                await child.exited
            found.append(spawner.has_adopted())
        return found

    assert run(use) == [False, False, True]


def test_of_a_guard_that_is_gone_nothing_is_known(run: Run) -> None:
    """Its orphans are ours by then."""

    async def use(spawner: Spawner) -> bool:
        os.kill(spawner.guard_pid, signal.SIGKILL)
        await spawner.wait_lost()
        return spawner.has_adopted()

    assert run(use)


def test_a_guard_that_does_not_start_is_an_error() -> None:
    """The hint is a command that shows why."""

    async def use() -> None:
        await Spawner.start(
            start_guard("none", ("false",)),
            loop=asyncio.get_running_loop(),
            on_guard_lost=lambda: None,
        )

    with pytest.raises(SceneshiftError, match="the guard process did not start"):
        asyncio.run(use())


def test_the_guard_is_small_and_not_called_python(run: Run) -> None:
    """It imports nothing large, and `pkill python` or `pkill -f 'inv dev'` miss it."""

    async def use(spawner: Spawner) -> None:
        folder = Path(f"/proc/{spawner.guard_pid}")
        wait_until(lambda: (folder / "comm").read_text() == "sceneshift-guar\n")
        words = (folder / "cmdline").read_bytes().rstrip(b"\0")
        assert words == b"sceneshift-guard"

    run(use)
