"""Worktrees have databases of their own, which begin as those of the main checkout."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from postgresql import Server, serving_postgresql
from reloading import TASKS, Stack
from sceneshift.data.postgresql.copying import write_mark
from support import free_port, wait_until
from watching import git, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Keeps a connection open, as applications do, and adds a row for each request.
SERVER = """\
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

url = os.environ["DATABASE_URL"]
if url.startswith("sqlite"):
    import sqlite3
    path = url.removeprefix("sqlite:///")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    database = sqlite3.connect(path)
    database.execute("pragma journal_mode=wal")
else:
    import psycopg
    database = psycopg.connect(url)
database.execute("create table if not exists visits (place varchar(99))")
database.commit()

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        place = os.path.basename(os.getcwd())
        database.execute(f"insert into visits values ('{place}')")
        database.commit()
        rows = database.execute("select place from visits").fetchall()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(" ".join(place for (place,) in rows).encode())

    def log_message(self, *args):
        pass

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
TABLE = """\
[tool.sceneshift.environments.development]
ports = {{ web = {port} }}
databases = {{ default = "{url}" }}
[tool.sceneshift.processes.web]
health = "/"
setup = {{ run = "echo set-up of $DATABASE_URL >> steps", when = ["server.py"] }}
"""
COUNT = "import os; print(os.environ['DATABASE_URL'])"


@pytest.fixture(name="cluster", scope="module")
def run_cluster() -> Iterator[Server]:
    """Run a server."""
    with serving_postgresql() as cluster:
        yield cluster


class Shop:
    """A project with a main checkout, of which worktrees are made."""

    def __init__(self, folder: Path, url: str, more: str = "") -> None:
        self.folder = folder
        self.main = Stack(folder / "shop")
        table = TABLE.format(port=free_port(), url=url) + more
        files = {
            "server.py": SERVER,
            "pyproject.toml": table,
            "Procfile.dev": "web: python server.py\n",
            ".gitignore": "output\nsteps\nvar\n.env*\n__pycache__\n",
            "tasks.py": TASKS,
        }
        write(self.main.root, files)
        git(self.main.root, "init", "-q")
        git(self.main.root, "add", ".")
        git(self.main.root, "commit", "-q", "-m", "first")
        self._started = contextlib.ExitStack()
        self.files = files

    def add(self, name: str = "tree") -> Stack:
        """Add a worktree."""
        git(self.main.root, "worktree", "add", "-q", f"../{name}")
        return Stack(self.folder / name)

    def start(self, stack: Stack) -> Stack:
        """Run a checkout, until it is up."""
        stack.env.pop("PORT", None)
        self._started.callback(stack.close)
        stack.start(self.files)
        stack.wait_output("1 of 1 up")
        stack.port = int(stack.status("web")["port"])
        return stack

    def close(self) -> None:
        """End all."""
        self._started.close()


