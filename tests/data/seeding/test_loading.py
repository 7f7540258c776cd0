"""What becomes of rows, in both systems."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from seeding import NOW, count, fail, program

if TYPE_CHECKING:
    from seeding import Place

PEOPLE = "id,email,name\n1,a@x,Ada\n2,b@x,Bob\n"
ADA, BOB = (1, "a@x", "Ada"), (2, "b@x", "Bob")
LOOK = "SELECT id, email, name FROM people ORDER BY id"


def test_a_second_time_changes_nothing(place: Place) -> None:
    """And says so; what somebody has changed meanwhile is put right."""
    place.write({"dev/people.csv": PEOPLE})
    assert place.seed() == {"people": count(inserted=2)}
    assert place.seed() == {"people": count(unchanged=2)}
    place.run(
        "UPDATE people SET name = 'X' WHERE id = 1; DELETE FROM people WHERE id=2"
    )
    place.run("INSERT INTO people (id, email) VALUES (9, 'own@x')")
    assert place.seed() == {"people": count(inserted=1, updated=1)}
    assert place.run(LOOK) == [ADA, BOB, (9, "own@x", None)]


def test_what_is_the_same_is_not_even_written(place: Place) -> None:
    """A trigger would be told of it."""
    place.write({"dev/people.csv": PEOPLE})
    place.seed()
    place.run("CREATE TABLE told (id integer)")
    if place.is_file:
        path = place.url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(
                "CREATE TRIGGER tell AFTER UPDATE ON people "
                "BEGIN INSERT INTO told VALUES (new.id); END"
            )
    else:
        place.run(
            "CREATE RULE tell AS ON UPDATE TO people "
            "DO ALSO INSERT INTO told VALUES (new.id)"
        )
    place.seed()
    assert place.run("SELECT * FROM told") == []


def test_rows_are_in_the_order_of_references(place: Place) -> None:
    """Whatever the files are called; to themselves and in a circle, too."""
    place.run(
        "CREATE TABLE a (id integer PRIMARY KEY, b_id integer);"
        "CREATE TABLE b (id integer PRIMARY KEY, a_id integer NOT NULL "
        "REFERENCES a (id))"
    )
    if place.is_file:
        place.run("DROP TABLE a")
        place.run(
            "CREATE TABLE a (id integer PRIMARY KEY, b_id integer REFERENCES b (id))"
        )
    else:
        place.run("ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b (id)")
    place.write(
        {
            "dev/1_orders.csv": "id,person_id,note\n1,2,x\n",
            "dev/2_people.csv": "id,email,boss_id\n1,a@x,2\n2,b@x,1\n3,c@x,\n",
            "dev/3_b.csv": "id,a_id\n1,1\n2,2\n",
            "dev/4_a.csv": "id,b_id\n1,2\n2,1\n3,\n",
        }
    )
    expected = {"people": 3, "orders": 1, "a": 3, "b": 2}
    assert place.seed() == {name: count(inserted=n) for name, n in expected.items()}
    assert place.run("SELECT id, b_id FROM a ORDER BY id") == [
        (1, 2),
        (2, 1),
        (3, None),
    ]
    assert place.seed() == {name: count(unchanged=n) for name, n in expected.items()}
    place.run("UPDATE a SET b_id = 1 WHERE id = 1")
    assert place.seed()["a"] == count(updated=1, unchanged=2)


def test_references_between_rows_with_other_columns(place: Place) -> None:
    """Of one table, in whichever order they come."""
    rows: list[dict[str, Any]] = [
        {"id": 1, "email": "a@x", "boss_id": 2},
        {"id": 2, "email": "b@x"},
        {"id": 3, "email": "c@x", "name": "C", "boss_id": 4},
        {"id": 4, "email": "d@x", "is_active": False, "boss_id": 3},
    ]
    place.write({"dev/people.json": json.dumps(rows)})
    assert place.seed() == {"people": count(inserted=4)}
    assert place.seed() == {"people": count(unchanged=4)}
    found = place.run("SELECT boss_id, is_active FROM people ORDER BY id")
    assert found == [(2, True), (None, True), (4, True), (3, False)]
    assert fail_of_double(place, rows)


def fail_of_double(place: Place, rows: list[dict[str, Any]]) -> bool:
    """Tell whether a row that comes twice is refused."""
    place.write({"dev/people.json": json.dumps([*rows, rows[0]], indent=0)})
    said = fail(place)
    assert "two rows of `people` have the same key: (email)=(a@x)" in said
    return said.startswith("seeds/dev/people.json:23: ")


def test_a_row_that_refers_to_nothing_is_refused(place: Place) -> None:
    """With what it says."""
    place.write(
        {
            "dev/orders.csv": "id,person_id\n1,1\n2,77\n3,1\n",
            "dev/people.csv": PEOPLE,
        }
    )
    said = fail(place)
    if place.is_file:
        expected = (
            "a row of `orders` refers to one that `people` does not have: "
            "person_id = 77"
        )
        assert said == expected
    else:
        assert said.startswith("seeds/dev/orders.csv:3: `orders`: insert or update on")
        assert "Key (person_id)=(77) is not present" in said
    assert place.run("SELECT * FROM orders, people") == []


def test_dates_go_with_the_days(place: Place) -> None:
    """As many as there are since the instant that they were written for."""
    place.write(
        {
            "dev/dataset.toml": "[dates]\nanchor = 2026-03-01T12:00:00Z\n"
            "columns = { orders = ['placed_at'] }",
            "dev/people.csv": PEOPLE,
            "dev/orders.csv": "id,person_id,placed_at\n1,1,2026-02-28T08:00:00\n2,1,\n",
            "dev/x.py": program("print(context.now.isoformat())"),
        }
    )
    look = "SELECT placed_at FROM orders ORDER BY id"
    place.seed()
    assert [str(row[0])[:19] for row in place.run(look)] == [
        "2026-03-08 08:00:00",
        "None",
    ]
    assert place.read_log() == "2026-03-09T12:00:00+00:00\n"
    assert place.seed(now=NOW + timedelta(hours=1))["orders"] == count(unchanged=2)
    later = place.seed(now=NOW + timedelta(days=2))
    assert later["orders"] == count(updated=1, unchanged=1)
    assert str(place.run(look)[0][0])[:10] == "2026-03-10"


def test_files_are_applied_in_order_with_what_is_needed_first(place: Place) -> None:
    """A program sees what came before it; SQL may change the schema."""
    place.write(
        {
            "base/people.csv": PEOPLE,
            "dev/dataset.toml": "needs = ['base']",
            "dev/10.sql": "-- a dump's\nBEGIN TRANSACTION;\nCREATE TABLE more (id "
            "integer PRIMARY KEY, said text DEFAULT 'a;b');\nINSERT INTO more (id) "
            "VALUES (1); /* ; */ UPDATE more SET said = '100%:x' WHERE id = 1;COMMIT;",
            "dev/20_more.csv": "id,said\n2,x\n",
            "dev/30.py": program(
                "run = context.connection.exec_driver_sql\n"
                "print(run('SELECT count(*) FROM more').scalar(), context.dataset)\n"
                "print(context.folder.name, context.environment)"
            ),
            "dev/_not.py": "1 / 0",
        }
    )
    assert place.seed() == {"people": count(inserted=2), "more": count(inserted=1)}
    assert place.read_log() == "2 dev\ndev development\n"
    found = place.run("SELECT said FROM more ORDER BY id")
    assert found == [("100%:x",), ("x",)]


MODELS = """
import enum, uuid
from datetime import datetime
from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Kind(enum.Enum):
    GOOD = "good"
    BAD = "bad"

