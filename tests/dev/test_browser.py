"""A browser for a page: what becomes of the wait for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sceneshift.core.paths import StateFolder
from sceneshift.dev import machine as m
from sceneshift.dev.browser import browse
from staging import open_spawner
from supervising import run_supervised
from support import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from supervising import Supervised


def test_a_page_that_is_taken_out_before_it_is_ready_has_none(tmp_path: Path) -> None:
    """As where its line of the Procfile gets another name: the others run on."""

    async def use(it: Supervised) -> None:
        async with open_spawner() as spawner:
            waiting = asyncio.create_task(
                browse(it.supervisor, spawner, StateFolder(tmp_path), is_headless=True)
            )
            await it.until_started()
            it.supervisor.feed(m.Configured(dependencies={}))
            await asyncio.wait_for(waiting, 30)
        assert "web" not in it.supervisor.machine.states

    port = free_port()
    run_supervised("shell", tmp_path, use, listens=True, port=port, debug_port=port + 1)
