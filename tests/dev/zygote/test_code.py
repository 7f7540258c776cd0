from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.zygote.code import CodeCache, Territory, digest, identify, read

if TYPE_CHECKING:
    from pathlib import Path

TELL = """
import sys
from sceneshift.dev.zygote.code import Territory
territory = Territory(sys.argv[1])
print(*[int(territory.owns_module(path)) for path in sys.argv[2:]])
"""


def test_code_is_kept_as_long_as_the_file_is_the_same(tmp_path: Path) -> None:
    """Two saves of one size within a second are two contents."""
    path, cache = tmp_path / "a.py", CodeCache()
    path.write_text("x = 1")
    kept = cache.compile(str(path), read(str(path)), identify(str(path)))
    assert cache.find(str(path)) is kept
    assert kept.digest == digest(b"x = 1")
    path.write_text("x = 2")
    os.utime(path, ns=(0, 1))
    assert cache.find(str(path)) is None
    assert identify(str(tmp_path / "none")) == (0, 0, 0)


def test_a_file_that_takes_the_place_of_another_is_another(tmp_path: Path) -> None:
    """Size and time may be the same: tools that copy keep the time."""
    path, other, cache = tmp_path / "a.py", tmp_path / "b.py", CodeCache()
    for each, text in ((path, "x = 1"), (other, "x = 2")):
        each.write_text(text)
        os.utime(each, ns=(1, 1))
    cache.compile(str(path), read(str(path)), identify(str(path)))
    other.replace(path)
    assert cache.find(str(path)) is None


def test_a_save_while_a_file_is_read_is_another_file(tmp_path: Path) -> None:
    """Code of the old content is never kept for the new one."""
    path, cache = tmp_path / "a.py", CodeCache()
    path.write_text("x = 1")
    identity, source = identify(str(path)), read(str(path))
    path.write_text("x = 22")
    cache.compile(str(path), source, identity)
    assert cache.find(str(path)) is None


def test_warming_compiles_what_changed(tmp_path: Path) -> None:
    """What does not compile, or is gone, is left for whoever runs it."""
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text("x = 1")
    bad.write_text("x =")
    cache = CodeCache()
    for _ in range(2):
        cache.warm([str(good), str(bad), str(tmp_path / "none.py")])
    assert cache.find(str(good)) is not None
    assert cache.find(str(bad)) is None


def test_the_project_is_what_is_neither_library_nor_package(tmp_path: Path) -> None:
    """An editable neighbor is the project's too; data only inside of it."""
    territory = Territory(str(tmp_path / "project"))
    neighbor = tmp_path / "neighbor" / "lib.py"
    assert territory.owns_module(str(tmp_path / "project" / "app.py"))
    assert territory.owns_module(str(neighbor))
    assert not territory.owns_module(os.__file__)
    assert not territory.owns_module(f"{sysconfig.get_paths()['purelib']}/x.py")
    assert not territory.owns_module("<string>.py")
    assert not territory.owns_module(str(tmp_path / "native.so"))
    assert territory.owns_data(str(tmp_path / "project" / "a.json"))
    assert not territory.owns_data(str(neighbor.with_suffix(".json")))
    assert not territory.owns_data(str(tmp_path / "project" / ".git" / "HEAD"))


@pytest.mark.parametrize("place", [".", "src/project", ".."])
def test_a_project_may_lie_in_its_virtual_environment(
    tmp_path: Path, place: str
) -> None:
    """Or the environment in the project: its packages are never the project's."""
    prefix = tmp_path / "outer" / "venv"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True
    )
    root = os.path.normpath(prefix / place)
    package = next(prefix.glob("lib/python*/site-packages")) / "x.py"
    paths = [f"{root}/app.py", str(package), f"{prefix}/bin/activate_this.py"]
    said = subprocess.check_output(
        [prefix / "bin" / "python", "-c", TELL, root, *paths],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    )
    assert said.split() == ["1", "0", "0"]
