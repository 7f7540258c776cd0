from __future__ import annotations

import pytest

from sceneshift.data.seeding.child.sql import find_end, split_statements

TRIGGER = "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT 2; END;\nSELECT 3"


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("", []),
        (" \n-- a; b\n/* c; */ ;;", []),
        ("SELECT 1;\n  SELECT 2  \n", [(1, "SELECT 1"), (2, "SELECT 2")]),
        ("SELECT 'a;''b';SELECT \";\"", [(1, "SELECT 'a;''b'"), (1, 'SELECT ";"')]),
        (
            r"SELECT E'\';', e';';SELECT ':a%'",
            [(1, r"SELECT E'\';', e';'"), (1, "SELECT ':a%'")],
        ),
        (r"SELECT date'\';SELECT 1", [(1, r"SELECT date'\'"), (1, "SELECT 1")]),
        (
            "DO $$ a; b $$;\nDO $x$ ; $$ ; $x$",
            [(1, "DO $$ a; b $$"), (2, "DO $x$ ; $$ ; $x$")],
        ),
        ("SELECT a$b;SELECT $1;", [(1, "SELECT a$b"), (1, "SELECT $1")]),
        ("-- x\n\nSELECT 1 -- ;\n, 2;", [(3, "SELECT 1 -- ;\n, 2")]),
    ],
)
def test_statements_end_where_their_semicolon_is(
    text: str, statements: list[tuple[int, str]]
) -> None:
    """Not where one is in a text, a name or a comment."""
    assert list(split_statements(text)) == statements


def test_a_backslash_escapes_in_mysql() -> None:
    """And `#` begins a comment; a backslash is itself elsewhere."""
    first = r"""SELECT 'it\';', "\";" # a; b"""
    text = f"{first}\n;SELECT 1 -- ;\n;SELECT 5--1"
    found = [each.text for each in split_statements(text, "mysql")]
    assert found == [first, "SELECT 1 -- ;", "SELECT 5--1"]


def test_a_comment_of_mysql_hides_no_statement() -> None:
    """What begins behind it is what is looked at."""
    text = "# x\n-- y\nCOMMIT;\n#z"
    assert list(split_statements(text, "mysql")) == [(3, "COMMIT")]
    assert [each.text for each in split_statements(text)] == ["# x\n-- y\nCOMMIT", "#z"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("alter table a AUTO_INCREMENT = 5", "ALTER"),
        ("CREATE TABLE IF NOT EXISTS a (id INT)", "CREATE"),
        ("CREATE OR REPLACE VIEW a AS SELECT 1", "CREATE"),
        ("ANALYZE NO_WRITE_TO_BINLOG TABLE a", "ANALYZE"),
        ("ANALYZE SELECT 1", None),
        ("CREATE TEMPORARY TABLE a (id INT)", None),
        ("CREATE OR REPLACE TEMPORARY TABLE a (id INT)", None),
        ("DROP TEMPORARY TABLE a", None),
        ("INSERT INTO a VALUES ('drop')", None),
    ],
)
def test_mysql_commits_for_many_statements(text: str, word: str | None) -> None:
    """Temporary tables are no reason."""
    assert find_end(text) == word


def test_a_trigger_of_sqlite_has_statements_of_its_own() -> None:
    """It says itself where they end."""
    found = list(split_statements(TRIGGER, "sqlite"))
    assert [each.line for each in found] == [1, 2]
    assert found[0].text.endswith("END")
