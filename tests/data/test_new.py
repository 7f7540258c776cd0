from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from migrating import READING, describe_revision, make_project
from resetting import MysqlShop, ServerShop, Shop
from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.data import drafts
from sceneshift.data import new as command
from sceneshift.data.drafts import number_next
from sceneshift.data.renaming import MARK
from sceneshift.data.revision import read_revision
from sceneshift.data.revisions import load_history
from sceneshift.data.scripts import INI, read_scripts

if TYPE_CHECKING:
    from pathlib import Path

    import mariadb
    from postgresql import Server
    from stacks import Project

MODELS = """\
from sqlalchemy import Column, Integer, MetaData, Table

metadata = MetaData()
Table("a", metadata, Column("id", Integer), Column("size", Integer))
"""
TYPED = """\
from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.types import TypeDecorator

class Size(TypeDecorator):
    impl, cache_ok = Integer, True

metadata = MetaData()
Table("a", metadata, Column("id", Integer), Column("size", Size()))
"""
COMPARING = "import models\n" + READING.replace(
    "connection=connection", "connection=connection, target_metadata=models.metadata"
)
TEMPLATE = '''\
"""${message}"""
# ours
from alembic import op
import sqlalchemy as sa
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}

def upgrade():
    ${upgrades if upgrades else "pass"}

def downgrade():
    ${downgrades if downgrades else "pass"}
'''
TWO = """
[tool.sceneshift.environments.development]
databases = { default = "sqlite:///shop.db", other = "sqlite:///other.db" }

[tool.sceneshift.databases.default]
alembic = "alembic.ini"

[tool.sceneshift.databases.other]
alembic = "alembic.ini"
"""
HOOKS = """
[post_write_hooks]
hooks = sign
sign.type = exec
sign.executable = sh
sign.options = -c 'echo "# signed" >> "$0"' REVISION_SCRIPT_FILENAME
"""
FIRST = {
    "0001": describe_revision("0001", does="op.execute('CREATE TABLE a (id INT)')")
}


def make(root: Path, url: str = "sqlite:///shop.db") -> Shop:
    """Return a project of numbered revisions, with a template of its own."""
    (root / "models.py").write_text(MODELS)
    make_project(root, FIRST, url=url, env=COMPARING)
    (root / "migrations/script.py.mako").write_text(TEMPLATE)
    with (root / "alembic.ini").open("a") as file:
        file.write("file_template = %%(rev)s-%%(slug)s\n" + HOOKS)
    return Shop.open(root)


def write(shop: Shop, message: str | None, **options: Any) -> None:
    """Write a revision."""
    request = command.NewRequest(
        root=shop.root, environ=shop.environ, message=message, **options
    )
    command.new(request)


def merge(shop: Shop, **options: Any) -> None:
    """Join the heads."""
    command.merge(command.NewRequest(root=shop.root, environ=shop.environ, **options))


def run_environment(root: Path) -> None:
    """Have Alembic run env.py for each revision."""
    path = root / "alembic.ini"
    told = path.read_text().replace("\n\n", "\nrevision_environment = true\n\n")
    path.write_text(told)


def names(shop: Shop) -> list[str]:
    """Return all that is in the folder of revisions."""
    folder = shop.root / "migrations/versions"
    return sorted(each.name for each in folder.iterdir() if each.is_file())


