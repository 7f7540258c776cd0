"""`inv data.seed`, as it is typed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from migrating import INI, READING, describe_revision, make_chain
from postgresql import serving_postgresql
from support import wait_until

if TYPE_CHECKING:
    from stacks import MakeProject, Project

pytestmark = pytest.mark.usefixtures("run_warm")

TABLE = (
    "CREATE TABLE IF NOT EXISTS users (id integer PRIMARY KEY, email text UNIQUE);\n"
)
SETTINGS = """
[tool.sceneshift.environments.development]
databases = { default = "sqlite:///var/dev.db" }
dataset = "small"

[tool.sceneshift.environments.staging]
databases = { default = "sqlite:///var/staging.db" }

[tool.sceneshift.environments.production]
databases = { default = "sqlite:///var/prod.db" }
dataset = "small"
protected = true
"""
SMALL = {
    "seeds/small/1.sql": TABLE,
    "seeds/small/2_users.csv": "id,email\n1,a@x\n2,b@x\n",
}


def read(project: Project, file: str = "var/dev.db") -> list[tuple[Any, ...]]:
    """Return the users of a file."""
    with closing(sqlite3.connect(project.root / file)) as connection:
        return connection.execute("SELECT * FROM users ORDER BY id").fetchall()


@pytest.mark.cold
def test_the_dataset_of_the_environment_is_applied(make_project: MakeProject) -> None:
    """Twice is the same as once; the figures are data, the word is for people."""
    project = make_project(SMALL, settings=SETTINGS)
    done = project.inv("data.seed")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "DATABASE  TABLE  INSERTED  UPDATED  UNCHANGED",
        "default   users  2         0        0",
    ]
    assert done.stderr.startswith("done: `default` has the dataset `small`, after ")
    assert read(project) == [(1, "a@x"), (2, "b@x")]
    said = project.ask("data.seed")
    took = said["databases"][0].pop("duration_s")
    assert took > 0
    assert said == {
        "environment": "development",
        "outcome": "seeded",
        "databases": [
            {
                "name": "default",
                "datasets": [
                    {
                        "name": "small",
                        "files": ["seeds/small/1.sql", "seeds/small/2_users.csv"],
                    }
                ],
                "tables": [
                    {"name": "users", "inserted": 0, "updated": 0, "unchanged": 2}
                ],
                "undo": None,
                "paused": [],
            }
        ],
    }
    left = {each.suffix for each in (project.root / ".sceneshift/data").iterdir()}
    assert left == {".lock", ".log", ""}
    drafts = (project.root / ".sceneshift/data").glob("default-*/drafts/*")
    assert list(drafts) == []


def test_a_dry_run_says_what_would_be_done(make_project: MakeProject) -> None:
    """And touches nothing."""
    project = make_project(SMALL, settings=SETTINGS)
    done = project.inv("data.seed", "--dry-run")
    assert done.stdout.splitlines() == [
        "DATABASE  DATASET  FILE",
        "default   small    seeds/small/1.sql",
        "default   small    seeds/small/2_users.csv",
    ]
    said = project.ask(
        "data.seed", "--dry-run", "--env", "staging", "--dataset", "small"
    )
    assert (said["environment"], said["outcome"]) == ("staging", "planned")
    assert said["databases"][0]["duration_s"] is None
    assert not (project.root / "var").exists()
    assert not (project.root / ".sceneshift").exists()


@pytest.mark.parametrize(
    ("words", "code", "message", "hint"),
    [
        (("--env", "prod"), 4, "`production` is protected: nothing is", "seed another"),
        (("--env", "staging"), 2, "no dataset is named for `staging`: `base`", "name"),
        (
            ("--dataset", "smaller"),
            2,
            "there is no dataset `smaller`",
            "did you mean `sm",
        ),
        (("--database", "x"), 2, "there is no database `x`", "known: `default`"),
        (("--env", "x"), 2, "there is no environment `x`", "known: "),
        (("--dataset", "mine"), 4, "the dataset `base` is not for", "take"),
        (
            ("--dataset", "odd"),
            2,
            (
                "seeds/odd/dataset.toml: `environments`: there is no "
                "environment `stagin`"
            ),
            "did you mean `staging`?",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    make_project: MakeProject,
    words: tuple[str, ...],
    code: int,
    message: str,
    hint: str,
) -> None:
    """With what to do, and before anything is touched."""
    more = {
        "seeds/mine/dataset.toml": "needs = ['base']",
        "seeds/base/dataset.toml": "environments = ['staging', 'else']",
        "seeds/odd/dataset.toml": "environments = ['stagin']",
    }
    project = make_project({**SMALL, **more}, settings=SETTINGS)
    said = project.refuse("data.seed", *words, code=code).splitlines()
    assert said[0].startswith(f"error: {message}")
    assert said[1].startswith(f"hint: {hint}")
    assert not (project.root / "var").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            "[tool.sceneshift.databases.default]\nseeds = 'gone'\n",
            (
                "pyproject.toml: `tool.sceneshift.databases.default.seeds`: there is "
                "no folder `gone`"
            ),
        ),
        (
            "[tool.sceneshift.environments.development]\ndataset = 'smaller'\n",
            (
                "pyproject.toml: `tool.sceneshift.environments.development.dataset`: "
                "there is no dataset `smaller`"
            ),
        ),
        (
            "[tool.sceneshift.environments.development]\ndataset = 3\n",
            "pyproject.toml: `tool.sceneshift.environments.development.dataset`: ",
        ),
    ],
)
def test_settings_that_lead_nowhere_are_said(
    make_project: MakeProject, settings: str, message: str
) -> None:
    """With the key."""
    project = make_project(
        {**SMALL, ".env": "DATABASE_URL=sqlite:///dev.db"}, settings=settings
    )
    assert project.refuse("data.seed", code=2).startswith(f"error: {message}")


def test_without_any_folder_it_is_said_where_one_would_be(
    make_project: MakeProject,
) -> None:
    """As a first step."""
    project = make_project({".env": "DATABASE_URL=sqlite:///dev.db"})
    said = project.refuse("data.seed", "--dataset", "small", code=2)
    assert said.startswith("error: no database has datasets\nhint: make a folder")
    assert "there is none yet" in project.refuse("data.seed", code=2)


def test_each_database_has_its_own_folder(make_project: MakeProject) -> None:
    """Those that have the dataset are filled, unless one is named."""
    settings = "[tool.sceneshift.databases]\ndefault.seeds = 'a'\nreports.seeds = 'b'\n"
    urls = "DATABASE_URL=sqlite:///a.db\nDATABASE_URL_REPORTS=sqlite:///b.db\n"
    urls += "DATABASE_URL_OTHER=sqlite:///c.db\n"
    files = {name.replace("seeds", top): x for name, x in SMALL.items() for top in "ab"}
    files["b/own/1.sql"] = TABLE
    project = make_project({".env": urls, **files}, settings=settings)
    said = project.ask("data.seed", "--dataset", "small", "--dry-run")
    assert [each["name"] for each in said["databases"]] == ["default", "reports"]
    said = project.ask("data.seed", "--dataset", "own")
    assert [each["name"] for each in said["databases"]] == ["reports"]
    assert not (project.root / "a.db").exists()
    words = ("data.seed", "--dataset", "small", "--database")
    assert project.ask(*words, "default")["databases"][0]["name"] == "default"
    said = project.refuse(*words, "other", code=2)
    assert said.startswith("error: the database `other` has no datasets\nhint: say")


def test_pending_migrations_come_first(make_project: MakeProject) -> None:
    """Rows are for the tables that the code has; the folder is Alembic's."""
    chain = make_chain("op.execute('CREATE TABLE users (id integer PRIMARY KEY)')")
    files = {f"migrations/versions/{name}.py": text for name, text in chain.items()}
    files |= {"alembic.ini": INI + "prepend_sys_path = lib\n"}
    files |= {"migrations/env.py": READING, "lib/names.py": "FIRST = 1"}
    program = "from names import FIRST\ndef seed(context):\n"
    program += "    context.load('users', [{'id': FIRST}])\n"
    files |= {"seeds/small/x.py": program, "var/.keep": ""}
    project = make_project(files, settings=SETTINGS)
    said = project.refuse("data.seed", code=3).splitlines()
    assert said == [
        "error: `default` lacks migrations: r1 Do r1",
        "hint: apply them: inv data.migrate --env development",
    ]
    done = project.inv("data.migrate", "--env", "development")
    assert done.returncode == 0, done.stderr
    assert project.ask("data.seed")["databases"][0]["tables"][0]["inserted"] == 1
    assert read(project) == [(1,)]
    fork = describe_revision("f", "r1"), describe_revision("g", "r1")
    for name, text in zip("fg", fork, strict=True):
        (project.root / f"migrations/versions/{name}.py").write_text(text)
    assert "cannot be seeded" in project.refuse("data.seed", code=3)


