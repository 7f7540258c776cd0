from __future__ import annotations

import asyncio
import itertools
import os
import signal
from functools import partial
from typing import TYPE_CHECKING

import psutil
import pytest
from msgspec.structs import replace

from sceneshift.core.errors import SceneshiftError
from sceneshift.dev.run.fork import ForkRunner
from sceneshift.dev.run.recall import Recall
from staging import make_runner, make_stream, run_staged

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.dev.run.nursery import Nursery
    from staging import Stage

THREADED = (
    "import threading\n"
    "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
)


def nursery_of(stage: Stage) -> Nursery:
    """Return where the runner's processes come from."""
    assert isinstance(stage.runner, ForkRunner)
    return stage.runner._nursery


def renew(stage: Stage, **values: str) -> None:
    """Give the runner another environment or interpreter."""
    assert isinstance(stage.runner, ForkRunner)
    stage.runner.renew(stage.runner.spec, replace(stage.runner.program, **values))


def test_who_asks_at_once_gets_the_same_zygote(tmp_path: Path) -> None:
    """A second one would be nobody's."""

    async def use(stage: Stage) -> None:
        nursery = nursery_of(stage)
        first, second = await asyncio.gather(nursery.get(), nursery.get())
        assert first is second

    run_staged("fork", tmp_path, use)


def test_a_fresh_interpreter_is_for_one_only(tmp_path: Path) -> None:
    """It becomes the program: a second one who asks gets another."""

    async def use(stage: Stage) -> None:
        stage.runner.launch(1)
        stage.runner.launch(2)
        await stage.until(lambda: sorted(stage.told.ready) == [1, 2])
        pids = {stage.runner.generation(token).pid for token in (1, 2)}  # type: ignore[union-attr]
        assert len(pids) == 2

    run_staged("cold", tmp_path, use)


@pytest.mark.parametrize("turns", [0, 1, 3, 8, 30])
def test_who_waits_while_it_is_renewed_gets_the_new_one(
    tmp_path: Path, turns: int
) -> None:
    """However far the old one has come, which is ended."""

    async def use(stage: Stage) -> None:
        nursery = nursery_of(stage)
        asked = asyncio.ensure_future(nursery.get())
        for _ in range(turns):
            await asyncio.sleep(0)
        renew(stage, typed="new")
        zygote = await asked
        assert zygote is await nursery.get()
        assert nursery.cold_reason is None
        await stage.until(lambda: nursery._old == [])

    run_staged("fork", tmp_path, use)


def test_an_interpreter_that_cannot_serve_is_not_asked_again(tmp_path: Path) -> None:
    """The command is started as it is, and the reason is told."""

    async def use(stage: Stage) -> None:
        nursery = nursery_of(stage)
        renew(stage, interpreter="/bin/false")
        with pytest.raises(SceneshiftError, match="ended before it served") as caught:
            await nursery.get()
        assert caught.value.hint
        assert nursery.is_plain
        assert "older than Python" in str(nursery.cold_reason)
        assert nursery.spare() is None

    run_staged("fork", tmp_path, use)


def test_an_interpreter_that_is_not_there_leaves_nothing_open(tmp_path: Path) -> None:
    """No pipe, and no end of a line to it."""

    async def use(stage: Stage) -> None:
        renew(stage, interpreter=str(tmp_path / "python"))
        before = psutil.Process().num_fds()
        with pytest.raises(SceneshiftError, match="was not found"):
            await nursery_of(stage).get()
        assert psutil.Process().num_fds() == before

    run_staged("fork", tmp_path, use)


def remember(folder: Path, *modules: str) -> None:
    """Have it known from the last run what is imported ahead."""
    Recall(foreign=list(modules)).save(folder / "web.json")


@pytest.mark.parametrize("asking", [1, 2])
def test_what_spoils_a_zygote_is_learned_once(tmp_path: Path, asking: int) -> None:
    """The next one is without it, for all who had asked for the first."""
    (tmp_path / "threaded.py").write_text(THREADED)
    remember(tmp_path, "json", "threaded")

    async def use(stage: Stage) -> None:
        nursery = nursery_of(stage)
        zygote, *_ = await asyncio.gather(*(nursery.get() for _ in range(asking)))
        assert zygote.refused == {}
        assert list(nursery._recall.skip) == ["threaded"]
        assert (nursery._tries, nursery.cold_reason) == (1, None)

    run_staged("fork", tmp_path, use)


