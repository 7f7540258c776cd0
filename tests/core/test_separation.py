"""Which databases a worktree has for itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.config import load_config
from sceneshift.core.environment import resolve_environment
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.project import load_project
from sceneshift.core.separation import is_near, name_apart
from watching import git, write

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.core.project import Project
    from sceneshift.core.separation import OwnDatabase

TABLE = "[tool.sceneshift.environments.development]\n"
PROCFILE = "web: true\nredis: true\n"
SERVER = "postgresql://app:pw@localhost/shop"


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """Return the main checkout of a project without databases."""
    root = tmp_path / "shop"
    files = {"Procfile.dev": PROCFILE, ".gitignore": ".env*\n"}
    write(root, {**files, "pyproject.toml": ""})
    git(root, "init", "-q")
    return root


def add(main: Path, databases: str = "", more: str = "", name: str = "tree") -> Path:
    """Give the project some databases, and return a worktree of it."""
    text = f"{TABLE}ports = {{ web = 8000, redis = 6400 }}\n"
    text += f"databases = {{ {databases} }}\n{more}\n"
    write(main, {"pyproject.toml": text})
    git(main, "add", ".")
    git(main, "commit", "-q", "-m", "some")
    git(main, "worktree", "add", "-q", f"../{name}")
    return main.parent / name


def load(root: Path, environ: dict[str, str] | None = None) -> Project:
    """Read a project."""
    return load_project(root, environ=environ or {}, is_looking=True)


def urls(root: Path, environ: dict[str, str] | None = None) -> dict[str, str]:
    """Return the variables of databases."""
    values = load(root, environ).environment.values
    return {key: v.text for key, v in values.items() if "URL" in key and v.is_own}


def own(root: Path) -> list[OwnDatabase]:
    """Return what the worktree has for itself."""
    return list(load(root).environment.separation.own)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (SERVER, "postgresql://app:pw@localhost/shop__wt_tree"),
        ("postgres:///shop?host=/run/pg", "postgres:///shop__wt_tree?host=/run/pg"),
        (
            "postgresql+asyncpg://u:a/b@[::1]:5433/shop?ssl=x",
            "postgresql+asyncpg://u:a/b@[::1]:5433/shop__wt_tree?ssl=x",
        ),
        ("postgis://db/shop", "postgis://db/shop__wt_tree"),
        ("postgresql:///my%20shop", "postgresql:///my%20shop__wt_tree"),
        ("sqlite:////var/data/dev.db?x=1", "sqlite:////var/data/dev__wt_tree.db?x=1"),
        ("sqlite+aiosqlite:////var/dev", "sqlite+aiosqlite:////var/dev__wt_tree"),
    ],
)
def test_what_the_main_checkout_uses_gets_another_name(
    main: Path, url: str, expected: str
) -> None:
    """There it stays, and what refers to the address means the other one."""
    more = f"{TABLE[:-2]}.env]\nJOBS_URL = '${{DATABASE_URL}}#jobs'\n"
    root = add(main, f"default = '{url}'", more)
    assert urls(root)["DATABASE_URL"] == expected
    assert urls(root)["JOBS_URL"] == f"{expected}#jobs"
    assert urls(main)["DATABASE_URL"] == url
    value = load(root).environment.values["DATABASE_URL"]
    assert str(value.source) == "worktree tree"
    assert [one.text for one in value.overridden] == [url]
    assert [(each.url, each.origin) for each in own(root)] == [(expected, url)]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://db.example.org/shop", "it is on another machine"),
        ("postgresql://10.0.0.7/shop", "it is on another machine"),
        ("postgresql://localhost", "its URL names no database"),
        ("postgresql://localhost:x/shop", "its URL cannot be read"),
        (
            "postgresql:///shop?host=/r&host=example.org",
            "it is on another machine",
        ),
        ("postgresql://localhost/shop?hostaddr=10.0.0.7", "it is on another machine"),
        ("postgresql:///shop?service=live", "a service names its server"),
        ("sqlite:///file:/data/dev.db?uri=true", "it is named by a URI"),
        ("sqlite:///file:///data/dev.db?uri=true", "it is named by a URI"),
        ("mysql://localhost/shop", "mysql is not copied"),
    ],
)
def test_what_cannot_be_apart_is_told(main: Path, url: str, reason: str) -> None:
    """It is left as it is."""
    root = add(main, f"default = '{url}'")
    assert urls(root)["DATABASE_URL"] == url
    separation = load(root).environment.separation
    assert (separation.own, separation.common) == ((), (("default", reason),))


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"PGHOST": "db.example.org"}, "it is on another machine"),
        ({"PGHOST": "/run/pg,10.0.0.7"}, "it is on another machine"),
        ({"PGHOST": "/run/pg", "PGHOSTADDR": "10.0.0.7"}, "it is on another machine"),
        ({"PGSERVICE": "live"}, "a service names its server"),
        ({"PGHOST": "/run/pg", "PGPORT": "5433"}, None),
    ],
)
def test_what_an_address_leaves_out_is_said_by_variables(
    main: Path, variables: dict[str, str], reason: str | None
) -> None:
    """They may lead to a server that is not to get copies of what it has."""
    root = add(main, "default = 'postgresql:///shop'")
    project = load_project(root, environ=variables, is_looking=True)
    separation = project.environment.separation
    assert separation.common == ((("default", reason),) if reason else ())
    assert len(separation.own) == (reason is None)


def test_a_host_in_the_address_is_the_one(main: Path) -> None:
    """Whatever the variables say that stand for none."""
    root = add(main, f"default = '{SERVER}'")
    environ = {"PGHOST": "db.example.org", "PGSERVICE": "live"}
    assert urls(root, environ)["DATABASE_URL"] == f"{SERVER}__wt_tree"


def test_a_name_is_cut_as_its_server_has_it(main: Path) -> None:
    """In the address a byte may take three."""
    name = "%C3%BC" * 25
    root = add(main, f"default = 'postgresql://localhost/{name}'")
    (database,) = own(root)
    assert database.origin_place == "ü" * 25
    assert database.place == f"{'ü' * 25}__wt_tree"
    assert database.url == f"postgresql://localhost/{name}__wt_tree"


@pytest.mark.parametrize(
    "url",
    [
        *("sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true"),
        *("sqlite:///file::memory:?uri=true", "sqlite:///file:/x?mode=memory&uri=true"),
    ],
)
def test_what_is_in_memory_or_below_is_apart_already(main: Path, url: str) -> None:
    """Each process, or its folder, has its own."""
    root = add(main, f"default = '{url}'")
    assert urls(root)["DATABASE_URL"] == url
    assert load(root).environment.separation.common == ()


def test_a_file_below_the_worktree_is_its_own(main: Path) -> None:
    """It begins as a copy of the one at the same place of the main checkout."""
    root = add(main, "default = 'sqlite:///var/dev.db', up = 'sqlite:///../up.db'")
    (root / ".env").write_text("DATABASE_URL_RAW=sqlite:///raw.db\n")
    below, raw, up = sorted(own(root), key=lambda each: each.name)
    assert below.url == urls(root)["DATABASE_URL"] == f"sqlite:///{root}/var/dev.db"
    assert below.origin == f"sqlite:///{main}/var/dev.db"
    assert (raw.url, raw.origin) == ("sqlite:///raw.db", f"sqlite:///{main}/raw.db")
    assert up.url == f"sqlite:///{main.parent}/up__wt_tree.db"


def test_a_worktree_may_lie_elsewhere_than_beside(main: Path) -> None:
    """What is above the main checkout is the same file then."""
    root = add(main, "up = 'sqlite:///../up.db?x=1'", name="shop/.trees/tree")
    (root / ".env").write_text("DATABASE_URL_RAW=sqlite:///../raw.db\n")
    raw, up = sorted(own(root), key=lambda each: each.name)
    assert up.origin == f"sqlite:///{main.parent}/up.db?x=1"
    assert up.url == f"sqlite:///{main.parent}/up__wt_tree.db?x=1"
    assert raw.url == f"sqlite:///{main.parent}/raw__wt_tree.db"


def test_a_link_may_lead_to_what_all_use(main: Path) -> None:
    """It is brought to each worktree; each gets a file of another name there."""
    data = main.parent / "data"
    data.mkdir()
    (main / "var").symlink_to(data)
    (database,) = own(add(main, "default = 'sqlite:///var/dev.db'"))
    assert database.place == f"{data}/dev__wt_tree.db"
    assert database.origin_place == f"{data}/dev.db"


def test_a_link_to_the_main_checkout_is_told(main: Path) -> None:
    """Somebody has made it; one to a place of the worktree's own is no such link."""
    root = add(main, "default = 'sqlite:///var/dev.db'")
    (main / "var").mkdir()
    (root / "var").symlink_to(main / "var")
    separation = load(root).environment.separation
    reason = "a link leads to that of the main checkout"
    assert (separation.own, separation.common) == ((), (("default", reason),))
    (root / "var").unlink()
    (root / "var").symlink_to(main.parent / "elsewhere")
    (database,) = own(root)
    assert database.origin == f"sqlite:///{main}/var/dev.db"
    assert database.url == f"sqlite:///{root}/var/dev.db"