@pytest.fixture(name="make_shop")
def shops(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Return what makes a project; it is ended afterwards."""
    with contextlib.ExitStack() as made:

        def make(url: str, more: str = "") -> Shop:
            shop = Shop(tmp_path, url, more)
            made.callback(shop.close)
            return shop

        yield make


def databases(cluster: Server) -> set[object]:
    """Return the names of all databases."""
    query = "SELECT datname FROM pg_database WHERE datname LIKE '%\\_\\_wt\\_%'"
    return {name for (name,) in cluster.run("postgres", query)}


def test_a_file_of_a_worktree_begins_as_that_of_the_main_checkout(
    make_shop: Callable[..., Shop],
) -> None:
    """Which is being written meanwhile; from then on each has its own rows."""
    shop = make_shop("sqlite:///var/shop.db")
    main = shop.start(shop.main)
    seen = main.get()
    assert set(seen.split()) == {"shop"}
    tree = shop.start(shop.add())
    assert set(tree.get().split()) == {"shop", "tree"}
    assert set(main.get().split()) == {"shop"}
    assert f"worktree tree: database default is {tree.root}/var/shop.db" in tree.output
    assert f"is a copy of {main.root}/var/shop.db" in tree.output
    assert tree.output.index("is a copy of") < tree.output.index("set-up:")
    assert (tree.root / "steps").read_text().count("set-up of") == 1


def test_a_plan_says_what_a_start_would_begin_with(
    make_shop: Callable[..., Shop],
) -> None:
    """And makes nothing of it."""
    shop = make_shop("sqlite:///var/shop.db")
    write(shop.main.root, {".env": "A=1\n", "var/shop.db": ""})
    tree = shop.add()
    said = tree.inv("dev", "--dry-run").stderr
    assert f"a start would begin so: .env is a copy of that in {shop.main.root}" in said
    assert f"a start would make database default: {tree.root}/var/shop.db" in said
    assert not (tree.root / "var").exists()
    assert not (tree.root / ".env").exists()
    done = tree.inv(
        "env.run", "--", "python", "-c", "import os; print(os.environ['A'])"
    )
    assert done.stdout == "1\n"


def test_a_file_elsewhere_gets_another_name(
    make_shop: Callable[..., Shop], tmp_path: Path
) -> None:
    """It is dropped when that is asked for, its worktree is gone and nobody uses it."""
    shop = make_shop(f"sqlite:///{tmp_path}/data/shop.db")
    shop.start(shop.main).get()
    tree = shop.start(shop.add())
    assert "tree" in tree.get().split()
    copy = tmp_path / "data" / "shop__wt_tree.db"
    assert copy.exists()
    (told,) = json.loads(tree.inv("env.worktrees", "--json").stdout)["worktrees"][1][
        "databases"
    ]
    assert told == {
        "name": "default",
        "system": "sqlite",
        "place": str(copy),
        "is_own": True,
    }
    tree.close()
    assert "no worktree was removed" in shop.main.inv("env.worktrees", "--prune").stderr
    shutil.rmtree(tree.root)
    with closing(sqlite3.connect(copy)) as user:
        user.execute("SELECT * FROM visits").fetchone()
        kept = shop.main.inv("env.worktrees", "--prune")
        assert kept.returncode == 4
        assert "has it open" in kept.stderr
        assert copy.exists()
    planned = shop.main.inv("env.worktrees", "--prune", "--dry-run")
    assert f"drop database {copy}: {tree.root}" in planned.stdout
    assert copy.exists()
    done = shop.main.inv("env.worktrees", "--prune")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in copy.parent.glob("*__wt_*")] == []
    assert (tmp_path / "data" / "shop.db").exists()
    assert "removed" not in shop.main.inv("env.worktrees").stdout


@pytest.mark.needs("postgresql")
def test_a_database_of_a_worktree_begins_as_that_of_the_main_checkout(
    make_shop: Callable[..., Shop], cluster: Server
) -> None:
    """While the main checkout runs; it is gone when its worktree was pruned."""
    name = cluster.make()
    shop = make_shop(f"postgresql://postgres@/{name}?host={cluster.folder}")
    main = shop.start(shop.main)
    main.get()
    first = shop.start(shop.add("one"))
    second = shop.start(shop.add("two"))
    assert set(first.get().split()) == {"shop", "one"}
    assert set(second.get().split()) == {"shop", "two"}
    assert set(main.get().split()) == {"shop"}
    assert f"`{name}__wt_one` is a copy of `{name}`" in first.output
    assert databases(cluster) == {f"{name}__wt_one", f"{name}__wt_two"}
    rows = main.inv("env.worktrees").stdout.splitlines()
    assert f"{name}__wt_two" in rows[3]
    told = first.inv("env.show", "--explain").stdout
    assert f"/{name}__wt_one?" in told
    assert "worktree one" in told

    first.close()
    first.start(shop.files)
    first.wait_output("1 of 1 up")
    assert "is a copy" not in first.output  # it is there
    first.close()
    git(main.root, "worktree", "remove", "--force", "../one")
    planned = main.inv("env.worktrees", "--prune", "--dry-run", "--json")
    actions = json.loads(planned.stdout)["actions"]
    assert [each["action"] for each in actions] == ["drop", "forget"]
    assert actions[0]["place"] == f"{name}__wt_one"
    assert databases(cluster) == {f"{name}__wt_one", f"{name}__wt_two"}
    done = main.inv("env.worktrees", "--prune")
    assert f"drop database {name}__wt_one: {first.root}" in done.stdout
    assert databases(cluster) == {f"{name}__wt_two"}
    assert "two" in second.get()
    second.close()
    cluster.run("postgres", f"DROP DATABASE {name}__wt_two")


@pytest.mark.needs("postgresql")
def test_a_command_of_a_worktree_makes_what_it_needs(
    make_shop: Callable[..., Shop], cluster: Server
) -> None:
    """Where nothing ran before; its output is the command's alone."""
    name = cluster.make()
    cluster.run(name, "CREATE TABLE visits AS SELECT 'shop' AS place")
    shop = make_shop(f"postgresql://postgres@/{name}?host={cluster.folder}")
    tree = shop.add()
    done = tree.inv("env.run", "--", "python", "-c", COUNT)
    assert done.stdout.strip().endswith(f"/{name}__wt_tree?host={cluster.folder}")
    assert "is a copy of" in done.stderr
    assert cluster.run(f"{name}__wt_tree", "SELECT place FROM visits") == [("shop",)]
    again = tree.inv("env.run", "--", "python", "-c", COUNT)
    assert (again.stdout, again.stderr) == (done.stdout, "")
    cluster.run("postgres", f"DROP DATABASE {name}__wt_tree")


@pytest.mark.needs("postgresql")
def test_what_is_in_use_or_not_ours_is_kept(
    make_shop: Callable[..., Shop], cluster: Server
) -> None:
    """It is told, and the command ends as one that a guard has refused."""
    name = cluster.make()
    shop = make_shop(f"postgresql://postgres@/{name}?host={cluster.folder}")
    own = {}
    for each in ("used", "strange", "lost"):
        tree = shop.add(each)
        tree.inv("env.run", "--", "true")
        own[each] = f"{name}__wt_{each}"
        git(shop.main.root, "worktree", "remove", "--force", f"../{each}")
    cluster.run("postgres", f"COMMENT ON DATABASE {own['strange']} IS 'mine'")
    cluster.run("postgres", f"DROP DATABASE {own['lost']}")
    address = f"host={cluster.folder} user=postgres dbname={own['used']}"
    with psycopg.connect(address):
        done = shop.main.inv("env.worktrees", "--prune")
    assert done.returncode == 4
    assert f"{own['used']}: clients are connected to it: 1" in done.stderr
    assert f"{own['strange']}: it does not bear the mark" in done.stderr
    assert databases(cluster) == {own["used"], own["strange"]}
    assert own["lost"] not in shop.main.inv("env.worktrees").stdout
    mark = write_mark(str(shop.folder / "strange"))
    cluster.run("postgres", f"COMMENT ON DATABASE {own['strange']} IS '{mark}'")
    wait_until(lambda: shop.main.inv("env.worktrees", "--prune").returncode == 0)
    assert databases(cluster) == set()


@pytest.mark.needs("postgresql")
def test_what_another_clone_uses_is_kept(
    make_shop: Callable[..., Shop], cluster: Server
) -> None:
    """Its worktree has the same name, so that both came upon one database."""
    name = cluster.make()
    shop = make_shop(f"postgresql://postgres@/{name}?host={cluster.folder}")
    shop.add().inv("env.run", "--", "true")
    clone = shop.folder / "clones" / "shop"
    git(shop.folder, "clone", "-q", str(shop.main.root), str(clone))
    git(clone, "worktree", "add", "-q", "../tree")
    other = Stack(clone.parent / "tree")
    said = other.inv("env.run", "--", "true").stderr
    assert f"is there already, and is that of {shop.folder}/tree too" in said
    git(shop.main.root, "worktree", "remove", "--force", "../tree")
    kept = shop.main.inv("env.worktrees", "--prune")
    assert kept.returncode == 4
    assert f"it is that of {other.root} too" in kept.stderr
    git(clone, "worktree", "remove", "--force", "../tree")
    assert Stack(clone).inv("env.worktrees", "--prune").returncode == 0
    assert databases(cluster) == set()
    assert shop.main.inv("env.worktrees", "--prune").returncode == 0


@pytest.mark.needs("postgresql")
def test_a_worktree_that_was_moved_keeps_its_database(
    make_shop: Callable[..., Shop], cluster: Server
) -> None:
    """Its name is that of the worktree, which is the same."""
    name = cluster.make()
    shop = make_shop(f"postgresql://postgres@/{name}?host={cluster.folder}")
    shop.add().inv("env.run", "--", "true")
    git(shop.main.root, "worktree", "move", "../tree", "../moved")
    assert "no worktree was" in shop.main.inv("env.worktrees", "--prune").stderr
    assert databases(cluster) == {f"{name}__wt_tree"}
    moved = Stack(shop.folder / "moved")
    assert f"{name}__wt_tree" in moved.inv("env.show").stdout
    git(shop.main.root, "worktree", "remove", "--force", "../moved")
    assert shop.main.inv("env.worktrees", "--prune").returncode == 0
    assert databases(cluster) == set()


@pytest.mark.needs("postgresql")
def test_a_switch_makes_the_databases_of_its_target(
    make_shop: Callable[..., Shop], cluster: Server
) -> None:
    """Before the set-up of the new processes."""
    name, other = cluster.make(), cluster.make()
    cluster.run(other, "CREATE TABLE visits AS SELECT 'staging' AS place")
    url = f"postgresql://postgres@/{other}?host={cluster.folder}"
    more = "[tool.sceneshift.environments.staging]\n"
    more += f'ports = {{ web = {free_port()} }}\ndatabases = {{ default = "{url}" }}\n'
    shop = make_shop(f"postgresql://postgres@/{name}?host={cluster.folder}", more)
    tree = shop.start(shop.add())
    done = tree.inv("env.switch", "staging")
    assert done.returncode == 0, done.stderr
    assert f"`{other}__wt_tree` is a copy of `{other}`" in tree.output
    tree.port = int(tree.status("web")["port"])
    assert "staging" in tree.get().split()
    tree.close()
    for each in (name, other):
        cluster.run("postgres", f"DROP DATABASE {each}__wt_tree")


def test_a_database_that_cannot_be_made_does_not_hinder_a_start(
    make_shop: Callable[..., Shop],
) -> None:
    """It is told, with what to do; that of the main checkout is not used instead."""
    shop = make_shop("postgresql://postgres:secret@/shop?host=/nowhere")
    tree = shop.add()
    tree.env.pop("PORT", None)
    tree.start({**shop.files, "Procfile.dev": "web: sleep 300\n"})
    try:
        tree.wait_output("database default: `shop__wt_tree` is not there: postgresql")
        tree.wait_output(r'hint: .* share_databases = \["default"\]')
        assert tree.wait(lambda: tree.status("web")["pid"])
        assert "secret" not in tree.output
    finally:
        tree.close()


@pytest.mark.needs("postgresql")
def test_a_start_that_is_killed_while_it_copies_leaves_no_half(
    make_shop: Callable[..., Shop], cluster: Server
) -> None:
    """The next one makes all of it, and removes what the first has begun."""
    name = cluster.make()
    cluster.run(name, "CREATE TABLE visits AS SELECT 'shop'::varchar(99) AS place")
    shop = make_shop(f"postgresql://postgres@/{name}?host={cluster.folder}")
    tree = shop.add()
    drafts = "SELECT datname FROM pg_database WHERE datname LIKE 'sceneshift%'"
    address = f"host={cluster.folder} user=postgres dbname={name}"
    with psycopg.connect(address) as connection:
        connection.execute("LOCK TABLE visits IN ACCESS EXCLUSIVE MODE")
        tree.start(shop.files)
        tree.wait_output(f"`{name}__wt_tree` is being made from `{name}`: ")
        wait_until(lambda: cluster.run("postgres", drafts))
        os.kill(tree.supervisor, signal.SIGKILL)
        wait_until(lambda: not tree.leftovers())
        tree.wait_end()
    assert databases(cluster) == set()
    shop.start(tree)
    assert set(tree.get().split()) == {"shop", "tree"}
    assert cluster.run("postgres", drafts) == []
    tree.close()
    cluster.run("postgres", f"DROP DATABASE {name}__wt_tree")