def chain(folder: Path, length: int) -> None:
    """Make packages of which each imports the next, and the last starts a thread."""
    names = [f"part{number}" for number in range(length)]
    for name, following in itertools.pairwise(names):
        (folder / f"{name}.py").write_text(f"import {following}\n")
    (folder / f"{names[-1]}.py").write_text(THREADED)
    remember(folder, *names)


@pytest.mark.parametrize(
    ("length", "reason"),
    [
        (4, None),
        (5, "a fork is not safe after importing part0, part1, part2, part3, part4"),
        (7, "a fork is not safe after importing part0, part1, part2, part3, part4"),
    ],
)
def test_a_program_that_spoils_every_zygote_is_not_forked(
    tmp_path: Path, length: int, reason: str | None
) -> None:
    """After five tries each time is a fresh interpreter, and people are told why."""
    chain(tmp_path, length)

    async def use(stage: Stage) -> None:
        nursery = nursery_of(stage)
        zygote = await nursery.get()
        assert nursery.cold_reason == reason
        assert list(nursery._recall.skip) == [f"part{n}" for n in range(length)][:5]
        assert (nursery.spare() is zygote) is (reason is None)

    run_staged("fork", tmp_path, use)


def test_a_fresh_interpreter_that_has_ended_is_forgotten(tmp_path: Path) -> None:
    """Each reload makes one, all day long."""

    async def use(stage: Stage) -> None:
        ended = stage.told.ended
        for token in (1, 2):
            stage.runner.launch(token)
            await stage.until(lambda: len(stage.told.ready) == len(ended) + 1)
            stage.runner.stop(token, is_reload=False, is_forced=True)
            await stage.until(lambda: len(stage.told.ready) == len(ended))
        await stage.until(lambda: nursery_of(stage)._old == [])

    run_staged("cold", tmp_path, use)


def test_a_child_is_like_those_that_were_made_since_the_last_import(
    tmp_path: Path,
) -> None:
    """An older one has written to all that it had to import itself."""

    async def use(stage: Stage) -> None:
        stage.runner.launch(1)
        await stage.until(lambda: stage.told.ready == [1])
        zygote = await nursery_of(stage).get()
        (older,) = zygote.alike
        zygote.preload(["csv"])
        stage.runner.launch(2)
        await stage.until(lambda: stage.told.ready == [1, 2])
        assert older in zygote.children
        assert older not in zygote.alike
        assert len(zygote.alike) == 1

    run_staged("fork", tmp_path, use)


def make_heir(stage: Stage, folder: Path, **variables: str) -> ForkRunner:
    """Return a runner of the same program in another environment."""
    former = stage.runner
    assert isinstance(former, ForkRunner)
    spec = replace(former.spec, env={**former.spec.env, **variables})
    heir = make_runner("fork", spec, make_stream(folder), former._ground)
    assert isinstance(heir, ForkRunner)
    heir.follow(former, None)
    return heir


def test_a_zygote_is_shared_by_who_comes_after(tmp_path: Path) -> None:
    """Each has children of its own, whose ends it hears of, and may leave first."""

    async def use(stage: Stage) -> None:
        former, told = stage.runner, stage.told
        former.launch(1)
        await stage.until(partial(told.ready.count, 1))
        zygote = await nursery_of(stage).get()
        heirs = [make_heir(stage, tmp_path, NAME=name) for name in "ab"]
        for token, heir in enumerate(heirs, 2):
            heir.launch(token)
            await stage.until(partial(told.ready.count, token))
            assert await heir._nursery.get() is zygote
        await heirs[0].close()
        assert not zygote.is_gone
        await former.close()
        assert not zygote.is_gone
        parent = psutil.Process(zygote.child.pid)
        await stage.until(lambda: len(parent.children()) == 1)  # the others are reaped
        (last,) = parent.children()
        heirs[1].stop(3, is_reload=False, is_forced=True)
        await stage.until(lambda: stage.told.ended == [(3, -9)])
        await heirs[1].close()
        assert zygote.is_gone
        assert not last.is_running()

    run_staged("fork", tmp_path, use)