def test_a_project_may_lie_below_the_top(tmp_path: Path) -> None:
    """Its place in the main checkout is the same."""
    top = tmp_path / "mono"
    write(top / "app", {"pyproject.toml": "", "Procfile.dev": PROCFILE})
    git(top, "init", "-q")
    url = f"sqlite:///{top}/dev.db"
    root = add(top / "app", f"default = '{url}', other = 'sqlite:///x.db'", name="../t")
    found = {each.name: each for each in own(tmp_path / "t" / "app")}
    assert root.resolve() == tmp_path / "t"
    assert found["default"].url == f"sqlite:///{top}/dev__wt_t.db"
    assert found["other"].origin == f"sqlite:///{top}/app/x.db"


def test_a_protected_environment_is_never_touched(main: Path) -> None:
    """Its databases are what they are."""
    root = add(main, f"default = '{SERVER}'", "protected = true")
    assert urls(root)["DATABASE_URL"] == SERVER
    assert own(root) == []


def test_production_that_a_file_alone_makes_is_never_touched(main: Path) -> None:
    """Without a table nobody has said that it is to be."""
    root = add(main)
    (root / ".env.production").write_text(f"DATABASE_URL={SERVER}\n")
    project = load_project(root, environ={}, environment="prod", is_looking=True)
    assert project.environment.values["DATABASE_URL"].text == SERVER
    assert project.environment.separation.own == ()
    with (root / "pyproject.toml").open("a") as file:
        file.write("[tool.sceneshift.environments.production]\n")
    project = load_project(root, environ={}, environment="prod", is_looking=True)
    assert len(project.environment.separation.own) == 1


