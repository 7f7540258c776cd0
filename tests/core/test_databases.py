from __future__ import annotations

from pathlib import Path

import pytest

from sceneshift.core.databases import Database, list_databases, name_variable
from sceneshift.core.errors import ConfigError
from sceneshift.core.project import load_project
from sceneshift.core.value import Source, SourceKind, Value


def test_databases_are_what_the_project_names_so() -> None:
    """Not what merely begins like it, nor what only the shell has."""
    own, shell = Source(kind=SourceKind.DEFAULT), Source(kind=SourceKind.PROCESS)
    values = {
        "DATABASE_URL": Value("mysql://h/a", own),
        "DATABASE_URL_REPORTS": Value("sqlite:///b", shell, (Value("", own),)),
        "DATABASE_URLS": Value("sqlite:///c", own),
        "DATABASE_URL_SHELL": Value("sqlite:///d", shell),
        "DATABASE_URL_EMPTY": Value("", own),
    }
    found = [(each.name, each.system) for each in list_databases(values)]
    assert found == [("default", "mysql"), ("reports", "sqlite")]


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("default", "DATABASE_URL"),
        ("reports", "DATABASE_URL_REPORTS"),
        ("read-only", "DATABASE_URL_READ_ONLY"),
    ],
)
def test_a_database_has_a_variable(name: str, variable: str) -> None:
    """Of its name."""
    assert name_variable(name) == variable
    assert Database(name=name, url="").variable == variable


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///a%20b.db?x=1", "/root/a b.db"),
        ("sqlite+aiosqlite:////a.db", "/a.db"),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("sqlite://///a.db", "/a.db"),
        ("sqlite://a.db", None),
        ("sqlite://?timeout=1", None),
        ("sqlite:///file:a.db?mode=ro&uri=true", "/root/a.db"),
        ("sqlite+aiosqlite:///file:/a%2520b.db?uri=1", "/a b.db"),
        ("sqlite:///file:///a.db?uri=True", "/a.db"),
        ("sqlite:///file://localhost/a.db?uri=true", "/a.db"),
        ("sqlite:///file:a.db", "/root/file:a.db"),
        ("sqlite:///file:a.db?vfs=other&uri=true", None),
        ("sqlite:///file:a?mode=memory&cache=shared&uri=true", None),
        ("sqlite:///file::memory:?uri=true", None),
        ("postgresql://h/a.db", None),
    ],
)
def test_a_file_is_sqlite_s_alone(url: str, expected: str | None) -> None:
    """And absolute."""
    found = Database(name="default", url=url).find_file(Path("/root"))
    assert found == (None if expected is None else Path(expected))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite://", False),
        ("sqlite:///:memory:", False),
        ("sqlite:///file::memory:?cache=shared&uri=true", False),
        ("sqlite://?timeout=1", False),
        ("sqlite:///a.db", True),
        ("sqlite://a.db", True),
        ("sqlite:///file:a.db?vfs=other&uri=true", True),
        ("postgresql://h/d", True),
    ],
)
def test_what_is_in_memory_does_not_last(url: str, *, expected: bool) -> None:
    """All else is there for the next."""
    assert Database(name="default", url=url).is_lasting == expected


ENVIRONMENT = (
    "[tool.sceneshift.environments.{}]\ndatabases = {{ {} = 'sqlite:///a' }}\n"
)


@pytest.mark.parametrize(
    ("text", "env"),
    [
        ("", ""),  # `default` is always known
        (ENVIRONMENT.format("staging", "reports"), ""),
        (ENVIRONMENT.format("dev", "reports"), ""),
        ("", "OTHER=x\nDATABASE_URL_REPORTS=mysql://h/d"),
    ],
)
def test_a_table_is_of_a_database_of_any_environment(
    tmp_path: Path, text: str, env: str
) -> None:
    """Though the active one may not have it; an env file may say it too."""
    name = "reports" if text or env else "default"
    table = f"[tool.sceneshift.databases.{name}]\n"
    (tmp_path / "pyproject.toml").write_text(text + table)
    (tmp_path / ".env.staging").write_text(env)
    load_project(tmp_path, environ={}, is_looking=True)


def test_a_database_that_no_environment_has_is_refused(tmp_path: Path) -> None:
    """With the nearest that one has."""
    text = ENVIRONMENT.format("staging", "reports")
    text += "[tool.sceneshift.databases.reportz]\n"
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_project(tmp_path, environ={}, is_looking=True)
    assert caught.value.message == (
        "pyproject.toml: `tool.sceneshift.databases.reportz`: no environment has a "
        "database `reportz`"
    )
    assert caught.value.hint == "did you mean `reports`?"