def test_a_zygote_whose_imports_read_what_changes_is_not_shared(tmp_path: Path) -> None:
    """Nor is it any more when it has read that later."""
    for name in ("early", "later"):
        source = f"import os\nos.environ.get('{name.upper()}_READ')\n"
        (tmp_path / f"{name}.py").write_text(source)
    remember(tmp_path, "early")

    async def use(stage: Stage) -> None:
        zygote = await nursery_of(stage).get()
        other = make_heir(stage, tmp_path, EARLY_READ="1")
        heir = make_heir(stage, tmp_path, LATER_READ="1")
        assert await other._nursery.get() is not zygote
        assert await heir._nursery.get() is zygote
        zygote.preload(["later"])
        await stage.until(lambda: "LATER_READ" in (zygote.reads or ()))
        assert heir._nursery.spare() is None
        own = await heir._nursery.get()
        assert own is not zygote
        assert own is heir._nursery.spare()
        assert nursery_of(stage).spare() is zygote
        for each in (other, heir):
            await each.close()

    run_staged("fork", tmp_path, use)


@pytest.mark.parametrize(
    ("variables", "stays"),
    [
        ({"LATER": "1"}, True),
        ({"EARLY": "1"}, False),
        ({"TZ": "UTC"}, False),
        ({}, False),
    ],
)
def test_a_zygote_stays_where_its_imports_have_not_read_what_is_edited(
    tmp_path: Path,
    variables: dict[str, str],
    stays: bool,  # noqa: FBT001 - a column
) -> None:
    """Where nothing is edited it is for other packages, and has to go."""
    (tmp_path / "early.py").write_text("import os\nos.environ.get('EARLY')\n")
    remember(tmp_path, "early")

    async def use(stage: Stage) -> None:
        runner = stage.runner
        assert isinstance(runner, ForkRunner)
        zygote = await runner._nursery.get()
        env = {**runner.program.env, **variables}
        runner.renew(runner.spec, replace(runner.program, env=env))
        assert (await runner._nursery.get() is zygote) is stays

    run_staged("fork", tmp_path, use)


SLOW = "import os, time\ntime.sleep(0.3)\nos.environ.get('SLOW_READ')\n"


def test_a_zygote_that_imports_is_not_shared(tmp_path: Path) -> None:
    """Nobody knows yet what it will have read when it comes to fork."""
    (tmp_path / "slow.py").write_text(SLOW)

    async def use(stage: Stage) -> None:
        zygote = await nursery_of(stage).get()
        heir = make_heir(stage, tmp_path, SLOW_READ="1")
        zygote.preload(["slow"])
        assert await heir._nursery.get() is not zygote
        assert await nursery_of(stage).get() is zygote
        await heir.close()

    run_staged("fork", tmp_path, use)


@pytest.mark.parametrize("wait_s", [0, 0.1])
def test_what_is_edited_while_a_zygote_comes_up_is_its_own(
    tmp_path: Path, wait_s: float
) -> None:
    """It has read the value of before, or will."""
    (tmp_path / "slow.py").write_text(SLOW)
    remember(tmp_path, "slow")

    async def use(stage: Stage) -> None:
        runner = stage.runner
        assert isinstance(runner, ForkRunner)
        asked = asyncio.ensure_future(runner._nursery.get())
        await asyncio.sleep(wait_s)
        env = {**runner.program.env, "SLOW_READ": "new"}
        runner.renew(runner.spec, replace(runner.program, env=env))
        zygote = await asked
        assert zygote.program.env["SLOW_READ"] == "new"
        assert zygote is await runner._nursery.get()

    run_staged("fork", tmp_path, use)


