from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.databases import list_databases
from sceneshift.core.errors import ConfigError
from sceneshift.core.project import load_project
from sceneshift.core.services.use import find_services

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sceneshift.core.project import Project

SETTINGS = """\
[project]
name = "My Shop"
[tool.sceneshift.environments.development]
databases = { default = "postgres:16", reports = "postgresql+asyncpg:16" }
[tool.sceneshift.environments.staging]
databases = { default = "postgres" }
[tool.sceneshift.environments.production]
databases = { default = "postgresql://db.example.com/shop" }
"""


@pytest.fixture(name="short")
def make_short() -> Iterator[Path]:
    """A folder whose path leaves room for a socket, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="s") as folder:
        yield Path(folder)


def load(
    root: Path, name: str = "development", environ: Mapping[str, str] | None = None
) -> Project:
    """Return a project in an environment."""
    root.mkdir(exist_ok=True)
    file = root / "pyproject.toml"
    if not file.exists():
        file.write_text(SETTINGS)
    return load_project(root, environ=environ or {}, environment=name, is_looking=True)


def list_urls(project: Project) -> dict[str, str]:
    """Return the addresses of its databases."""
    found = list_databases(project.environment.values)
    return {each.name: each.url for each in found}


def test_a_server_stands_in_place_of_an_address(short: Path) -> None:
    """Its databases are the project's and the environment's, without quotes."""
    place = f"host={short}/.sceneshift/services/postgresql"
    assert list_urls(load(short)) == {
        "default": f"postgresql://postgres@/my_shop_development?{place}-16",
        "reports": "postgresql+asyncpg://postgres@/my_shop_development_reports"
        f"?{place}-16",
    }
    assert list_urls(load(short, "staging")) == {
        "default": f"postgresql://postgres@/my_shop_staging?{place}"
    }


def test_an_environment_has_the_servers_that_its_databases_are_on(
    tmp_path: Path,
) -> None:
    """What the shell or an env file says instead is none of ours."""
    (service,) = find_services(load(tmp_path))
    names = ("my_shop_development", "my_shop_development_reports")
    assert (service.major, service.databases) == (16, names)
    assert find_services(load(tmp_path, "production")) == ()
    elsewhere = {
        "DATABASE_URL": "postgresql://h/x",
        "DATABASE_URL_REPORTS": "sqlite:///x.db",
    }
    assert find_services(load(tmp_path, environ=elsewhere)) == ()


@pytest.mark.parametrize("text", ["postgres:16.4", "postgres:9", "postgres:", "pg:1"])
def test_a_server_that_cannot_be_is_refused(tmp_path: Path, text: str) -> None:
    """With what to write instead; what is no server at all is left to who reads it."""
    (tmp_path / "pyproject.toml").write_text(
        SETTINGS.replace('"postgres:16"', f'"{text}"')
    )
    if text == "pg:1":
        assert "default" not in list_urls(load(tmp_path))
        return
    with pytest.raises(ConfigError, match=r"development\.databases\.default") as caught:
        load(tmp_path)
    assert "postgres:16" in str(caught.value.hint)


def test_a_socket_has_room_whatever_the_folder(short: Path) -> None:
    """Systems hold 103 bytes of its path at least, and addresses no comma in it."""
    shared = f"/tmp/sceneshift-{os.getuid()}"
    for name in ("x" * 100, "a,b:c d"):
        (service,) = find_services(load(short / name))
        assert service.socket.is_relative_to(shared), name
        assert len(os.fsencode(service.socket / ".s.PGSQL.5432")) <= 103


def test_worktrees_have_one_server_and_databases_of_their_own(tmp_path: Path) -> None:
    """What is made in a worktree is a copy of the main checkout's."""
    main, tree = tmp_path / "main", tmp_path / "tree"
    own = main / ".git/worktrees/tree"
    own.mkdir(parents=True)
    (own / "commondir").write_text("../..\n")
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {own}\n")
    (of_main,), (of_tree,) = (find_services(load(each)) for each in (main, tree))
    assert of_tree.home == of_main.home == main
    assert of_tree.databases == ()
    url = list_urls(load(main))["default"]
    renamed = url.replace("development?", "development__wt_tree?")
    assert list_urls(load(tree))["default"] == renamed


def test_worktrees_of_a_bare_repository_have_it_there(tmp_path: Path) -> None:
    """They come and go, and none of them is the main checkout."""
    bare, tree = tmp_path / "shop.git", tmp_path / "tree"
    own = bare / "worktrees/tree"
    own.mkdir(parents=True)
    (own / "commondir").write_text("../..\n")
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {own}\n")
    (service,) = find_services(load(tree))
    assert service.folder.is_relative_to(bare)


def test_a_long_name_is_cut_and_stays_its_own(tmp_path: Path) -> None:
    """PostgreSQL would cut it in silence, and two would be one."""
    names = {
        find_services(load(tmp_path, environ={}))[0].databases[1]
        for key in ("a", "b")
        if (tmp_path / "pyproject.toml").write_text(
            SETTINGS.replace("reports", "r" * 70 + key)
        )
    }
    assert len(names) == 2
    assert {len(name) for name in names} == {63}
