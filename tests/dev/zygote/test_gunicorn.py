"""What is known of gunicorn: its arbiter, without any process."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sceneshift.dev.zygote.gunicorn import adapt_arbiter


@pytest.mark.parametrize(("tracer", "killed"), [(None, [7]), (object(), [])])
def test_a_worker_at_a_breakpoint_is_not_killed_for_its_silence(
    tracer: object, killed: list[int]
) -> None:
    """Without a debugger gunicorn does as it does."""
    told: list[int] = []
    base = importlib.import_module("gunicorn.arbiter").Arbiter
    module: Any = SimpleNamespace(Arbiter=type("Arbiter", (base,), {}))
    adapt_arbiter(module, cast("Any", SimpleNamespace(tracer=tracer)))
    arbiter = object.__new__(module.Arbiter)
    silent = SimpleNamespace(last_update=lambda: float("-inf"))
    arbiter.timeout = 30
    arbiter.WORKERS = {7: SimpleNamespace(tmp=silent, aborted=False)}
    arbiter.log = SimpleNamespace(critical=lambda *_: None)
    arbiter.kill_worker = lambda pid, _number: told.append(pid)
    arbiter.murder_workers()
    assert told == killed
