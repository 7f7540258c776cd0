"""A stack in which nothing happens costs nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sceneshift.core.processes import descendants

if TYPE_CHECKING:
    from reloading import Stack

WEB = """\
import asyncio, os

async def main():
    answer = lambda reader, writer: writer.close()
    server = await asyncio.start_server(answer, "127.0.0.1", int(os.environ["PORT"]))
    await server.serve_forever()

asyncio.run(main())
"""
# By its own clock, so that it does not matter how busy the machine is.
TICK = """\
import time

for number in range(4):
    print("tick", number, flush=True)
    time.sleep(1.5)
time.sleep(300)
"""
PROCFILE = "web: python web.py\nshell: true; exec sleep 300\ntick: python tick.py\n"
MOST = 15  # two ticks come through, and whoever looks once in 200 ms does more


def test_nobody_looks_whether_anything_has_happened(stack: Stack) -> None:
    """Supervisor, guard, zygotes and children sleep, and none has a thread."""
    stack.start({"web.py": WEB, "tick.py": TICK, "Procfile.dev": PROCFILE})
    stack.wait_output("tick 1")  # what is learned after the start has been by then
    assert stack.pid("web")
    own = {pid: name for pid, name in ours(stack).items() if "tick.py" not in name}
    stack.wait_output("tick 2")
    before = {pid: count_wakes(pid) for pid in own}
    stack.wait_output("tick 3")
    woken = {own[pid]: count_wakes(pid) - count for pid, count in before.items()}
    assert len(own) >= 6, own
    assert max(woken.values()) <= MOST, woken
    threads = {own[pid]: len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in own}
    assert set(threads.values()) == {1}, threads


SLOW = (
    "alembic",
    "docker",
    "honcho.command",  # configures logging for everybody
    "honcho.manager",
    "httpx",
    "jinja2",
    "multiprocessing",
    "sqlalchemy",
    "watchfiles",
)


def test_the_supervisor_imports_nothing_slow(stack: Stack) -> None:
    """It is small and quick as long as it stays so."""
    stack.env["PYTHONPROFILEIMPORTTIME"] = "1"
    stack.env.pop("COVERAGE_PROCESS_CONFIG", None)  # a measurement imports its own
    stack.start({"Procfile.dev": "job: echo up; sleep 300\n"})
    stack.wait_output("1 of 1 up")
    rows = [each for each in stack.output.splitlines() if each.startswith("import")]
    names = {row.rpartition("|")[2].strip() for row in rows}
    assert "sceneshift.dev.supervisor" in names
    assert names.isdisjoint(SLOW), names.intersection(SLOW)


def ours(stack: Stack) -> dict[int, str]:
    """Return the command lines of a stack's processes, by pid."""
    assert stack._process is not None
    pids = [entry.pid for entry in descendants(stack._process.pid)]
    return {pid: f"{pid} {command(pid)}" for pid in (stack._process.pid, *pids)}


def command(pid: int) -> str:
    """Return a command line."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def count_wakes(pid: int) -> int:
    """Return how often a process has gone to sleep (proc_pid_status(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["voluntary_ctxt_switches"])
