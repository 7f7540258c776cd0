from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrating import INI, make_project
from sceneshift.core.errors import ConfigError
from sceneshift.core.project import load_project
from sceneshift.data.configuration import list_migrated

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sceneshift.data.configuration import Migrated

ONE = "DATABASE_URL=sqlite:///a.db\n"
TWO = ONE + "DATABASE_URL_READ_ONLY=sqlite:///b.db\n"
TABLE = "[tool.sceneshift.databases]\n"
TOML = '[tool.alembic]\nscript_location = "migrations"\n'


def find(
    root: Path,
    files: Mapping[str, str],
    environ: Mapping[str, str] | None = None,
) -> list[Migrated]:
    """Write files, and return the databases that have migrations."""
    for name, text in files.items():
        (root / name).write_text(text)
    return list_migrated(load_project(root, environ=environ or {}, is_looking=True))


def describe(found: list[Migrated]) -> list[tuple[str, str]]:
    """Return the names of databases and files."""
    return [(each.database.name, str(each.config)) for each in found]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, []),
        ({".env": ONE}, []),
        ({".env": ONE, "alembic.ini": INI}, [("default", "alembic.ini")]),
        ({".env": ONE, "pyproject.toml": TOML}, [("default", "pyproject.toml")]),
        (
            {".env": ONE, "alembic.ini": INI, "pyproject.toml": TOML},
            [("default", "alembic.ini")],
        ),
        # Which of two is meant has to be said.
        ({".env": TWO, "alembic.ini": INI}, []),
        (
            {
                ".env": TWO,
                "alembic.ini": INI,
                "pyproject.toml": TABLE + 'read-only.alembic = "b.ini"\n',
            },
            [("read_only", "b.ini")],
        ),
        (
            {".env": "", "pyproject.toml": TABLE + 'default.alembic = "b.ini"\n'},
            [],
        ),
        ({".env": ONE, "pyproject.toml": "[tool]\nalembic.x = 1"}, []),
        # One in memory is empty each time, and no reason to take the other one.
        ({".env": "DATABASE_URL=sqlite://\n", "alembic.ini": INI}, []),
        ({".env": TWO.replace("/a.db", ""), "alembic.ini": INI}, []),
        (
            {".env": ONE, "pyproject.toml": TABLE + "default = {}", "alembic.ini": INI},
            [("default", "alembic.ini")],
        ),
    ],
)
def test_migrations_are_configured_or_in_their_usual_place(
    tmp_path: Path, files: Mapping[str, str], expected: list[tuple[str, str]]
) -> None:
    """The latter where nothing else can be meant."""
    assert describe(find(tmp_path, files)) == expected


def test_what_the_shell_alone_names_counts_where_a_table_names_it(
    tmp_path: Path,
) -> None:
    """In CI, for one."""
    files = {"pyproject.toml": TABLE + 'default.alembic = "b.ini"\n'}
    shell = {"DATABASE_URL": "mysql://h/d"}
    assert describe(find(tmp_path, files, shell)) == [("default", "b.ini")]
    assert find(tmp_path, {"alembic.ini": INI, "pyproject.toml": ""}, shell) == []


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With the key that names it."""
    table = TABLE + 'default.alembic = "gone.ini"\n'
    (found,) = find(tmp_path, {".env": ONE, "pyproject.toml": table})
    with pytest.raises(ConfigError) as caught:
        found.read(tmp_path)
    assert caught.value.message == (
        "pyproject.toml: `tool.sceneshift.databases.default.alembic`: there is no "
        "file `gone.ini`"
    )


def test_its_scripts_are_read(tmp_path: Path) -> None:
    """From the file that was found."""
    make_project(tmp_path, {})
    (found,) = find(tmp_path, {".env": ONE})
    assert found.read(tmp_path).location == tmp_path / "migrations"
