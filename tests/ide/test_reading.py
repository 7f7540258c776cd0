from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from editing import make_project, read
from sceneshift.core.errors import ConfigError
from sceneshift.ide.model import Database, Kind, Tests
from sceneshift.ide.suite import find_tests

if TYPE_CHECKING:
    from pathlib import Path

TABLES = """
[project]
name = "shop"
[tool.sceneshift.environments.development]
ports = { web = 8000, ui = "auto" }
databases = { default = "sqlite:///a.db", reports = "sqlite:///b.db" }
dataset = "small"
[tool.sceneshift.environments.staging]
ports = { web = 8100 }
[tool.sceneshift.environments.production]
[tool.sceneshift.processes.web]
open = "/docs"
[tool.sceneshift.databases.reports]
alembic = "reports.ini"
seeds = "data"
"""
PROJECT = {
    "pyproject.toml": TABLES,
    "Procfile": "web: uvicorn shop:app\njobs: python jobs.py\nui: npx vite",
    "data/small/a.csv": "",
    "data/_hidden/a.csv": "",
}


def test_a_project_is_read_in_all_its_environments(tmp_path: Path) -> None:
    """Each process by its kind, with the ports that the files say."""
    model = read(make_project(tmp_path, PROJECT), ["lint", "test.all"])
    development, staging, production = model.environments
    web, jobs, page = development.processes
    assert (web.kind, web.port, web.debug_port) == (Kind.UVICORN, 8000, 5678)
    assert web.url == "http://127.0.0.1:8000/docs"
    assert (jobs.kind, jobs.port, jobs.url) == (Kind.PYTHON, None, None)
    assert (page.kind, page.port, page.is_page) == (Kind.VITE, None, True)
    assert staging.processes[0].port == 8100
    assert staging.processes[2].url == "http://localhost:5200/"
    assert development.is_development
    assert [each.is_guarded for each in model.environments] == [False, False, True]
    assert production.aliases == ("prod",)
    assert development.databases == (
        Database(name="reports", has_migrations=True, system="sqlite"),
        Database(name="default", system="sqlite"),
    )
    assert [each.system for each in staging.databases] == [None, None]
    assert model.databases == development.databases
    assert (model.name, model.datasets) == ("shop", ("small",))
    assert (model.commands.test, model.commands.quality) == ("test.all", "lint")
    assert model.commands.own == ("lint", "test.all")
    assert model.virtual_environment == ".venv"


def test_what_a_shell_has_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is generated is committed, and the same for all who generate it."""
    make_project(tmp_path, PROJECT)
    before = read(tmp_path)
    for name, value in {
        "PATH": str(tmp_path),
        "PORT": "9",
        "PROCFILE": "x",
        "SCENESHIFT_ENV": "x",
        "DATABASE_URL": "y",
    }.items():
        monkeypatch.setenv(name, value)
    assert read(tmp_path) == before


def test_what_one_machine_has_changes_nothing(tmp_path: Path) -> None:
    """Env files are nobody else's, until git tracks them."""
    root = make_project(tmp_path, PROJECT)
    before = read(root)
    own = {
        ".env": 'BASE=7777\nPORT="${BASE}"\nPROCFILE=Procfile.me\n'
        "DATABASE_URL_MINE=sqlite:///c.db",
        ".env.qa": "",
        "Procfile.me": "mine: python mine.py",
        ".venv/bin/python": "",
    }
    make_project(root, own)
    assert read(root) == before
    subprocess.run(["git", "-C", str(root), "init", "-q"], check=True)
    subprocess.run(["git", "-C", str(root), "add", ".env.qa"], check=True)
    names = [each.name for each in read(root).environments]
    assert names == [*(each.name for each in before.environments), "qa"]