class Base(DeclarativeBase):
    type_annotation_map = {dict: JSON}

class Thing(Base):
    __tablename__ = "things"
    __table_args__ = (UniqueConstraint("shop", "code"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    shop: Mapped[str] = mapped_column(String(9))
    number: Mapped[int] = mapped_column("code")
    kind: Mapped[Kind] = mapped_column(default=Kind.GOOD)
    mark: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4)
    data: Mapped[dict | None]
    made: Mapped[datetime | None] = mapped_column(default=func.now())
    at: Mapped[datetime | None]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("things.id"))
"""
USE = """
from models import Base, Kind, Thing
from datetime import datetime

def seed(context):
    Base.metadata.create_all(context.connection)
    rows = [
        {"shop": "a", "number": n, "data": {"n": [n]}, "at": datetime(2026, 1, n)}
        for n in (1, 2)
    ]
    rows.append({"shop": "b", "code": 1, "kind": Kind.BAD})
    print(*context.load(Thing, rows))
    print(*context.load(Thing.__table__, [("a", 3)], columns=["shop", "code"]))
    print(*context.load(Thing, []))
    thing = context.session.query(Thing).filter_by(shop="a", number=1).one()
    assert thing.kind is Kind.GOOD and thing.data == {"n": [1]} and thing.mark
    assert thing.at == datetime(2026, 1, 1)
    if context.session.query(Thing).filter_by(shop="c").count() == 0:
        context.session.add(Thing(shop="c", number=1, parent_id=thing.id))
        context.session.commit()
        context.session.add(Thing(shop="c", number=2))
        print(*context.load(Thing, [{"shop": "c", "number": 2, "kind": Kind.BAD}]))
        context.session.add(Thing(shop="c", number=3))