def test_a_database_may_be_shared(main: Path) -> None:
    """By its name as in the configuration."""
    more = "[tool.sceneshift.worktrees]\nshare_databases = ['re-ports']\n"
    root = add(main, f"default = '{SERVER}', re-ports = '{SERVER}'", more)
    assert urls(root)["DATABASE_URL_RE_PORTS"] == SERVER
    assert urls(root)["DATABASE_URL"] == f"{SERVER}__wt_tree"
    common = load(root).environment.separation.common
    assert common == (("re_ports", "it is shared"),)


def test_one_of_another_environment_may_be_shared(main: Path) -> None:
    """It is only unknown where none has it; the nearest is said."""
    root = add(
        main,
        more="[tool.sceneshift.environments.staging]\n"
        "env = { DATABASE_URL_LOGS = '' }\n"
        "[tool.sceneshift.worktrees]\nshare_databases = ['logs', 'reports']\n",
    )
    (root / ".env.staging").write_text("DATABASE_URL_REPORTS=x\nOTHER=x\n")
    load(root)
    (root / ".env.staging").unlink()
    with pytest.raises(SceneshiftError, match=r"no environment has.*`reports`") as told:
        load(root)
    assert told.value.hint == "known: `default`, `logs`"


@pytest.mark.parametrize("file", [".env", ".env.development"])
def test_what_somebody_chose_for_a_worktree_stands(main: Path, file: str) -> None:
    """That is what an env file says otherwise than in the main checkout."""
    root = add(main)
    url = f"{SERVER}_${{NAME}}"
    for folder in (main, root):
        (folder / file).write_text(f"DATABASE_URL={url}\nNAME=a\n")
    assert urls(root)["DATABASE_URL"] == f"{SERVER}_a__wt_tree"
    (root / file).write_text(f"DATABASE_URL={url}\nNAME=b\n")
    assert urls(root)["DATABASE_URL"] == f"{SERVER}_b"
    assert own(root) == []
    (main / file).write_text("=\n")  # it is being edited
    assert urls(root)["DATABASE_URL"] == f"{SERVER}_b__wt_tree"