def test_parked_children_are_dropped_whose_zygote_reads_what_was_edited(
    tmp_path: Path,
) -> None:
    """They were made behind an import of which that was not known yet."""
    (tmp_path / "slow.py").write_text(SLOW)

    async def use(stage: Stage) -> None:
        runner = stage.runner
        assert isinstance(runner, ForkRunner)
        zygote = await runner._nursery.get()
        env = {**runner.program.env, "SLOW_READ": "new"}
        runner.renew(runner.spec, replace(runner.program, env=env))
        runner.launch(1)
        await stage.until(lambda: stage.told.ready == [1])
        runner._recall.learn(["slow"], [])
        newest = runner.generation(1)
        assert newest is not None
        runner._prepare(newest)
        assert runner._standbys.children
        await stage.until(lambda: not runner._standbys.children)
        assert await runner._nursery.get() is not zygote

    run_staged("fork", tmp_path, use)


def test_a_zygote_that_is_spoiled_is_so_for_all(tmp_path: Path) -> None:
    """Each makes another, without what spoiled it."""
    (tmp_path / "threaded.py").write_text(THREADED)

    async def use(stage: Stage) -> None:
        zygote = await nursery_of(stage).get()
        heir = make_heir(stage, tmp_path, NAME="a")
        assert await heir._nursery.get() is zygote
        zygote.preload(["threaded"])
        await stage.until(lambda: zygote.is_gone)
        for nursery in (nursery_of(stage), heir._nursery):
            assert list(nursery._recall.skip) == ["threaded"]
            assert (await nursery.get()).refused == {}
        await heir.close()

    run_staged("fork", tmp_path, use)


def test_a_zygote_that_is_gone_has_no_sockets_to_give_up(tmp_path: Path) -> None:
    """Who stops the process before it is started again is not told of an error."""

    async def use(stage: Stage) -> None:
        stage.runner.launch(1)
        await stage.until(lambda: stage.told.ready == [1])
        nursery = nursery_of(stage)
        zygote = await nursery.get()
        os.kill(zygote.child.pid, signal.SIGKILL)
        await stage.until(lambda: stage.told.ended == [(1, -9)])
        nursery.hold("2/127.0.0.1/8000", 0)
        nursery.release("2/127.0.0.1/8000")
        assert await nursery.get() is not zygote

    run_staged("fork", tmp_path, use)


def test_who_comes_back_to_a_zygote_has_its_children_still(tmp_path: Path) -> None:
    """Those from before leave with it, as those from after."""

    async def use(stage: Stage) -> None:
        heir = make_heir(stage, tmp_path, NAME="a")
        zygote = await nursery_of(stage).get()
        heir.launch(1)
        await stage.until(lambda: stage.told.ready == [1])
        before = heir.program
        other = replace(before, env={**before.env, "TZ": "UTC"})
        heir.renew(heir.spec, other)
        heir.renew(heir.spec, before)
        assert await heir._nursery.get() is zygote
        heir.launch(2)
        await stage.until(lambda: stage.told.ready == [1, 2])
        await heir.close()
        await stage.until(lambda: not psutil.Process(zygote.child.pid).children())
        assert not zygote.is_gone

    run_staged("fork", tmp_path, use)


def test_a_zygote_that_hangs_is_not_waited_for_any_longer(tmp_path: Path) -> None:
    """An import may wait for ever for what is not there."""

    async def use(stage: Stage) -> None:
        heir = make_heir(stage, tmp_path, NAME="a")
        zygote = await nursery_of(stage).get()
        assert await heir._nursery.get() is zygote
        os.kill(zygote.child.pid, signal.SIGSTOP)
        try:
            await heir.close()
        finally:
            os.kill(zygote.child.pid, signal.SIGCONT)
        assert await nursery_of(stage).get() is zygote

    run_staged("fork", tmp_path, use)


def test_what_was_read_before_the_first_import_is_known(tmp_path: Path) -> None:
    """By what Python itself loads at its start."""
    source = "import os\nos.environ.get('ANY')\n"
    (tmp_path / "sitecustomize.py").write_text(source)

    async def use(stage: Stage) -> None:
        renew(stage, env={**stage.runner.spec.env, "PYTHONPATH": str(tmp_path)})  # type: ignore[arg-type]
        zygote = await nursery_of(stage).get()
        assert zygote.reads is None

    run_staged("fork", tmp_path, use)
