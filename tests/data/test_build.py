from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from migrating import INI, describe_revision
from resetting import Shop
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.build import build, make_order
from sceneshift.data.snapshots.traced import Inputs
from sceneshift.data.system import find_system
from sceneshift.data.target import load_targets

if TYPE_CHECKING:
    from pathlib import Path


def test_another_env_py_has_everything_run_again(tmp_path: Path) -> None:
    """It decides on what each of the migrations does."""
    shop = Shop(tmp_path, "a")
    shop.reset()
    program = tmp_path / "migrations/env.py"
    program.write_text(program.read_text() + "# and more\n")
    shop.ran()
    assert shop.reset().is_built
    assert shop.ran() == ["a"]


def test_another_version_of_a_package_makes_another_state(tmp_path: Path) -> None:
    """One that makes up values may make up others."""
    folder = tmp_path / "makeup-1.0.dist-info"
    folder.mkdir()
    read = Inputs(packages=(str(folder),))
    assert read.are_same(tmp_path, {})
    folder.rename(tmp_path / "makeup-1.1.dist-info")
    assert not read.are_same(tmp_path, {})


def test_branches_of_several_folders_are_built(tmp_path: Path) -> None:
    """Up to all heads: each of them is meant."""
    shop = Shop(tmp_path, "a")
    ini = f"{INI}version_locations = %(here)s/migrations/versions:%(here)s/more\n"
    (tmp_path / "alembic.ini").write_text(ini)
    (tmp_path / "more").mkdir()
    for name, down, table, label in (("m1", None, "b", "more"), ("m2", "m1", "c", ())):
        does = f'op.execute("CREATE TABLE {table} (id INTEGER)")'
        text = describe_revision(name, down, does=does, labels=label)
        (tmp_path / "more" / f"{name}.py").write_text(text)
    assert set(shop.reset().snapshot.versions) == {"m2", "r1"}
    assert shop.tables() == ["a", "b", "c"]
    assert not shop.reset().is_built


GOING = "Path('.git/HEAD').write_text('ref: refs/heads/other')"
LESS = "Path('migrations/versions/r1.py').write_text(Path('ran1').read_text())"


@pytest.mark.parametrize(
    ("does", "said"),
    [
        (GOING, "git went from main to other meanwhile"),
        (LESS, "the revision r1 was changed meanwhile"),
    ],
    ids=["branch", "revision"],
)
def test_what_was_changed_meanwhile_is_not_kept(
    tmp_path: Path, does: str, said: str
) -> None:
    """It would be found again as what was ordered, which nobody has made."""
    shop = Shop(tmp_path, "a")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").write_text("ref: refs/heads/main")
    file = tmp_path / "migrations/versions/r1.py"
    (tmp_path / "ran1").write_text(file.read_text())
    shop.write("a", a=f"from pathlib import Path; {does}")
    with pytest.raises(SceneshiftError) as caught:
        shop.reset()
    assert caught.value.message == f"`shop.db` was not built: {said}"
    assert not shop.file.exists()
    shop.write("a")
    assert shop.reset().is_built


def test_a_revision_that_came_meanwhile_is_told(tmp_path: Path) -> None:
    """Where it was applied, though nobody has ordered it."""
    shop = Shop(tmp_path, "a")
    (target,) = load_targets(tmp_path, shop.environ)
    system = find_system(target)
    order = make_order(target, system)
    shop.write("a", "b")
    with pytest.raises(SceneshiftError, match="the revision r2 was changed meanwhile"):
        build(order, system)
    assert order.store.list_all() == []


HITTING = """
import os, sys
from pathlib import Path
from sceneshift.data import reset
sys.modules["alembic"] = sys.modules["sqlalchemy"] = None
request = reset.ResetRequest(root=Path(sys.argv[1]), environ=os.environ)
(done,) = reset.apply(reset.plan(request))
print(done.is_built)
"""


def test_a_known_state_needs_neither_alembic_nor_sqlalchemy(tmp_path: Path) -> None:
    """They take longer to import than the rest."""
    shop = Shop(tmp_path, "a")
    shop.reset()
    words = [sys.executable, "-c", HITTING, str(tmp_path)]
    assert subprocess.check_output(words, text=True) == "False\n"


def test_whom_a_build_has_asked_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For what they say is not looked at again; a socket's file is of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        ask = f"import socket; socket.create_connection({address!r}).close(); "
        local = "socket.socket(socket.AF_UNIX).connect_ex('/nowhere')"
        shop = Shop(tmp_path)
        shop.write("a", "b", b=f"exec({ask + local!r})")
        shop.reset()
    assert capsys.readouterr().err == (
        f"building shop.db: 2 migrations\nshop.db was made with what 127.0.0.1:"
        f"{address[1]} said, which is not asked again before --rebuild\n"
    )
    assert not shop.reset().is_built
    assert capsys.readouterr().err == ""


def test_a_file_is_the_same_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative address is relative to the project, for migrations too."""
    shop = Shop(tmp_path / "shop", "a")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    shop.reset()
    assert shop.tables() == ["a"]
    assert os.listdir(elsewhere) == []  # noqa: PTH208 - names
    shutil.rmtree(elsewhere)
    shop.undo()
    assert shop.tables() == []