def test_what_models_have_is_written_by_the_projects_template(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under its names, with the next number; the database need not be there.

    What a killed one has left is gone; where there is nothing to do, that is said. What
    the types of columns come from is imported, which Alembic leaves to people.
    """
    shop = make(tmp_path)
    models = tmp_path / "models.py"
    models.write_text(MODELS.replace(', Column("size", Integer)', ""))
    left = tmp_path / "migrations/versions/.#sceneshift-0002-half.py"
    left.write_text("revision =")
    write(shop, "Nothing")
    said = capsys.readouterr()
    hint = "models and migrations agree; --empty writes one all the same\n"
    assert (said.out, said.err) == ("", hint)
    assert names(shop) == ["0001.py"]
    models.write_text(TYPED)
    write(shop, "Give it a size")
    said = capsys.readouterr()
    path = "migrations/versions/0002-give_it_a_size.py"
    assert (said.out, said.err) == (f"{path}\n", "add column a.size\n")
    text = (tmp_path / path).read_text()
    assert text.endswith("# signed\n")
    assert "# ours\nimport models\nfrom alembic import op\n" in text
    assert "op.add_column('a', sa.Column('size', models.Size()," in text
    assert not shop.file.exists()


def test_two_heads_are_joined_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And then there is nothing to join any more."""
    shop = make(tmp_path)
    run_environment(tmp_path)
    (tmp_path / "pyproject.toml").write_text(TWO)
    for one in ("0002", "0003"):
        text = describe_revision(one, "0001")
        (tmp_path / f"migrations/versions/{one}.py").write_text(text)
    with pytest.raises(SceneshiftError) as caught:
        write(shop, "Go on", is_empty=True)
    assert caught.value.message == "`default` has several heads: 0002, 0003"
    assert caught.value.hint == "make one of them: inv data.merge"
    merge(shop)
    said = capsys.readouterr()
    path = "migrations/versions/0004-join_0002_and_0003.py"
    assert (said.out, said.err) == (f"{path}\n", "0004 comes after 0002, 0003\n")
    assert read_revision(tmp_path / path).down == ("0002", "0003")
    merge(shop, as_json=True)
    (row,) = json.loads(capsys.readouterr().out)["databases"]
    assert row == {"name": "default", "found": [], "revisions": []}
    merge(shop)
    assert capsys.readouterr().err == "default: there is nothing to join\n"


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    """Two may have the same name; the first of several folders is for the first one."""
    (tmp_path / "a.py").write_text("")
    draft = tmp_path / f"{MARK}a.py"
    draft.write_text("")
    with pytest.raises(SceneshiftError, match="there is a file of this name already"):
        drafts.give_name(draft)
    make_project(tmp_path, {})
    scripts = replace(read_scripts(tmp_path, INI), versions=(tmp_path, draft))
    assert drafts.choose_folder(scripts, ()) == str(tmp_path)
    assert drafts.choose_folder(scripts, ("r1",)) is None


def test_a_branch_is_named_where_there_are_several(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its label; an empty revision needs no database, and no models."""
    shop = make(tmp_path)
    text = describe_revision("b1", None, labels=("other",))
    (tmp_path / "migrations/versions/b1.py").write_text(text)
    with pytest.raises(UsageError) as caught:
        write(shop, "Go on", is_empty=True)
    assert caught.value.hint == "name the one to go on with: --branch other"
    with pytest.raises(UsageError):
        write(shop, "Go on", is_empty=True, branch="othr")
    write(shop, "Go on", is_empty=True, branch="other", as_json=True)
    (made,) = json.loads(capsys.readouterr().out)["revisions"]
    assert made["after"] == ["b1"]
    history = load_history(read_scripts(tmp_path, INI))
    assert command.choose_head(history, "0001") == "0001"
    merge(shop)  # what is meant to be two branches stays so
    assert len(names(shop)) == 3


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["0001", "0012"], "0013"),
        (["0001", "012"], None),
        (["1", "9"], None),
        (["0001", "a1b2"], None),
        ([], None),
    ],
)
def test_ids_go_on_as_they_have_begun(
    tmp_path: Path, ids: list[str], expected: str | None
) -> None:
    """Where all are numbers of one length, and there is one left."""
    revisions = {each: describe_revision(each) for each in ids}
    make_project(tmp_path, revisions)
    assert number_next(load_history(read_scripts(tmp_path, INI))) == expected


def test_the_commands_are_there(project: Project) -> None:
    """With a project that has no revision yet."""
    make_project(project.root, {}, url="sqlite:///shop.db")
    (project.root / "migrations/script.py.mako").write_text(TEMPLATE)
    assert "there is nothing to join" in project.inv("data.merge").stderr
    assert "default: nothing looked at" in project.inv("data.lint").stderr
    done = project.inv("data.squash", "--yes", "--env", "development")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        1,
        "error: there is no revision yet",
    )
    done = project.inv("data.new", "Begin", "--empty")
    assert done.stdout.startswith("migrations/versions/"), done.stderr


def test_what_would_be_no_program_is_not_written(tmp_path: Path) -> None:
    """All commands of Alembic would fail at it."""
    shop = make(tmp_path)
    template = tmp_path / "migrations/script.py.mako"
    template.write_text(TEMPLATE.replace("def upgrade():", "def upgrade(:"))
    with pytest.raises(SceneshiftError, match=r"^0002-broken\.py would be no program"):
        write(shop, "Broken", is_empty=True)
    assert names(shop) == ["0001.py"]


def test_without_models_there_is_nothing_to_write_by(tmp_path: Path) -> None:
    """An empty one can be asked for."""
    shop = make(tmp_path)
    (tmp_path / "migrations/env.py").write_text(READING)
    with pytest.raises(SceneshiftError) as caught:
        write(shop, "Go on")
    assert caught.value.message.startswith("migrations/env.py names no models")
    assert names(shop) == ["0001.py"]


@pytest.mark.needs("postgresql")
def test_a_server_is_asked_for_a_database_aside(
    tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own is not looked into, and not migrated; a revision may be run by env.py."""
    name = server.make()
    make(tmp_path, server.url(name, "psycopg"))
    run_environment(tmp_path)
    shop = ServerShop.open_on(tmp_path, server, name)
    write(shop, "Give it a size")
    write(shop, "More", is_empty=True)
    assert capsys.readouterr().out.count(".py\n") == 2
    made = read_revision(tmp_path / "migrations/versions/0003-more.py")
    assert (made.id, made.down) == ("0003", ("0002",))
    assert shop.tables() == []
    assert server.run(name, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'") == []
    assert shop.beside("bnx") == []


def test_a_database_without_migrations_has_no_next_one(tmp_path: Path) -> None:
    """What names them is said; there is nothing to join either."""
    shop = make(tmp_path)
    (tmp_path / "alembic.ini").unlink()
    with pytest.raises(SceneshiftError, match="has no migrations"):
        write(shop, "Go on")
    merge(shop)


@pytest.mark.needs("mariadb")
def test_in_mariadb_the_models_are_compared_in_a_draft(
    tmp_path: Path, mysql: mariadb.Server
) -> None:
    """The database itself is not touched; what is ours there is no table of theirs."""
    name = mysql.make()
    make(tmp_path, mysql.url(name))
    shop = MysqlShop.open_on(tmp_path, mysql, name)
    write(shop, "Add size")
    assert names(shop) == ["0001.py", "0002-add_size.py"]
    written = (tmp_path / "migrations/versions/0002-add_size.py").read_text()
    assert "op.add_column('a', sa.Column('size', sa.Integer()" in written
    assert "drop" not in written.partition("def downgrade")[0]
    assert (shop.tables(), shop.beside()) == ([], ["snapshot"])
