from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from documents import read_document
from migrating import READING, describe_revision, make_project
from resetting import MysqlShop, ServerShop, Shop
from sceneshift.core.errors import DriftError, SceneshiftError, UsageError
from sceneshift.data.lint.command import LintRequest, lint, read_records
from sceneshift.data.lint.ignoring import find_ignored
from sceneshift.data.lint.rules import RULES, Judge
from sceneshift.data.lint.statements import Record
from sceneshift.data.sqltext import split

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import mariadb
    from postgresql import Server

FILE = "r2.py"


def judge(
    *statements: str | Record, system: str = "postgresql", is_each: bool = False
) -> list[str]:
    """Return `rule what` of what one revision runs."""
    records = [
        each if isinstance(each, Record) else Record(file=FILE, line=1, statement=each)
        for each in statements
    ]
    found = Judge(system, is_each=is_each).judge(records)
    assert all(each.why and each.instead for each in found)
    return [f"{each.rule} {each.what}" for each in found]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("CREATE INDEX i ON a (b)", "index-locks an index on a"),
        ('CREATE UNIQUE INDEX i ON ONLY "A" (b)', "index-locks an index on A"),
        ("CREATE INDEX CONCURRENTLY i ON a (b)", None),
        (
            "ALTER TABLE a ADD COLUMN b INT NOT NULL",
            "not-null-without-default adds a.b as NOT NULL",
        ),
        ("ALTER TABLE a ADD COLUMN b INT DEFAULT 1 NOT NULL", None),
        ("ALTER TABLE a ADD b BIGSERIAL NOT NULL", None),
        ("ALTER TABLE a ADD b INT", None),
        (
            "ALTER TABLE a ALTER COLUMN b SET NOT NULL",
            "set-not-null makes a.b NOT NULL",
        ),
        (
            "ALTER TABLE a ADD CONSTRAINT c FOREIGN KEY (b) REFERENCES d (e)",
            "foreign-key a foreign key of a",
        ),
        (
            "ALTER TABLE a ADD CONSTRAINT c FOREIGN KEY(b) REFERENCES d (e) NOT VALID",
            None,
        ),
        ("ALTER TABLE a ADD CHECK (b > 0)", "check-constraint a check of a"),
        ("ALTER TABLE a ADD CHECK (b > 0) NOT VALID", None),
        (
            "ALTER TABLE a ADD CONSTRAINT c UNIQUE (b)",
            "unique-constraint a unique constraint of a",
        ),
        ("ALTER TABLE a ADD CONSTRAINT c UNIQUE USING INDEX i", None),
        ("alter table only public.a\n  drop column b -- why", "drop-column drops a.b"),
        ("ALTER TABLE a DROP CONSTRAINT c", None),
        ("DROP TABLE IF EXISTS a CASCADE", "drop-table drops a"),
        ("ALTER TABLE a RENAME COLUMN b TO c", "rename-column renames a.b"),
        ("ALTER TABLE a RENAME b TO c", "rename-column renames a.b"),
        ("ALTER TABLE a RENAME CONSTRAINT b TO c", None),
        ("ALTER TABLE a RENAME TO c", "rename-table renames a"),
        ("UPDATE a SET b = 'DROP TABLE a; DROP TABLE b'", None),
        ("CREATE FUNCTION f() AS $x$ DROP TABLE a; $x$", None),
    ],
)
def test_what_locks_or_breaks_others_is_told(
    statement: str, expected: str | None
) -> None:
    """And what does not is no matter; nor is what happens to a table that is new."""
    assert judge(statement) == ([] if expected is None else [expected])
    made = ['CREATE TABLE a (b INT); CREATE TABLE "A" (b INT)']
    assert judge(*made, statement) == []
    other = Record(file="r1.py", line=1, statement=made[0])
    assert judge(other, statement) == []
    assert judge(other, statement, is_each=True) == ([expected] if expected else [])


def test_several_changes_in_one_statement_are_told_apart() -> None:
    """By the commas that are in no brackets."""
    text = "ALTER TABLE a DROP b, ADD c NUMERIC(1, 2) NOT NULL; DROP TABLE d, e"
    assert judge(text) == [
        "drop-column drops a.b",
        "not-null-without-default adds a.c as NOT NULL",
        "drop-table drops d",
        "drop-table drops e",
    ]


def test_a_table_that_was_given_another_name_stays_new() -> None:
    """Batch mode does so."""
    made = ("CREATE TABLE b (c INT)", "ALTER TABLE b RENAME TO a")
    assert judge(*made, "ALTER TABLE a DROP COLUMN c") == []