"""


def test_models_of_the_project_bring_their_types_and_defaults(place: Place) -> None:
    """A default is for new rows alone: an old one keeps what it has."""
    (place.root / "models.py").write_text(MODELS)
    place.write({"dev/x.py": USE})
    assert place.seed() == {"things": count(inserted=4, updated=1)}
    assert place.read_log() == "3 0 0\n1 0 0\n0 0 0\n0 1 0\n"
    look = "SELECT shop, code, kind, mark FROM things ORDER BY shop, code"
    before = place.run(look)
    assert [row[:3] for row in before] == [
        ("a", 1, "GOOD"),
        ("a", 2, "GOOD"),
        ("a", 3, "GOOD"),
        ("b", 1, "BAD"),
        ("c", 1, "GOOD"),
        ("c", 2, "BAD"),
        ("c", 3, "GOOD"),
    ]
    assert place.seed() == {"things": count(unchanged=4)}
    assert place.run(look) == before


def test_the_declared_key_is_stronger_than_a_constraint(place: Place) -> None:
    """And that of the call than the dataset's; a key may be no constraint at all."""
    place.write(
        {
            "dev/dataset.toml": "keys = { people = ['name'] }",
            "dev/people.csv": PEOPLE,
        }
    )
    place.run("INSERT INTO people (id, email, name) VALUES (1, 'old@x', 'Ada')")
    assert place.seed() == {"people": count(inserted=1, updated=1)}
    place.write(
        {
            "dev/people.csv": "id,email,name\n2,b@x,Bob\n3,c@x,Bob\n",
        }
    )
    said = fail(place)
    assert said.startswith("seeds/dev/people.csv:3: two rows of `people` have the same")
    place.write({"dev/people.csv": "id,email\n1,z@x\n"})
    assert "lack a part of their key: `name`" in fail(place)
    call = "context.load('people', [{'id': 1, 'email': 'z@x'}], key=['id'])"
    place.write({"dev/people.csv": "", "dev/x.py": program(call)})
    assert place.seed() == {"people": count(updated=1)}


def test_a_key_with_null_in_it_is_found_again(place: Place) -> None:
    """Though a database takes each NULL for another."""
    place.run("CREATE TABLE pairs (a integer, b integer, said text)")
    place.write(
        {
            "dev/dataset.toml": "keys = { pairs = ['a', 'b'] }",
            "dev/pairs.csv": "a,b,said\n1,,x\n1,2,y\n",
        }
    )
    assert place.seed() == {"pairs": count(inserted=2)}
    assert place.seed() == {"pairs": count(unchanged=2)}


def test_names_that_need_quotes_are_quoted(place: Place) -> None:
    """Of tables and columns; `%` and `:` too."""
    place.run('CREATE TABLE "Or der" ("i""d" integer PRIMARY KEY, "a%:b, c" text)')
    place.write({"dev/1_Or der.json": '[{"i\\"d": 1, "a%:b, c": "x"}]'})
    assert place.seed() == {"Or der": count(inserted=1)}
    assert place.seed() == {"Or der": count(unchanged=1)}
    place.write({"dev/1_Or der.json": '[{"i\\"d": 1, "a%:b, c": "y"}]'})
    assert place.seed() == {"Or der": count(updated=1)}


