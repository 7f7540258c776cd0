from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from killing import fork
from migrating import READING, create, make_chain, make_project
from resetting import Shop
from sceneshift.core.databases import Database
from sceneshift.core.errors import ComponentError, RefusedError
from sceneshift.core.processes import children, find_process
from sceneshift.data import reset
from sceneshift.data.scripts import read_scripts
from sceneshift.data.snapshots.traced import read_trace
from sceneshift.data.standby import Standby
from sceneshift.data.upgrade import Upgrade
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

pytestmark = pytest.mark.cold


def make(root: Path, *does: str, env: str = READING, **variables: str) -> Upgrade:
    """Return what is to be run, in a project with such migrations."""
    make_project(root, make_chain(*does), env=env)
    url = f"sqlite:///{root}/live.db"
    return Upgrade(
        root=root,
        scripts=read_scripts(root, Path("alembic.ini")),
        database=Database(name="default", url=url),
        env=dict(os.environ) | {"DATABASE_URL": url} | variables,
        log=root / "x.log",
    )


def start(upgrade: Upgrade) -> Standby:
    """Return what waits for it."""
    return Standby(upgrade.plan, upgrade.env)


def is_running(pid: int) -> bool:
    """Tell whether a process is there, and no zombie."""
    entry = find_process(pid)
    return entry is not None and entry.is_running


def list_started(shop: Shop) -> list[int]:
    """Return what this process has started in a project and Ctrl-C would reach."""
    own = os.getpgrp()
    mine = [each.pid for each in children(os.getpid()) if each.pgid == own]
    return [pid for pid in mine if is_in(pid, shop.root)]


def is_in(pid: int, folder: Path) -> bool:
    """Tell whether a process works in a folder; one that is gone does not."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(folder)
    except OSError:
        return False


TELLS = (
    "import gc, os, sys; print(os.getpid(), sys.argv[0], gc.isenabled(), "
    "gc.get_freeze_count() > 10_000, os.environ.get('NEW'), 'OLD' in os.environ, "
    "[each for each in range(3, 64) if os.path.exists(f'/proc/self/fd/{each}') "
    "and os.get_inheritable(each)])"
)


def test_what_waits_does_all_that_one_started_at_once_does(tmp_path: Path) -> None:
    """With the environment that it is told of, on the database of that."""
    upgrade = make(tmp_path, TELLS, create("a"), OLD="1", PYTHONVERBOSE="")
    with start(upgrade) as standby, (tmp_path / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        env = {name: text for name, text in upgrade.env.items() if name != "OLD"}
        told = replace(upgrade, env=env | {"NEW": "ü\n"}, locks=(lock.fileno(),))
        said = told.aim(tmp_path / "draft.db").run(standby)
        pid = standby._child.pid
    assert said == f"{pid} alembic True True ü\n False []\n"
    assert (tmp_path / "draft.db").exists()
    assert not (tmp_path / "live.db").exists()


def test_what_it_says_before_is_in_the_log_too(tmp_path: Path) -> None:
    """As a package's warning is, or what an interpreter does by itself."""
    upgrade = make(tmp_path, "print('then')", PYTHONVERBOSE="1")
    with start(upgrade) as standby:
        said = upgrade.run(standby)
    assert said.index("import 'alembic.config'") < said.index("\nthen\n")
    assert "import 'sqlite3'" in said
    assert upgrade.log.read_text() == said