@pytest.mark.parametrize(
    ("env", "port"),
    [
        ('PORT = "${BASE}"', None),
        ('PORT = "${HOME}"', None),
        ('PORT = "${BASE:-7000}"', 7000),
        ('PORT = "${OTHER}", OTHER = 7100', 7100),
    ],
)
def test_a_port_that_one_machine_tells_is_in_no_file(
    tmp_path: Path, env: str, port: int | None
) -> None:
    """Be it of an env file or of a shell; what is written as a number stays."""
    table = "[tool.sceneshift.environments.development]\nports = { ui = 8000 }\n"
    files = {
        "Procfile": "web: uvicorn shop:app\nui: npx vite",
        "pyproject.toml": f"{table}env = {{ {env} }}",
        ".env": "BASE=7777",
    }
    web, page = read(make_project(tmp_path, files)).environments[0].processes
    assert (web.port, page.port) == (port, 8000)
    assert web.url == (None if port is None else f"http://127.0.0.1:{port}/")


def test_what_the_configuration_names_is_there_without_a_file(tmp_path: Path) -> None:
    """Else who has no such file would take its entries away."""
    toml = """
        [tool.sceneshift]
        default_environment = "qa"
        [tool.sceneshift.ide]
        virtual_environment = ""
        [tool.sceneshift.databases.mine]
    """
    model = read(make_project(tmp_path, {"pyproject.toml": toml}))
    assert [each.name for each in model.environments] == ["development", "qa"]
    assert [each.is_development for each in model.environments] == [False, True]
    assert model.virtual_environment is None


def test_a_worktree_has_the_ports_of_the_main_checkout(tmp_path: Path) -> None:
    """Its files are those that git brings."""
    main = make_project(tmp_path / "main", PROJECT)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example", "-C", str(main)]
    for words in ("init -q", "add .", "commit -qm one", "worktree add -q ../other"):
        subprocess.run([*git, *words.split()], check=True)
    assert read(tmp_path / "other").environments == read(main).environments


def test_two_processes_cannot_have_one_debug_port(tmp_path: Path) -> None:
    """An entry would attach to either of them."""
    debug = "\n[tool.sceneshift.environments.qa]\ndebug_ports = { web = 1, jobs = 1 }"
    make_project(tmp_path, {**PROJECT, "pyproject.toml": TABLES + debug})
    with pytest.raises(ConfigError, match="port 1 is already that of `web`"):
        read(tmp_path)


def test_a_debug_port_is_that_of_a_process(tmp_path: Path) -> None:
    """Else a name that is misspelled would say nothing."""
    debug = "\n[tool.sceneshift.environments.qa]\ndebug_ports = { wbe = 1 }"
    make_project(tmp_path, {**PROJECT, "pyproject.toml": TABLES + debug})
    with pytest.raises(
        ConfigError, match=r"qa\.debug_ports\.wbe`: .* nearest is `web`"
    ):
        read(tmp_path)


@pytest.mark.parametrize("count", [8, 60])
def test_no_debug_port_is_that_of_anything_else(tmp_path: Path, count: int) -> None:
    """Of another environment, or of a process: two stacks run during a switch."""
    lines = [f"p{number}: python work.py {number}\n" for number in range(count)]
    tables = "[tool.sceneshift.environments.{}]\nports = {{ p0 = {} }}\n"
    toml = tables.format("qa", 5683) + tables.format("staging", 5703)
    files = {"Procfile": "".join(lines), "pyproject.toml": toml}
    environments = read(make_project(tmp_path, files)).environments
    assert [each.name for each in environments] == ["development", "qa", "staging"]
    processes = [each for environment in environments for each in environment.processes]
    ports = [each.debug_port for each in processes]
    assert ports[:6] == [5678, 5679, 5680, 5681, 5682, 5684]
    servers = {5683, 5703, *range(5000, 5000 + 100 * count, 100)}
    assert len(set(ports)) == 3 * count
    assert servers.isdisjoint(ports)


@pytest.mark.parametrize(
    ("files", "places"),
    [
        ({"package.json": "{}", "ui/package.json": "{}"}, (".",)),
        ({"ui/package.json": '{"scripts": {"dev": "vite"}}'}, ("ui",)),
        ({}, ()),
    ],
)
def test_scripts_are_offered_where_a_package_is(
    tmp_path: Path, files: dict[str, str], places: tuple[str, ...]
) -> None:
    """At the top, or else where the pages are; none is made."""
    make_project(tmp_path, {"Procfile": "ui: npm --prefix ui run dev", **files})
    assert read(tmp_path).packages == places