def test_what_a_shell_says_stands(main: Path) -> None:
    """Unless it is what the main checkout says, whose shell it may be."""
    root = add(main, f"default = '{SERVER}'")
    assert urls(root, {"DATABASE_URL": f"{SERVER}2"})["DATABASE_URL"] == f"{SERVER}2"
    again = urls(root, {"DATABASE_URL": SERVER})["DATABASE_URL"]
    assert again == f"{SERVER}__wt_tree"
    chosen = {"DATABASE_URL": "sqlite:////x.db"}
    assert urls(root, chosen)["DATABASE_URL"] == "sqlite:////x.db"


def test_a_process_within_keeps_what_it_was_given(main: Path) -> None:
    """An `inv` that a set-up step starts sees the same database."""
    root = add(main, f"default = '{SERVER}'")
    first = urls(root)
    assert urls(root, first) == first


def test_a_server_of_the_worktree_needs_no_other_names(main: Path) -> None:
    """It is one of the main checkout that they are for."""
    url = "postgresql://localhost:${REDIS_PORT}/shop"
    root = add(main, f"default = '{url}'")
    assert urls(root)["DATABASE_URL"] == "postgresql://localhost:6410/shop"
    with (root / "pyproject.toml").open("a") as file:
        file.write("[tool.sceneshift.worktrees]\nshare = ['redis']\n")
    assert urls(root)["DATABASE_URL"] == "postgresql://localhost:6400/shop__wt_tree"


def test_a_bare_repository_has_worktrees_alone(main: Path) -> None:
    """Each has its own databases; there is no file to begin as a copy of."""
    url = f"default = '{SERVER}', files = 'sqlite:///dev.db'"
    first = add(main, url)
    bare = main.parent / "shop.git"
    git(main.parent, "clone", "-q", "--bare", str(main), str(bare))
    git(bare, "worktree", "add", "-q", "-f", "../other", "tree")
    root = main.parent / "other"
    assert urls(root)["DATABASE_URL"] == f"{SERVER}__wt_other"
    assert [each.name for each in own(root)] == ["default"]
    assert len(own(first)) == 2
    (main.parent / "way").symlink_to(main.parent)
    way = main.parent / "way" / "other"
    found = resolve_environment(way, load_config(way), environ={}).separation.own
    assert [each.name for each in found] == ["default"]
    (root / "dev.db").symlink_to(main.parent / "all.db")
    files = own(root)[1]
    assert files.place == f"{main.parent}/all__wt_other.db"


def test_names_fit() -> None:
    """No two are the same, and none is too long."""
    assert name_apart("shop", "feature-x") == "shop__wt_feature-x"
    odd = [name_apart("shop", name) for name in ("a.b", "a-b", "a b", "a:b", "é")]
    assert len(set(odd)) == 5
    assert all(each.isascii() and " " not in each for each in odd)
    long = [name_apart("ü" * 40, "x" * n) for n in range(1, 40)]
    assert len(set(long)) == 39
    assert max(len(os.fsencode(each)) for each in long) <= 63


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *[(name, True) for name in ("", "localhost", "db", "/run", "a.localhost")],
        *[(name, False) for name in ("db.example.org", "10.1.2.3", "fe80::1")],
    ],
)
def test_what_is_near_is_told(host: str, expected: bool) -> None:  # noqa: FBT001
    """On this machine, or in a network of containers."""
    assert is_near(host) is expected
