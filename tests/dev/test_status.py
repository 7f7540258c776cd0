from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sceneshift.core.wording import iso_time
from sceneshift.dev.history import Reload, SwitchRecord
from sceneshift.dev.machine import Phase
from sceneshift.dev.status import describe, describe_reload, describe_switch
from supervising import run_supervised, stand

if TYPE_CHECKING:
    from pathlib import Path

    from supervising import Supervised


def row(it: Supervised) -> dict[str, Any]:
    """Return the status of the process."""
    (said,) = describe(it.supervisor)["processes"]
    return dict(said)


def test_a_process_that_has_not_begun_has_a_row(tmp_path: Path) -> None:
    """Without what is not known yet."""

    async def use(it: Supervised) -> None:
        said = describe(it.supervisor)
        assert (said["environment"], said["switch"]) == ("development", None)
        assert row(it) == {
            "name": "web",
            "state": "setup",
            "pid": None,
            "port": 8000,
            "url": "http://127.0.0.1:8000/d",
            "restarts": 0,
            "started_at": None,
            "is_broken": False,
            "breakpoint": None,
            "debug_port": None,
            "debugger": None,
            "reload": "cold",
            "reload_reason": "it has a pipe",
            "left_out": {},
        }

    run_supervised("shell", tmp_path, use, port=8000, listens=True, open="/d")


def test_what_does_not_listen_has_no_address(tmp_path: Path) -> None:
    """Its port is nobody's."""

    async def use(it: Supervised) -> None:
        assert (row(it)["port"], row(it)["url"]) == (8000, None)

    run_supervised("shell", tmp_path, use, port=8000, listens=False)


def test_a_process_that_works_says_since_when(tmp_path: Path) -> None:
    """One that is on its way has a pid and no time yet."""

    async def use(it: Supervised) -> None:
        await it.until_started()
        on_its_way = row(it)
        assert (on_its_way["state"], on_its_way["started_at"]) == ("starting", None)
        await it.until_phase(Phase.READY)
        assert (row(it)["state"], row(it)["restarts"]) == ("ready", 0)
        assert row(it)["pid"] == on_its_way["pid"]
        assert row(it)["started_at"] <= iso_time(time.time())

    run_supervised("shell", tmp_path, use)


def test_what_is_more_urgent_than_the_phase_is_the_state(tmp_path: Path) -> None:
    """A breakpoint before a reload, and a reload before that it is ready."""

    async def use(it: Supervised) -> None:
        await it.until_phase(Phase.READY)
        it.supervisor.change("web", ["app.py"])
        assert row(it)["state"] == "reloading"
        token = it.state.candidate
        await it.until_idle(lambda: it.is_linked(token))
        stand(it, token)
        assert (row(it)["state"], row(it)["breakpoint"]) == ("debugging", "app.py:3")

    run_supervised("fork", tmp_path, use)


def test_new_code_that_cannot_start_is_broken(tmp_path: Path) -> None:
    """The old code goes on."""

    async def use(it: Supervised) -> None:
        await it.until_phase(Phase.READY)
        pid = row(it)["pid"]
        (tmp_path / "app.py").write_text("import")
        it.supervisor.change("web", ["app.py"])
        await it.until(lambda: row(it)["is_broken"])
        assert (row(it)["state"], row(it)["pid"]) == ("ready", pid)

    run_supervised("fork", tmp_path, use)


def test_old_code_has_its_pid_when_new_code_is_run_in_another_way(
    tmp_path: Path,
) -> None:
    """As after an edit of the Procfile whose run-once step fails."""

    async def use(it: Supervised) -> None:
        await it.until_phase(Phase.READY)
        before = row(it)
        it.supervisor.exchange("web", it.runner("shell"))
        names = ("pid", "started_at")
        assert [row(it)[name] for name in names] == [before[name] for name in names]
        assert (before["reload"], row(it)["reload"]) == ("fork", "cold")

    run_supervised("fork", tmp_path, use)


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


def test_a_switch_has_plain_values() -> None:
    """As they are documented."""
    switch = SwitchRecord(
        former="development",
        environment="staging",
        at=0.5,
        processes=("web",),
        duration_s=0.25,
        outcome="failed",
        error="`web`: no",
    )
    assert describe_switch(switch) == {
        "former": "development",
        "environment": "staging",
        "at": "1970-01-01T00:00:00.500Z",
        "processes": ["web"],
        "duration_s": 0.25,
        "outcome": "failed",
        "error": "`web`: no",
    }