@pytest.mark.parametrize(
    ("command", "config", "host"),
    [
        ("npx vite", "", "localhost"),
        ("npx vite", "server: { host: '127.0.0.1' }", "127.0.0.1"),
        ("npx vite", 'proxy: { "/api": "http://127.0.0.1:8000" }', "localhost"),
        ("npx vite --host 127.0.0.1", "", "127.0.0.1"),
        ("npx vite --host=127.0.0.1", "", "127.0.0.1"),
        ("API=http://127.0.0.1:8000 npx vite", "", "localhost"),
    ],
)
def test_a_page_is_opened_by_the_name_that_it_listens_at(
    tmp_path: Path, command: str, config: str, host: str
) -> None:
    """Vite takes `localhost` where nothing else is said, which may be ::1 alone."""
    files = {
        "Procfile": f"ui: {command} --port $PORT",
        "vite.config.ts": f"export default {{ {config} }}",
    }
    page = read(make_project(tmp_path, files)).environments[0].processes[0]
    assert page.url == f"http://{host}:5000/"


@pytest.mark.parametrize(
    ("files", "tests"),
    [
        ({}, None),
        ({"tests/a.py": ""}, None),
        ({"test/unit/test_a.py": ""}, Tests()),
        ({"conftest.py": ""}, Tests()),
        ({"pytest.ini": ""}, Tests()),
        (
            {"pytest.ini": "[pytest]\naddopts = -x --cov"},
            Tests(arguments=("--no-cov",)),
        ),
        ({"tox.ini": "[tox]"}, None),
        ({"tox.ini": "[pytest]\naddopts = -n4"}, Tests(arguments=("-n", "0"))),
        ({"setup.cfg": "[tool:pytest]\naddopts = '"}, Tests()),
        ({"setup.cfg": "no section"}, None),
        ({"pyproject.toml": "[tool.pytest]\naddopts = ['-v']"}, Tests()),
        (
            {"pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--cov=a -nauto'"},
            Tests(arguments=("--no-cov", "-n", "0")),
        ),
    ],
)
def test_tests_are_known_by_pytests_own_files(
    tmp_path: Path, files: dict[str, str], tests: Tests | None
) -> None:
    """And what would keep breakpoints from being hit is turned off."""
    assert find_tests(make_project(tmp_path, files)) == tests


@pytest.mark.parametrize(
    ("default", "name"),
    [("", "development"), ("local", "qa"), ("prod", "development")],
)
def test_code_is_written_in_what_is_active_when_nobody_says_another(
    tmp_path: Path, default: str, name: str
) -> None:
    """There a server reloads by itself, and the stack starts by one key."""
    toml = f"""
        [tool.sceneshift]
        {f'default_environment = "{default}"' if default else ""}
        [tool.sceneshift.environments.qa]
        aliases = ["local"]
        [tool.sceneshift.environments.prod]
        protected = true
    """
    model = read(make_project(tmp_path, {"pyproject.toml": toml}))
    assert [each.name for each in model.environments if each.is_development] == [name]


def test_nothing_is_development_where_all_is_protected(tmp_path: Path) -> None:
    """Nobody writes code there."""
    toml = "[tool.sceneshift.environments.development]\nprotected = true"
    model = read(make_project(tmp_path, {"pyproject.toml": toml}))
    assert not any(each.is_development for each in model.environments)


def test_migrations_in_their_usual_place_make_the_one_database(tmp_path: Path) -> None:
    """Its address may be in an env file, which nobody commits."""
    model = read(make_project(tmp_path, {"alembic.ini": "[alembic]"}))
    assert model.databases == (Database(name="default", has_migrations=True),)


