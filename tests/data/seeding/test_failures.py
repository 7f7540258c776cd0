"""What is wrong with a dataset, and how it is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seeding import fail, program

if TYPE_CHECKING:
    from seeding import Place

LOOK = "SELECT * FROM people"
MODEL = """
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
class Base(DeclarativeBase): pass
class T(Base):
    __tablename__ = "people"
    a: Mapped[int] = mapped_column("id", primary_key=True)
"""


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "people.csv",
            "id,emial\n1,a\n",
            ":1: `people` has no column `emial`: did you",
        ),
        ("people.csv", "id,email,\n1,a,\n", ":1: a column has no name"),
        ("people.csv", "id,email,id\n1,a,1\n", ":1: the column `id` is there twice"),
        ("people.csv", "id,email\n1,a\n\n2\n", ":4: 1 values for 2 columns"),
        ("people.csv", 'id,email\n1,"a\nb"\n2,"x\n', ":4: unexpected end of data"),
        ("people.csv", b"id,email\n1,\xff\n", ":2: it is not UTF-8"),
        ("people.csv", b"id,email\n" + b"1,a\n" * 9999 + b"\xff", ":10001: it is not"),
        ("people.csv", "name\nx\n", ":1: rows of `people` have nothing that is unique"),
        ("people.csv", "id,email\n1,\n2,b\n3,a\n4,b\n", ":5: two rows of `people`"),
        ("persons.csv", "id\n1\n", ":1: there is no table `persons`: "),
        ("people.json", '[{"id": 1}\n{"id": 2}]', ":2: expected `,` or `]`"),
        ("people.json", '[{"id": 1,\n"email": }]', ":2: Expecting value"),
        (
            "people.json",
            '[{"id": 1, "email": "a"},\n3]',
            ":2: a row is to be a mapping",
        ),
        ("people.json", "3", ":1: expected `[` or `{`"),
        ("people.json", '{"people": [],\n"orders": 3}', ":2: expected `[`"),
        ("people.json", "[]\n[]", ":2: there is more behind the end"),
        ("people.json", "[{}]", ":1: a row has no values"),
        ("people.json", b'[{"id": 1, "email": "\xff"}]', ":1: it is not UTF-8"),
        (
            "people.json",
            '[{"id": 1, "email": "a"},\n{"id": 2, "email": null}]',
            ":2: `people`: ",
        ),
        ("people.yaml", "- id: 1\n  email: a\n- [1]\n", ":3: a row is to be a mapping"),
        ("people.yaml", "- id: 1\n- {1: 2}\n", ":2: a column's name is to be a text"),
        ("people.yaml", "- id: [\n", ":2: did not find expected node content"),
        ("people.yaml", "people: 3", ":1: expected a list of rows"),
        ("x.sql", "SELECT 1;\n\n-- x\nSELEKT 2;", ":4: "),
        ("x.sql", "SELECT 1;\nROLLBACK;", ":2: `ROLLBACK` in a seed: all of a dataset"),
        ("x.sql", "COPY people FROM stdin;", ":1: only psql itself knows this"),
        ("x.sql", b"\xff", ": it is not UTF-8"),
        ("x.py", "def seed(context):\n    1 / 0\n", ":2: ZeroDivisionError: division"),
        ("x.py", "def seed(context)\n", ":1: SyntaxError: expected ':'"),
        ("x.py", "\nimport gone\n", ":2: ModuleNotFoundError: No module named 'gone'"),
        ("x.py", "", ":1: there is no function `seed(context)`"),
        (
            "x.py",
            program("context.load('people', [1])"),
            ":2: a row is to be a mapping",
        ),
        (
            "x.py",
            program("context.load('people', ({'id': 1 / n} for n in (1, 0)))"),
            ":2: ZeroDivisionError: division by zero",
        ),
        (
            "x.py",
            "import models\n" + program("context.load(models.T, [{'a': 1, 'id': 2}])"),
            ":3: `people`: a column is named twice in the rows",
        ),
        ("x.py", program("context.load(1, [])"), ":2: `1` is no table"),
        ("x.py", program("context.load(int, [])"), ":2: `<class 'int'>` is no table"),
        (
            "x.py",
            program("context.load('people', [(1,)], columns=['id', 'email'])"),
            ":2: a row has 1 values for 2 columns: (1,)",
        ),
        (
            "x.py",
            program("context.load('people', [{'id': 1}], key=['email'])"),
            ":2: rows of `people` lack a part of their key: `email`",
        ),
        ("x.py", program("context.connection.commit()"), ":2: a seed may not commit"),
        (
            "x.py",
            program("context.connection.exec_driver_sql('ROLLBACK')"),
            ":2: a seed may not commit",
        ),
        (
            "x.py",
            program("context.connection.connection.cursor().execute('ROLLBACK')"),
            ": a seed has ended the transaction that all of it is",
        ),
        ("x.py", program("raise SystemExit(3)"), "SystemExit: 3"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    place: Place, name: str, text: str | bytes, said: str
) -> None:
    """In one line; nothing has changed, by what came before it either."""
    place.write({"dev/0.sql": "INSERT INTO people (id, email) VALUES (5, 'x');"})
    place.write({f"dev/{name}": text})
    (place.root / "models.py").write_text(MODEL)
    start = f"seeds/dev/{name}{said}" if said.startswith(":") else said
    assert fail(place).startswith(start)
    assert place.run(LOOK) == []


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ([f"{n},p{n}@x,x" for n in range(3000)] + ["4000,,x"], 3002),
        ([f"{n},p{n}@x,x" for n in range(700)] + ["x,p@x,x", "y,q@x,x"], 702),
    ],
)
def test_the_bad_row_of_many_is_found(place: Place, rows: list[str], line: int) -> None:
    """By loading ever fewer of them: a database names no line."""
    if ",,x" in rows[-1]:
        rows[-1] = "4000,p1@x,x"  # the key of another
        line = 3002
    place.write({"dev/people.csv": "id,email,name\n" + "\n".join(rows)})
    assert fail(place).startswith(f"seeds/dev/people.csv:{line}: ")


def test_a_database_without_tables_has_none_to_name(file: Place) -> None:
    """Though it says so."""
    file.run("DROP TABLE orders; DROP TABLE people")
    file.write({"dev/people.csv": "id\n1\n"})
    assert fail(file) == (
        "seeds/dev/people.csv:1: there is no table `people`: there are none"
    )


def test_a_reference_of_a_table_without_numbers_is_said(file: Place) -> None:
    """Without the values, which nothing leads to."""
    file.run(
        "CREATE TABLE odd (id integer PRIMARY KEY, p integer REFERENCES people (id)) "
        "WITHOUT ROWID"
    )
    file.write({"dev/odd.csv": "id,p\n1,7\n"})
    assert fail(file) == "a row of `odd` refers to one that `people` does not have"