def test_a_failure_leaves_the_old_data(make_project: MakeProject) -> None:
    """All of it, also for whoever has the file open; one line says why."""
    project = make_project(SMALL, settings=SETTINGS)
    project.ask("data.seed")
    bad = "id,email\n1,new@x\n3,c@x\n4,c@x\n"
    project.write({"seeds/small/2_users.csv": bad})
    said = project.refuse("data.seed", code=1).splitlines()
    assert said == [
        (
            "error: `default` is as it was: the dataset `small` failed: "
            "seeds/small/2_users.csv:4: two rows of `users` have the same key: "
            "(email)=(c@x)"
        ),
        "hint: mend it; all that it said: cat .sceneshift/data/seeding-default.log",
    ]
    assert read(project) == [(1, "a@x"), (2, "b@x")]
    log = project.root / ".sceneshift/data/seeding-default.log"
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0 or (
        log.parents[1].stat().st_mode & 0o077 == 0
    )


WAITS = """
import pathlib, time
def seed(context):
    context.load("users", [{"id": n, "email": f"{n}@x"} for n in range(9, 5000)])
    pathlib.Path("started").touch()
    time.sleep(60)
"""


@pytest.mark.cold
@pytest.mark.parametrize(
    "system", ["sqlite", pytest.param("server", marks=pytest.mark.needs("postgresql"))]
)
def test_killed_in_the_middle_the_old_data_is_complete(
    make_project: MakeProject, system: str
) -> None:
    """And the next one finds nothing in its way."""
    if system == "sqlite":
        project = make_project(SMALL, settings=SETTINGS)
        kill_and_look(project)
        assert read(project) == [(1, "a@x"), (2, "b@x")]
        return
    with serving_postgresql() as server:
        name = server.make()
        settings = SETTINGS.replace("sqlite:///var/dev.db", server.url(name))
        project = make_project(SMALL, settings=settings)
        kill_and_look(project)
        found = server.run(name, "SELECT id FROM users ORDER BY id")
        assert found == [(1,), (2,)]