def test_a_database_is_known_by_its_address(tmp_path: Path) -> None:
    """Where the configuration has it; an env file may have those of others."""
    toml = """
        [tool.sceneshift.environments.development]
        databases = { default = "postgres+asyncpg:16", reports = "postgres://x/r" }
        [tool.sceneshift.environments.staging]
        env_files = []
        databases = { reports = "${REPORTS}" }
        [tool.sceneshift.environments.qa]
        databases = { default = "mysql+pymysql://x/s" }
    """
    model = read(make_project(tmp_path, {"pyproject.toml": toml}))
    assert [each.databases for each in model.environments] == [
        (
            Database(name="default", system="postgresql", server="postgres:16"),
            Database(name="reports", system="postgresql"),
        ),
        (Database(name="reports"),),
        (Database(name="default", system="mysql"), Database(name="reports")),
    ]
    text = toml.replace("asyncpg:16", "asyncpg:9")
    make_project(tmp_path, {"pyproject.toml": text})
    with pytest.raises(ConfigError, match=r"databases\.default`: `postgres.asyncpg:9`"):
        read(tmp_path)


def test_a_new_machine_gets_what_databases_need(tmp_path: Path) -> None:
    """Clients, and the programs of the project's own servers; not of production's."""
    tables = """
        [tool.sceneshift.environments.development]
        databases = {{ default = "postgres:{}" }}
        [tool.sceneshift.environments.staging]
        databases = {{ default = "postgresql://x/s", reports = "mariadb://x/r" }}
        [tool.sceneshift.environments.production]
        databases = {{ default = "postgres:14" }}
    """
    make_project(tmp_path, {"pyproject.toml": tables.format(16), "inv": ""})
    packages = "apt-get update && apt-get install --yes"
    assert read(tmp_path).setup == (
        f"{packages} postgresql-client mariadb-client && ./inv --list "
        "&& pip --python .venv install 'sceneshift[postgres]'"
    )
    make_project(tmp_path, {"pyproject.toml": tables.format(17)})
    assert read(tmp_path).setup == (
        f"{packages} postgresql-17 postgresql-client mariadb-client && ./inv --list"
    )


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    """In a line with its file; a folder is no configuration of Vite."""
    toml = f'[tool.sceneshift.databases.default]\nseeds = "{"a" * 300}"'
    long = make_project(tmp_path / "long", {"pyproject.toml": toml})
    with pytest.raises(ConfigError, match="a: cannot be read: File name too long"):
        read(long)
    files = {"Procfile": "ui: npx vite", "vite.config.d/a": ""}
    root = make_project(tmp_path / "vite", files)
    assert read(root).environments[0].pages
    (root / "vite.config.ts").symlink_to("/proc/self/mem")  # begins with an error
    with pytest.raises(ConfigError, match=r"vite\.config\.ts: cannot be read: "):
        read(root)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"scripts": {"dev": "vite",}}', "1:27"),
        ('{\n// mine\n"scripts": {"dev": "vite"}}', "2:1"),
        ('{"scripts": {}, "scripts": {"dev": "vite"}}', "1:17"),
        ("[]", "1:1"),
    ],
)
def test_a_package_that_does_not_say_what_runs_is_refused(
    tmp_path: Path, text: str, place: str
) -> None:
    """A guess would be another program, and the entries of the true one would go."""
    files = {
        "Procfile": "ui: npm --prefix ui run dev",
        "ui/package.json": text,
    }
    root = make_project(tmp_path, files)
    with pytest.raises(ConfigError, match=f"^ui/package.json:{place}: "):
        read(root)
    (root / "package.json").write_text('{"scripts": {"dev": "npm -C ui run dev"}}')
    (root / "Procfile").write_text("ui: npm run dev")
    with pytest.raises(ConfigError, match=f"^ui/package.json:{place}: "):
        read(root)


def test_a_byte_order_mark_is_no_part_of_a_package(tmp_path: Path) -> None:
    """Editors of Windows write it, and npm reads over it."""
    files = {
        "Procfile": "ui: npm --prefix ui run dev\njob: npm --prefix job install",
        "ui/package.json": '\ufeff{"scripts": {"dev": "vite"}}',
    }
    page, job = read(make_project(tmp_path, files)).environments[0].processes
    assert (page.kind, page.folder, page.is_page) == (Kind.VITE, "ui", True)
    assert (job.kind, job.folder) == (Kind.NODE, "job")