@pytest.mark.parametrize(
    ("system", "statement", "error", "rule"),
    [
        (
            "sqlite",
            None,
            "No support for ALTER of constraints in SQLite",
            "needs-batch",
        ),
        ("sqlite", "ALTER …", 'near "ALTER": syntax error', "needs-batch"),
        ("sqlite", "ALTER …", "no such table: a", "fails"),
        ("postgresql", "…", 'unsafe use of new value "x"', "enum-value"),
        (
            "postgresql",
            "DROP INDEX CONCURRENTLY i",
            "cannot run inside a transaction block",
            "concurrently-in-transaction",
        ),
        ("postgresql", "ALTER …", 'near "ALTER"', "fails"),
    ],
)
def test_what_fails_is_told_by_its_cause(
    system: str, statement: str | None, error: str, rule: str
) -> None:
    """Where the cause is one that has a rule."""
    record = Record(file=FILE, line=1, statement=statement, error=error)
    assert judge(record, system=system) == [f"{rule} {error}"]


def test_statements_are_told_apart_by_semicolons_outside_of_texts() -> None:
    """Comments are none of them."""
    text = "SELECT ';' /* ; */ ; -- ;\n SELECT  $a$ ; $a$;\n;SELECT 'it''s ; '"
    assert list(split(text)) == ["SELECT ';'", "SELECT $a$ ; $a$", "SELECT 'it''s ; '"]


SOURCE = """\
def upgrade():
    op.drop_table(  # sceneshift: ignore[drop-table, fails]
        "a",
    )
    with op.batch_alter_table("b") as batch:  # sceneshift: ignore[rewrite]
        batch.drop_column("c")
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (2, {"drop-table", "fails"}),
        (3, {"drop-table", "fails"}),
        (5, {"rewrite"}),
        (6, set()),
    ],
)
def test_a_comment_takes_rules_from_its_statement(
    line: int, expected: set[str]
) -> None:
    """On any of its lines; of a block, on its first one."""
    assert find_ignored(SOURCE, line) == expected


def test_every_rule_is_documented() -> None:
    """With the systems that it is for."""
    text = read_document("docs/reference.md")
    assert [rule for rule in RULES if f"`{rule}`" not in text] == []


def look(shop: Shop, capsys: pytest.CaptureFixture[str], **options: Any) -> Any:
    """Return what is found of the only database."""
    capsys.readouterr()
    with contextlib.suppress(DriftError):
        lint(LintRequest(root=shop.root, environ=shop.environ, as_json=True, **options))
    return json.loads(capsys.readouterr().out)["databases"][0]


def list_rules(row: Any) -> list[tuple[str, int]]:
    """Return the rules that were found, with their lines."""
    return [(each["rule"], each["line"]) for each in row["findings"]]


def write(shop: Shop, one: str, lines: Sequence[str]) -> Path:
    """Write the next revision, whose first line is the 14th of its file."""
    number = int(one[1:])
    down = f"r{number - 1}" if number > 1 else None
    path = shop.root / f"migrations/versions/{one}.py"
    path.write_text(describe_revision(one, down, does="\n    ".join(lines)))
    return path


CREATING = [
    "op.execute('CREATE TABLE a (id INTEGER PRIMARY KEY, size INTEGER)')",
    "op.execute('CREATE TABLE b (a_id INTEGER REFERENCES a ON DELETE CASCADE)')",
    "op.execute('CREATE TABLE c (id INTEGER)')",
]
ENFORCING = READING.replace(
    "    context.configure",
    '    connection.exec_driver_sql("PRAGMA foreign_keys = ON")\n'
    "    connection.commit()\n    context.configure",
)


def test_pending_migrations_are_run_on_a_draft(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Batch mode in SQLite, which takes rows with it; the database stays as it is."""
    make_project(tmp_path, {}, url="sqlite:///shop.db", env=ENFORCING)
    shop = Shop.open(tmp_path)
    write(shop, "r1", CREATING)
    shop.reset()
    assert look(shop, capsys)["revisions"] == 0
    path = write(
        shop,
        "r2",
        [
            "import sqlalchemy as sa",
            "with op.batch_alter_table('a') as batch:",
            "    batch.alter_column('size', type_=sa.String())",
            "op.execute('DROP TABLE c')",
            "op.execute('ALTER TABLE b ADD COLUMN c TEXT NOT NULL')",
            "op.get_bind().execute(sa.text('SELECT * FROM b')).all()",
            "op.create_check_constraint('c', 'b', 'a_id > 0')",
        ],
    )
    before = shop.file.read_bytes()
    row = look(shop, capsys)
    expected = [("batch-deletes-children", 15), ("not-null-without-default", 18)]
    assert list_rules(row) == [*expected, ("needs-batch", 20)]
    assert not row["is_complete"]
    assert row["unseen"] == [{"file": "migrations/versions/r2.py", "line": 19}]
    assert shop.file.read_bytes() == before
    ignored = "batch:  # sceneshift: ignore[batch-deletes-children]\n"
    path.write_text(path.read_text().replace("batch:\n", ignored))
    with pytest.raises(DriftError) as caught:
        lint(LintRequest(root=shop.root, environ=shop.environ))
    assert caught.value.message == "2 dangerous operations"
    said = capsys.readouterr()
    why, instead = RULES["not-null-without-default"]
    place = "migrations/versions/r2.py:18: not-null-without-default"
    first, _ = said.out.splitlines()
    assert first == f"{place}: adds b.c as NOT NULL: {why}; {instead}"
    assert "what comes after the one that fails is not seen" in said.err