def test_a_row_more_changes_no_other(place: Place) -> None:
    """Each value is derived from what it is for."""
    body = """rows = [
    {"id": n, "email": v.email(), "name": v.name()}
    for n in range(LOW, 20)
    for v in [context.values("people", n)]
]
context.load("people", rows)"""
    place.write({"dev/x.py": program(body.replace("LOW", "5"))})
    place.seed()
    before = place.run(LOOK)
    place.write({"dev/x.py": program(body.replace("LOW", "4"))})
    assert place.seed() == {"people": count(inserted=1, unchanged=15)}
    assert place.run(LOOK)[1:] == before


def test_rows_are_read_as_they_are_needed(place: Place) -> None:
    """Never more of them are alive than some chunks have."""
    text = """
class Row(tuple):
    alive = most = 0
    def __new__(cls, values):
        cls.alive += 1
        cls.most = max(cls.most, cls.alive)
        return super().__new__(cls, values)
    def __del__(self):
        Row.alive -= 1

def seed(context):
    rows = (Row((n, f"{n}@x")) for n in range(30_000))
    print(*context.load("people", rows, columns=["id", "email"]), Row.most < 5_000)
"""
    place.write({"dev/x.py": text})
    place.seed()
    assert place.read_log() == "30000 0 0 True\n"
    place.seed()
    assert place.read_log() == "0 0 30000 True\n"


def test_a_generator_may_ask_the_database(place: Place) -> None:
    """Between any two of its rows."""
    text = """
def seed(context):
    ask = context.connection.exec_driver_sql
    def rows():
        for n in range(2_500):
            if n % 1_000 == 7:
                print(ask("SELECT count(*) > 0 FROM people").scalar())
            yield {"id": n, "email": f"{n}@x"}
    print(*context.load("people", rows()))
"""
    place.write({"dev/x.py": text})
    place.seed()
    said = place.read_log().split()
    assert [bool(int(each in {"True", "1"})) for each in said[:3]] == [
        False,
        True,
        True,
    ]
    assert said[3:] == ["2500", "0", "0"]


def test_chance_is_the_same_each_time(place: Place) -> None:
    """Of Python's own, and of the order of sets."""
    text = "import random\ndef seed(context): print(random.random(), {'a', 'b', 'c'})\n"
    place.write({"dev/x.py": text, "dev/y.py": text})
    place.seed()
    first = place.read_log()
    place.seed()
    assert place.read_log() == first
    assert len(set(first.splitlines())) == 1


def test_rows_of_a_table_may_be_in_several_files(place: Place) -> None:
    """And refer to each other."""
    place.write(
        {
            "dev/1_people.csv": "id,email,boss_id\n1,a,3\n2,b,1\n",
            "dev/2_people.json": '[{"id": 3, "email": "c", "boss_id": 1}]',
        }
    )
    assert place.seed() == {"people": count(inserted=3)}
    assert place.seed() == {"people": count(unchanged=3)}
    place.run("UPDATE people SET boss_id = NULL WHERE id = 1")
    assert place.seed() == {"people": count(updated=1, unchanged=2)}


def test_rows_may_have_very_many_shapes(place: Place) -> None:
    """They are not all kept until the end."""
    columns = [f"c{n}" for n in range(70)]
    made = ", ".join(f"{name} integer" for name in columns)
    place.run(f"CREATE TABLE wide (id integer PRIMARY KEY, {made})")
    rows = [{"id": n, name: n} for n, name in enumerate(columns)]
    place.write({"dev/wide.json": json.dumps([*rows, {"id": 99, "c3": 1}])})
    assert place.seed() == {"wide": count(inserted=71)}
    assert place.seed() == {"wide": count(unchanged=71)}


def test_an_index_of_a_part_of_the_rows_is_no_key(place: Place) -> None:
    """Nor is one of what is computed from them."""
    place.run(
        "CREATE TABLE parts (id integer PRIMARY KEY, a varchar(9), b integer);"
        "CREATE UNIQUE INDEX part ON parts (a) WHERE b = 1;"
        "CREATE UNIQUE INDEX computed ON parts (lower(a), b);"
        "CREATE INDEX plain ON parts (b)"
    )
    place.write({"dev/parts.csv": "id,a,b\n1,x,2\n2,x,3\n"})
    assert place.seed() == {"parts": count(inserted=2)}
    assert place.seed() == {"parts": count(unchanged=2)}
