"""The wheel, built once, and a bare installation of it."""

from __future__ import annotations

import importlib.metadata
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session", name="wheel")
def build_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the backend that pyproject.toml names, without a network."""
    from hatchling.builders.wheel import WheelBuilder  # noqa: PLC0415 - slow

    folder = tmp_path_factory.mktemp("dist")
    (artifact,) = WheelBuilder(str(ROOT)).build(
        directory=str(folder), versions=["standard"]
    )
    return Path(artifact)


@pytest.fixture(scope="session", name="bare")
def install_bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of packages: the wheel's and what it depends on, no others."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    (metadata,) = folder.glob("*.dist-info/METADATA")
    own = importlib.metadata.PathDistribution(metadata.parent)
    for name in close_over(own.requires or []):
        _link(importlib.metadata.distribution(name), folder)
    return folder


def close_over(requirements: list[str]) -> set[str]:
    """Return the names of all that is required here, by others too."""
    found: set[str] = set()
    waiting = list(requirements)
    while waiting:
        name = _read_name(waiting.pop())
        if name in found:
            continue
        try:
            more = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system or Python; else the import says so
        found.add(name)
        waiting += [each for each in more if "extra ==" not in each]
    return found


def _read_name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None, requirement
    return found[0]


def _link(distribution: importlib.metadata.Distribution, folder: Path) -> None:
    for top in dict.fromkeys(_list_tops(distribution)):
        target = Path(str(distribution.locate_file(top)))
        if target.exists() and not (folder / top).exists():
            (folder / top).symlink_to(target)


def _list_tops(distribution: importlib.metadata.Distribution) -> Iterator[str]:
    for file in distribution.files or []:
        if file.parts[0] not in {"..", "__pycache__"}:
            yield file.parts[0]