def test_what_fails_outside_of_a_revision_is_no_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And two heads have to be joined first."""
    shop = Shop(tmp_path, "a", env="raise ValueError('mine')\n")
    request = LintRequest(root=shop.root, environ=shop.environ)
    with pytest.raises(SceneshiftError, match="mine"):
        lint(request)
    shop.run("CREATE TABLE alembic_version AS SELECT 'r1' AS version_num")
    write(shop, "r2", ["pass"])
    with pytest.raises(SceneshiftError, match="mine"):  # on the way to r1
        lint(request)
    assert [*tmp_path.glob(".sceneshift/data/*/drafts/*")] == []
    assert read_records(tmp_path / "none") == []
    for one in ("r2", "r3"):
        path = tmp_path / f"migrations/versions/{one}.py"
        path.write_text(describe_revision(one, "r1"))
    with pytest.raises(SceneshiftError) as caught:
        lint(request)
    assert caught.value.hint == "inv data.merge"
    assert capsys.readouterr().out == ""


@pytest.mark.needs("postgresql")
def test_a_server_says_what_is_written_anew(
    tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """And whether a check is there; what is refused is told, too."""
    name = server.make()
    url = server.url(name, "psycopg")
    make_project(tmp_path, {}, url=url, env=READING)
    shop = ServerShop.open_on(tmp_path, server, name)
    write(
        shop,
        "r1",
        [
            "op.execute('CREATE TABLE a (id INT, x VARCHAR(5), y INT, z INT)')",
            "op.execute('ALTER TABLE a ADD CHECK (z IS NOT NULL)')",
        ],
    )
    write(
        shop,
        "r2",
        [
            "op.execute('ALTER TABLE a ALTER COLUMN x TYPE VARCHAR(9)')",  # it does not
            "op.execute('ALTER TABLE a ALTER COLUMN y TYPE BIGINT')",
            "op.execute('ALTER TABLE a ADD COLUMN u UUID DEFAULT gen_random_uuid()')",
            "op.execute('ALTER TABLE a ADD COLUMN n TIMESTAMPTZ DEFAULT now()')",
            "op.alter_column('a', 'z', nullable=False)",
            "op.alter_column('a', 'y', nullable=False)",
            "op.create_index('i', 'a', ['y'], postgresql_concurrently=True)",
        ],
    )
    expected = [("rewrite", 15), ("rewrite", 16), ("set-not-null", 19)]
    expected.append(("concurrently-in-transaction", 20))
    for count, options in ((2, {"is_all": True}), (1, {"since": "r1"})):
        row = look(shop, capsys, **options)
        assert (list_rules(row), row["revisions"]) == (expected, count)
    with pytest.raises(UsageError, match="there is no revision `r3`"):
        look(shop, capsys, since="r3")
    assert shop.tables() == []
    assert shop.beside("bnx") == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("ALTER TABLE `a` ADD COLUMN b INTEGER NOT NULL", "empty-values adds a.b as"),
        ("ALTER TABLE a ADD b INT NOT NULL DEFAULT 1, ADD c INT NULL", None),
        ("ALTER TABLE a ADD b INT AS (c + 1) NOT NULL", None),
        ("ALTER TABLE a ADD INDEX b (c), ADD UNIQUE KEY d (c)", None),
        ("ALTER TABLE a MODIFY c BIGINT NOT NULL", "null-rows-fail makes a.c NOT NULL"),
        ("ALTER TABLE a MODIFY d BIGINT NOT NULL", None),
        ("ALTER TABLE a CHANGE `c` `e` INT NULL", "rename-column renames a.c"),
        ("ALTER TABLE a CHANGE d d INT NOT NULL", None),
        ("ALTER TABLE a RENAME COLUMN c TO e", "rename-column renames a.c"),
        ("ALTER TABLE a RENAME INDEX c TO e", None),
        ("ALTER TABLE a RENAME TO e", "rename-table renames a"),
        ("ALTER TABLE a RENAME AS e", "rename-table renames a"),
        ("RENAME TABLE `a` TO `e`", "rename-table renames a"),
        ("ALTER TABLE a DROP COLUMN c", "drop-column drops a.c"),
        ("ALTER TABLE a DROP c", "drop-column drops a.c"),
        ("ALTER TABLE a DROP FOREIGN KEY c", None),
        ("DROP TABLE a", "drop-table drops a"),
        ("CREATE INDEX i ON a (b)", None),
        ("UPDATE a SET b = 1", None),
    ],
)
def test_what_mariadb_and_mysql_do_with_a_table_is_told(
    statement: str, expected: str | None
) -> None:
    """And not what is done with one that is new."""
    record = Record(file=FILE, line=1, statement=statement, nullable=["c"])
    found = judge(record, system="mysql")
    assert len(found) == (expected is not None)
    assert (expected or "") in "".join(found)
    if not statement.startswith("RENAME"):
        made = Record(file="r1.py", line=1, statement="CREATE TABLE a (b INT)")
        assert judge(made, record, system="mysql") == []


@pytest.mark.parametrize(
    ("statements", "is_half"),
    [
        (("CREATE TABLE b (c INT)", "CREATE INDEX i ON b (c)"), False),
        (("CREATE TABLE b (c INT)", "INSERT INTO b VALUES (1)"), False),
        (("UPDATE a SET b = 1", "DELETE FROM a"), False),
        (("CREATE TABLE b (c INT)", "ALTER TABLE a ADD d INT"), True),
        (("UPDATE a SET b = 1", "CREATE INDEX i ON a (b)"), True),
        (("ALTER TABLE a ADD c INT", "UPDATE a SET c = 1", "DROP INDEX i ON a"), True),
        (("ALTER TABLE a ADD c INT, ADD d INT",), False),
    ],
)
def test_what_is_left_half_done_where_it_fails_is_told_once(
    statements: tuple[str, ...], *, is_half: bool
) -> None:
    """Of a revision that changes what was there, in steps of which one commits."""
    found = judge(*statements, system="mysql")
    said = "half-done several changes, none of which is taken back"
    assert found == ([said] if is_half else [])


@pytest.mark.needs("mariadb")
def test_mariadb_says_itself_whether_others_can_write(
    tmp_path: Path, mysql: mariadb.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """By an empty table of the same kind, of which nothing is left."""
    name = mysql.make()
    make_project(tmp_path, {}, url=mysql.url(name), env=READING)
    shop = MysqlShop.open_on(tmp_path, mysql, name)
    made = "CREATE TABLE a (id BIGINT PRIMARY KEY, x VARCHAR(5), y INT, "
    made += "z BIGINT, CONSTRAINT k FOREIGN KEY (z) REFERENCES a (id))"
    write(shop, "r1", [f"op.execute('{made}')"])
    write(
        shop,
        "r2",
        [
            "op.execute('SET @a = 1')",
            "op.execute('ALTER TABLE a DROP FOREIGN KEY k')",
            "op.execute('ALTER TABLE a MODIFY x VARCHAR(9)')",
            "op.create_index('i', 'a', ['y'])",
            "op.execute('ALTER TABLE a MODIFY y BIGINT NOT NULL')",
            "op.create_foreign_key('f', 'a', 'a', ['y'], ['id'])",
            "op.create_foreign_key('g', 'a', 'b', ['y'], ['id'])",
        ],
    )
    expected = [("half-done", 16), ("blocks-writes", 18), ("null-rows-fail", 18)]
    expected += [("blocks-writes", 19), ("blocks-writes", 20), ("fails", 20)]
    row = look(shop, capsys, since="r1")
    assert sorted(list_rules(row)) == sorted(expected)
    said = [each["what"] for each in row["findings"]]
    assert any(each.startswith("a: Cannot change column type") for each in said)
    assert (shop.tables(), shop.beside()) == ([], [])