def test_a_lock_is_held_though_who_has_started_it_is_killed(tmp_path: Path) -> None:
    """The migration goes on by itself, and the next command waits for that."""
    slow = (
        "import pathlib, time; pathlib.Path('going').touch(); "
        "[time.sleep(0.01) for _ in iter(pathlib.Path('go').exists, True)]"
    )
    upgrade = make(tmp_path, f"{slow}; {create('a')}; pathlib.Path('done').touch()")

    def run() -> None:
        with start(upgrade) as standby, (tmp_path / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            replace(upgrade, locks=(lock.fileno(),)).run(standby)

    pid = fork(run)
    wait_until((tmp_path / "going").exists)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with (tmp_path / "lock").open("ab") as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (tmp_path / "go").touch()
        fcntl.flock(lock, fcntl.LOCK_EX)
    assert (tmp_path / "done").exists()


def test_who_is_killed_before_it_is_told_leaves_nothing(tmp_path: Path) -> None:
    """It ends by itself, whether it has imported all or not."""
    upgrade = make(tmp_path, create("a"))

    def run() -> None:
        (tmp_path / "pid").write_text(f"{start(upgrade)._child.pid}\n")
        time.sleep(60)

    pid = fork(run)
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    waiting = int((tmp_path / "pid").read_text())
    wait_until(lambda: not is_running(waiting))
    assert not (tmp_path / "live.db").exists()


def test_it_sees_all_that_is_read_from_the_beginning(tmp_path: Path) -> None:
    """The same as one that is started at once."""
    (tmp_path / "data.csv").touch()
    upgrade = make(tmp_path, "import os; open('data.csv').read(); os.listdir('.')")
    found = []
    for number in range(2):
        traced = replace(upgrade, trace=tmp_path / f"trace{number}")
        with ExitStack() as stack:
            traced.run(stack.enter_context(start(traced)) if number else None)
        assert traced.trace is not None
        found.append(read_trace(traced.trace))
        (tmp_path / "live.db").unlink()
    assert str(tmp_path / "data.csv") in found[1].files
    for each in ("folders", "addresses", "prefixes", "packages"):
        assert getattr(found[0], each) == getattr(found[1], each), each
    own = [{one for one in each.files if str(tmp_path) in one} for each in found]
    assert own[0] == own[1]


@pytest.fixture
def upgrade(tmp_path: Path) -> Iterator[Upgrade]:
    """Return what tells of its process, and ends well each time."""
    yield make(tmp_path, "import os; print(os.getpid())")
    assert (tmp_path / "live.db").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_one_that_has_ended_is_replaced(upgrade: Upgrade, number: int) -> None:
    """Whatever has ended it, and nothing is said of that."""
    with start(upgrade) as standby:
        standby._child.send_signal(number)
        said = upgrade.run(standby)
        assert said != f"{standby._child.pid}\n"
    assert said.strip().isdecimal()


def test_one_for_another_database_is_not_used(upgrade: Upgrade) -> None:
    """Or another interpreter, folder or trace."""
    with start(replace(upgrade, trace=upgrade.root / "trace")) as standby:
        assert upgrade.run(standby) != f"{standby._child.pid}\n"


def test_one_that_has_imported_a_module_of_the_project_is_not_used(
    upgrade: Upgrade,
) -> None:
    """That may know the database already, and not be told of the draft."""
    more = upgrade.root / "more"
    more.mkdir()
    (more / "sitecustomize.py").write_text("import os; os.environ['DATABASE_URL']")
    upgrade = replace(upgrade, env={**upgrade.env, "PYTHONPATH": str(more)})
    with start(upgrade) as standby:
        assert upgrade.run(standby) != f"{standby._child.pid}\n"


def test_an_interpreter_without_alembic_is_told_as_ever(tmp_path: Path) -> None:
    """By the one that is started in its place."""
    upgrade = make(tmp_path, VIRTUAL_ENV="bare")
    python = tmp_path / "bare/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho \"No module named 'alembic'\"; exit 1\n")
    python.chmod(0o755)
    with start(upgrade) as standby, pytest.raises(ComponentError) as caught:
        upgrade.run(standby)
    assert caught.value.component == "alembic"
    python.chmod(0o644)
    with pytest.raises(OSError, match="denied"):
        start(upgrade)


class Counting(Shop):
    """A project whose interpreter counts how often it is started."""

    def count(self) -> int:
        """Return how often it was since this was asked last."""
        file = self.root / "started"
        found = file.read_text() if file.exists() else ""
        file.write_text("")
        return len(found)


@pytest.fixture
def shop(tmp_path: Path) -> Counting:
    """Return one that was never reset."""
    shop = Counting(tmp_path, "a")
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    count = f"printf x >> {tmp_path}/started"
    python.write_text(f'#!/bin/sh\n{count}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return shop


def ask(shop: Shop, *, is_confirmed: bool = True, **options: Any) -> None:
    """Reset it as the command does."""
    request = reset.ResetRequest(
        root=shop.root,
        environ=shop.environ,
        environment="development",
        is_confirmed=is_confirmed,
        **options,
    )
    reset.reset(request)


def test_a_reset_starts_it_where_nothing_fits_that_is_kept(shop: Counting) -> None:
    """And never where there is a snapshot, or where it is only planned."""
    ask(shop, is_dry=True)
    assert shop.count() == 0
    ask(shop)
    assert (shop.count(), shop.ran()) == (1, ["a"])
    ask(shop)
    assert (shop.count(), shop.ran()) == (0, [])
    shop.write("a", "b")
    ask(shop)
    assert (shop.count(), shop.ran()) == (1, ["b"])
    ask(shop, is_rebuilt=True)
    assert (shop.count(), shop.ran()) == (1, ["a", "b"])
    assert list_started(shop) == []


def test_a_refused_reset_leaves_none(
    shop: Counting, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nor says a word of it."""
    with pytest.raises(RefusedError):
        ask(shop, is_confirmed=False)
    assert list_started(shop) == []
    assert capfd.readouterr() == ("", "")
    assert shop.tables() == []
