from __future__ import annotations

import email
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from email.message import Message

pytestmark = pytest.mark.xdist_group("wheel")

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "src" / "sceneshift"
# Imports every module that is named, in a Python that sees one folder of packages.
IMPORT_ALL = """
import sys, importlib
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
found = importlib.import_module("sceneshift").__file__
assert found.startswith(sys.argv[1]), found
"""
IMPORT_NAMESPACE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from sceneshift import namespace
print(*namespace(Path(sys.argv[2])).task_names)
"""


def read_project() -> dict[str, Any]:
    """Return `[project]` of pyproject.toml."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project: dict[str, Any] = tomllib.load(file)["project"]
    return project


def list_names(wheel: Path) -> list[str]:
    """Return the names of the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def read_metadata(wheel: Path) -> Message:
    """Return what the wheel says about itself."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [one for one in archive.namelist() if one.endswith("/METADATA")]
        return email.message_from_bytes(archive.read(name))


def list_modules() -> list[str]:
    """Return the names of all modules of the package.

    Programs are left out, and what is imported where a database's driver is there.
    """
    others = {"__main__.py", "driverline.py"}
    files = (path for path in PACKAGE.rglob("*.py") if path.name not in others)
    paths = (path.relative_to(PACKAGE.parent) for path in files)
    names = (".".join(path.with_suffix("").parts) for path in paths)
    return sorted(name.removesuffix(".__init__") for name in names)


@pytest.mark.parametrize(
    "name", ["py.typed", "dev/node.lock", "dev/errorpage.html", "dev/tasks.py"]
)
def test_the_wheel_has_what_is_no_module_too(wheel: Path, name: str) -> None:
    """Files that the package reads at run time, and the mark of a typed one."""
    assert f"sceneshift/{name}" in list_names(wheel)


def test_the_wheel_has_the_package_and_nothing_else(wheel: Path) -> None:
    """No tests, no demo, no tasks of this repository."""
    names = list_names(wheel)
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"sceneshift"}
    assert not [name for name in names if "test" in Path(name).name]
    assert not [name for name in names if "__pycache__" in name]


def test_the_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    """What lies in the folder is part of it."""
    ours = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in list_names(wheel) if ".dist-info" not in name} == ours


def test_the_wheel_has_the_licence(wheel: Path) -> None:
    """The text, and its name in the metadata."""
    (name,) = [one for one in list_names(wheel) if one.endswith("/LICENSE")]
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(name) == (ROOT / "LICENSE").read_bytes()
    metadata = read_metadata(wheel)
    assert metadata["License-Expression"] == read_project()["license"]


def normalize(line: str) -> str:
    """Return a requirement as one of several ways to write it."""
    requirement = Requirement(line)
    requirement.name = canonicalize_name(requirement.name)
    return str(requirement)


def test_the_metadata_is_that_of_the_project(wheel: Path) -> None:
    """Name, Python, dependencies, and the README as its description."""
    metadata, project = read_metadata(wheel), read_project()
    assert metadata["Name"] == project["name"]
    assert metadata["Version"] == project["version"]
    assert metadata["Requires-Python"] == project["requires-python"]
    extras = [
        f"{line}; extra == '{name}'"
        for name, lines in project["optional-dependencies"].items()
        for line in lines
    ]
    wanted = [*project["dependencies"], *extras]
    said = metadata.get_all("Requires-Dist") or []
    assert sorted(map(normalize, said)) == sorted(map(normalize, wanted))
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert str(metadata.get_payload()).startswith("# Sceneshift")


def test_every_module_imports_on_a_bare_installation(bare: Path) -> None:
    """With the dependencies that the metadata names, and none of the tests'."""
    run_bare(IMPORT_ALL, bare, *list_modules())


def test_the_commands_are_there_on_a_bare_installation(
    bare: Path, tmp_path: Path
) -> None:
    """All that a `tasks.py` of two lines needs."""
    assert "dev.up" in run_bare(IMPORT_NAMESPACE, bare, str(tmp_path)).split()


def run_bare(code: str, bare: Path, *arguments: str) -> str:
    """Run Python that sees one folder of packages; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(bare), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