def kill_and_look(project: Project) -> None:
    """Seed, kill a second time of it in the middle, and seed again."""
    project.ask("data.seed")
    project.write({"seeds/small/3.py": WAITS})
    stack = project.start_command("data.seed")
    wait_until((project.root / "started").exists)
    stack.process.kill()
    stack.process.wait()
    (project.root / "seeds/small/3.py").unlink()
    said = project.ask("data.seed")
    assert said["databases"][0]["tables"] == [
        {"name": "users", "inserted": 0, "updated": 0, "unchanged": 2}
    ]


def test_two_at_once_follow_each_other(make_project: MakeProject) -> None:
    """The second finds all of it there."""
    project = make_project(SMALL, settings=SETTINGS)
    stacks = [project.start_command("data.seed", "--json") for _ in range(3)]
    for stack in stacks:
        assert stack.process.wait(60) == 0, stack.output
    texts = [stack.output.partition("{")[2] for stack in stacks]
    found = [json.JSONDecoder().raw_decode("{" + text)[0] for text in texts]
    tables = [each["databases"][0]["tables"][0] for each in found]
    assert sorted(each["inserted"] for each in tables) == [0, 0, 2]


def test_what_takes_longer_is_told(make_project: MakeProject) -> None:
    """A line for each file, once a second has gone."""
    slow = "import time\ndef seed(context): time.sleep(1.2)\n"
    project = make_project({**SMALL, "seeds/small/0.py": slow}, settings=SETTINGS)
    said = project.inv("data.seed").stderr.splitlines()
    assert [line.partition(": ")[2] for line in said[:-2]] == [
        "seeds/small/1.sql",
        "seeds/small/2_users.csv",
        "checking references",
    ]


def test_it_can_be_taken_back(make_project: MakeProject) -> None:
    """What changed nothing is no change that could be."""
    project = make_project(SMALL, settings=SETTINGS)
    first = project.ask("data.seed")["databases"][0]["undo"]
    assert first
    project.write({"seeds/small/2_users.csv": "id,email\n3,new@x\n"})
    done = project.inv("data.seed")
    assert done.stderr.endswith("take it back: inv data.undo\n")
    assert project.ask("data.seed")["databases"][0]["undo"] is None
    assert read(project) == [(1, "a@x"), (2, "b@x"), (3, "new@x")]
    done = project.inv("data.undo", "--yes", "--env", "development")
    assert done.returncode == 0, done.stderr
    assert read(project) == [(1, "a@x"), (2, "b@x")]
    undone = project.ask("data.status")["databases"][0]["undo"]
    assert [each["change"] for each in undone] == ["dataset small"]
