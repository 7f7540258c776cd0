from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from sceneshift.dev.guard.child import Child
from sceneshift.dev.history import Reload
from sceneshift.dev.machine import Phase
from sceneshift.dev.model import ProcessSpec, StackSpec
from sceneshift.dev.output import ProcessStream, Ring, RotatingLog
from sceneshift.dev.routing import Router
from sceneshift.dev.run.generation import Generation, Tail
from sceneshift.dev.run.held import HeldSockets
from sceneshift.dev.run.shell import ShellRunner
from sceneshift.dev.status import describe, describe_reload, iso
from sceneshift.dev.supervisor import Supervisor

if TYPE_CHECKING:
    from sceneshift.dev.run.base import Ground

WEB = ProcessSpec(
    name="web", label="web.1", command="", cwd=Path("/"), env={}, port=8000, open="/d"
)
JOB = replace(WEB, name="job", label="job.1", listens=False)


class Stack:
    """A stack of which nothing runs, and what its status is."""

    def __init__(self, folder: Path, *processes: ProcessSpec) -> None:
        loop = asyncio.get_running_loop()
        log = RotatingLog(folder / "web.log")
        self.stream = ProcessStream("web", log=log, ring=Ring())
        self.supervisor = Supervisor(
            StackSpec(root=folder, environment="development", processes=processes),
            loop=loop,
            streams={"web": self.stream},
            router=Router(folder, lambda _path: None),
            held=HeldSockets(),
            begin=lambda _name: None,
        )

    def run(self, spec: ProcessSpec, *, is_ready: bool) -> None:
        """Have a process that runs by the shell."""
        ground = cast("Ground", None)  # a runner that starts nothing needs none
        runner = ShellRunner(spec, self.stream, ground, reason="it has a pipe")
        self.supervisor.runners[spec.name] = runner
        generation = Generation(
            number=1,
            process=spec.name,
            tail=Tail(self.stream.source()),
            child=Child(pid=42, started=0, token="", exited=asyncio.Future()),
            is_ready=is_ready,
            began_at=1_700_000_000.25,
        )
        runner._by_token[7] = generation
        self.set(spec.name, phase=Phase.READY, current=7, restarts=3)

    def set(self, name: str, **values: Any) -> None:
        """Have a process in a state."""
        states = self.supervisor.machine.states
        states[name] = replace(states[name], **values)

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return the status by name."""
        return {row["name"]: row for row in describe(self.supervisor)["processes"]}


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (None, None),
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000.2567, "2023-11-14T22:13:20.256Z"),
    ],
)
def test_a_time_is_utc_to_the_millisecond(at: float | None, text: str | None) -> None:
    """Also where the second is a whole one."""
    assert iso(at) == text


def test_a_stack_that_has_not_begun_has_a_row_for_each_process(tmp_path: Path) -> None:
    """In the Procfile's order, without what is not known yet."""

    async def use() -> None:
        said = describe(Stack(tmp_path, WEB, JOB).supervisor)
        assert said["environment"] == "development"
        web, job = said["processes"]
        assert web == {
            "name": "web",
            "state": "waiting",
            "pid": None,
            "port": 8000,
            "url": "http://127.0.0.1:8000/d",
            "restarts": 0,
            "started_at": None,
            "is_broken": False,
            "breakpoint": None,
            "reload": "cold",
            "reload_reason": None,
            "left_out": {},
        }
        assert (job["name"], job["url"]) == ("job", None)

    asyncio.run(use())


def test_a_process_that_works_says_since_when(tmp_path: Path) -> None:
    """One that is on its way has a pid and no time yet."""

    async def use() -> None:
        stack = Stack(tmp_path, WEB, JOB)
        stack.run(WEB, is_ready=True)
        stack.run(JOB, is_ready=False)
        stack.set("job", phase=Phase.STARTING)
        web, job = stack.rows().values()
        assert (web["state"], web["pid"], web["restarts"]) == ("ready", 42, 3)
        assert web["started_at"] == "2023-11-14T22:13:20.250Z"
        assert web["reload_reason"] == "it has a pipe"
        assert (job["state"], job["pid"]) == ("starting", 42)
        assert job["started_at"] is None

    asyncio.run(use())


def test_what_is_more_urgent_than_the_phase_is_the_state(tmp_path: Path) -> None:
    """A breakpoint before a reload, and a reload before that it is ready."""

    async def use() -> None:
        stack = Stack(tmp_path, WEB)
        stack.run(WEB, is_ready=True)
        stack.set("web", candidate=8)
        assert stack.rows()["web"]["state"] == "reloading"
        stack.set("web", is_broken=True)
        stack.supervisor.handle_debugger("web", 8, waiting=True, place="app.py:3")
        row = stack.rows()["web"]
        assert (row["state"], row["breakpoint"]) == ("debugging", "app.py:3")
        assert row["is_broken"]

    asyncio.run(use())


def test_a_reload_has_plain_values() -> None:
    """As they are documented, the files as a list."""
    reload = Reload(
        process="web",
        at=0.5,
        files=("a.py", "b.py"),
        cause="change",
        rung="cold",
        reason="why",
        duration_s=0.25,
        outcome="broken",
        error="a.py:1: x",
    )
    assert describe_reload(reload) == {
        "process": "web",
        "at": "1970-01-01T00:00:00.500Z",
        "cause": "change",
        "files": ["a.py", "b.py"],
        "rung": "cold",
        "reason": "why",
        "duration_s": 0.25,
        "outcome": "broken",
        "error": "a.py:1: x",
    }
