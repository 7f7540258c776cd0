from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sceneshift.core.errors import RefusedError, UsageError
from sceneshift.data.url import UrlRequest, mask_address, show_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stacks import Project

    Show = Callable[..., tuple[str, str]]

TOML = """\
[tool.sceneshift.environments.development]
databases = { default = "postgresql+asyncpg://me:pw@localhost/shop?ssl=true&timeout=3" }
[tool.sceneshift.environments.staging]
databases = { a = "sqlite:////a.db", b = "postgres://me@localhost/b?sslmode=prefer" }
[tool.sceneshift.environments.production]
protected = true
databases = { default = "postgresql://me:pw@db/shop" }
"""


@pytest.fixture(name="show")
def make_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Show:
    """Return what shows an address, and gives back both outputs."""
    (tmp_path / "pyproject.toml").write_text(TOML)

    def show(**options: Any) -> tuple[str, str]:
        show_url(UrlRequest(root=tmp_path, environ={}, **options))
        return capsys.readouterr()

    return show


def test_a_pipe_gets_it_as_programs_do(show: Show) -> None:
    """A protected environment's as well: that is what it is for."""
    own = "postgresql+asyncpg://me:pw@localhost/shop?ssl=true&timeout=3"
    assert show() == (f"{own}\n", "")
    assert show(environment="production")[0] == "postgresql://me:pw@db/shop\n"


def test_a_terminal_gets_no_password_unasked(show: Show) -> None:
    """And is told so."""
    out, said = show(is_terminal=True)
    masked = "postgresql+asyncpg://me:***@localhost/shop?ssl=true&timeout=3"
    assert out == f"{masked}\n"
    assert said == "a password is masked: --show-password shows it here\n"
    assert json.loads(show(is_terminal=True, as_json=True)[0]) == {
        "environment": "development",
        "databases": [{"name": "default", "url": masked}],
    }
    assert "me:pw@" in show(is_terminal=True, is_shown=True)[0]
    assert show(environment="staging", database="a", is_terminal=True)[1] == ""


def test_that_of_a_protected_environment_is_confirmed_besides(show: Show) -> None:
    """On a terminal, which keeps what it shows."""
    options = {"environment": "prod", "is_terminal": True}
    assert show(**options)[0] == "postgresql://me:***@db/shop\n"
    with pytest.raises(RefusedError) as caught:
        show(**options, is_shown=True)
    assert caught.value.message == (
        "`production` is protected, and this would show its password"
    )
    assert show(**options, is_shown=True, is_confirmed=True)[0] == (
        "postgresql://me:pw@db/shop\n"
    )


@pytest.mark.parametrize(
    ("database", "driver", "url"),
    [
        ("default", "psycopg", "postgresql+psycopg://me:pw@localhost/shop"),
        ("default", "none", "postgresql://me:pw@localhost/shop"),
        ("a", "aiosqlite", "sqlite+aiosqlite:////a.db"),
        ("b", "none", "postgresql://me@localhost/b?sslmode=prefer"),
        ("b", "asyncpg", "postgresql+asyncpg://me@localhost/b?ssl=prefer"),
    ],
)
def test_it_is_written_for_another_driver(
    show: Show, database: str, driver: str, url: str
) -> None:
    """With the names of today, and the arguments that this driver takes."""
    environment = "development" if database == "default" else "staging"
    options = {"environment": environment, "database": database}
    found = show(**options, driver=driver)[0].strip()
    expected = f"{url}?sslmode=require" if database == "default" else url
    assert found == expected


def test_it_is_that_of_one_database(show: Show) -> None:
    """JSON has all of them; a driver is a word."""
    with pytest.raises(UsageError) as caught:
        show(environment="staging")
    assert caught.value.message == "`staging` has several databases: a, b"
    assert caught.value.hint == "name one: --database a"
    listed = json.loads(show(environment="staging", as_json=True)[0])["databases"]
    assert [each["name"] for each in listed] == ["a", "b"]
    with pytest.raises(UsageError, match="`x y` can be no driver"):
        show(driver="x y")


@given(st.text(st.characters(exclude_characters="@"), min_size=1))
def test_no_password_is_left_by_masking(password: str) -> None:
    """Whatever a person has written there, blanks and quotes too."""
    url = f"postgresql://me:{password}@localhost/shop?a=b"
    assert mask_address(url) == "postgresql://me:***@localhost/shop?a=b"


def test_masking_takes_a_raw_at_sign_for_the_passwords_own() -> None:
    """Though SQLAlchemy does not; and an address without a password as it is."""
    assert mask_address("mysql://me:a@b@c/d") == "mysql://me:***@c/d"
    for url in ("sqlite:////a@b:c.db", "postgresql://h:5/d?x=y", "mysql://me@h/d"):
        assert mask_address(url) == url


def test_a_command_prints_it(project: Project) -> None:
    """A pipe is no terminal."""
    project.write({"pyproject.toml": TOML})
    project.env.pop("DATABASE_URL", None)
    words = ["data.url", "--driver", "psycopg", "--database=default"]
    assert project.inv(*words).stdout.startswith("postgresql+psycopg://me:pw@")
    assert os.environ.get("DATABASE_URL") is None
