"""A worktree's databases, made before its processes start."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from postgresql import serving_postgresql
from sceneshift.core.paths import StateFolder
from sceneshift.core.separation import OwnDatabase
from sceneshift.dev.firstuse import FirstUse
from sceneshift.dev.model import SetupStep
from sceneshift.dev.preparation import Preparation
from staging import make_stream, open_spawner, write_web
from watching import git

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sceneshift.dev.model import ProcessSpec

    Say = Callable[[str], None]

MAKER = "sceneshift.data.firstuse"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a worktree; the main checkout has a database."""
    main = tmp_path / "shop"
    main.mkdir()
    git(main, "init", "-q")
    git(main, "commit", "-q", "--allow-empty", "-m", "first")
    git(main, "worktree", "add", "-q", "../tree")
    with closing(sqlite3.connect(main / "dev.db")) as connection, connection:
        connection.execute("CREATE TABLE t (x)")
    return tmp_path / "tree"


def describe(tree: Path, origin: str = "dev.db") -> OwnDatabase:
    """Return its own database."""
    return OwnDatabase(
        name="default",
        url=f"sqlite:///{tree}/dev.db",
        origin=f"sqlite:///{tree.parent}/shop/{origin}",
        system="sqlite",
    )


def run(
    tree: Path,
    use: Callable[[FirstUse, ProcessSpec, Say], Awaitable[None]],
    *,
    maker: str = MAKER,
    origin: str = "dev.db",
) -> list[str]:
    """Run a coroutine with a process that uses the database; return what was said."""
    said: list[str] = []

    async def with_spawner() -> None:
        async with open_spawner() as spawner:
            state = StateFolder(tree)
            first_use = FirstUse(maker, spawner=spawner, state=state)
            spec = replace(write_web(tree), databases=(describe(tree, origin),))
            await use(first_use, spec, said.append)

    asyncio.run(with_spawner())
    return said


def test_all_processes_wait_for_one_copy(tree: Path) -> None:
    """It is made once, and said once."""

    async def use(first_use: FirstUse, spec: ProcessSpec, say: Say) -> None:
        await asyncio.gather(*(first_use.ensure(spec, say) for _ in range(3)))
        assert (tree / "dev.db").exists()
        await first_use.ensure(spec, say)

    (line,) = run(tree, use)
    assert f"is a copy of {tree.parent}/shop/dev.db" in line


def test_what_fails_is_not_tried_for_each_process(tree: Path) -> None:
    """It is said once, and they go on."""
    (tree.parent / "shop" / "bad.db").write_text("no database " * 99)

    async def use(first_use: FirstUse, spec: ProcessSpec, say: Say) -> None:
        await asyncio.gather(*(first_use.ensure(spec, say) for _ in range(3)))

    said = run(tree, use, origin="bad.db")
    assert [line.partition(" ")[0] for line in said] == ["database", "hint:"]


def test_a_maker_that_cannot_run_is_told(tree: Path) -> None:
    """With what Python says of it; without one nothing is made."""

    async def use(first_use: FirstUse, spec: ProcessSpec, say: Say) -> None:
        await first_use.ensure(spec, say)

    assert "No module named nowhere" in run(tree, use, maker="nowhere")[-1]
    assert run(tree, use, maker="") == []
    (tree / ".git").unlink()
    assert run(tree, use) == []


def test_set_up_steps_fill_a_database_that_was_made_anew(tree: Path) -> None:
    """What ran for the former one has not run for this one; the log tells of it."""
    step = SetupStep(run="echo filled >> steps")
    stream = make_stream(tree)

    async def use(first_use: FirstUse, spec: ProcessSpec, _say: Say) -> None:
        preparation = Preparation(
            first_use._errand.spawner, StateFolder(tree), first_use
        )
        env = {**spec.env, "DATABASE_URL": spec.databases[0].url}
        spec = replace(spec, setup=step, env=env)
        for _ in range(2):
            await preparation.prepare(spec, stream)
        (tree / "dev.db").unlink()
        await preparation.prepare(spec, stream)

    run(tree, use)
    said = [line.text for line in stream.ring.tail("web", 100)]
    assert ["is a copy of" in line for line in said] == [True, False, True, False]
    assert (tree / "steps").read_text() == "filled\n" * 2


@pytest.mark.needs("postgresql")
def test_what_was_dropped_by_hand_is_made_anew(tree: Path) -> None:
    """By the next start, which asks the server of each once."""
    with serving_postgresql() as server:
        name = server.make()
        database = OwnDatabase(
            name="default",
            url=server.url(f"{name}__wt_tree"),
            origin=server.url(name),
            system="postgresql",
        )

        async def use(first_use: FirstUse, spec: ProcessSpec, say: Say) -> None:
            spec = replace(spec, databases=(database,))
            await asyncio.gather(*(first_use.ensure(spec, say) for _ in range(3)))
            assert first_use._list_wanted(spec) == ()

        said = run(tree, use)
        assert "is a copy of" in said.pop()
        assert not any("is a copy of" in each for each in said)  # a slow one tells more
        assert run(tree, use) == []
        server.run("postgres", f"DROP DATABASE {name}__wt_tree")
        assert "is a copy of" in run(tree, use)[-1]


@pytest.mark.needs("postgresql")
def test_set_up_steps_are_left_alone_where_all_is_there(tree: Path) -> None:
    """A server that was asked has changed nothing."""
    step = SetupStep(run="echo filled >> steps")
    stream = make_stream(tree)
    with serving_postgresql() as server:
        name = server.make()
        url = server.url(f"{name}__wt_tree")
        database = OwnDatabase(
            name="default", url=url, origin=server.url(name), system="postgresql"
        )

        async def use(first_use: FirstUse, spec: ProcessSpec, _say: Say) -> None:
            preparation = Preparation(
                first_use._errand.spawner, StateFolder(tree), first_use
            )
            env = {**spec.env, "DATABASE_URL": url}
            spec = replace(spec, databases=(database,), setup=step, env=env)
            await preparation.prepare(spec, stream)

        for _ in range(2):
            run(tree, use)
    assert (tree / "steps").read_text() == "filled\n"
