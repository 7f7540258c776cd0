"""Values of files, in both systems."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import ComponentError
from seeding import count

if TYPE_CHECKING:
    from seeding import Place

ADA, BOB = (1, "a@x", "Ada"), (2, "b@x", "Bob")
LOOK = "SELECT id, email, name FROM people ORDER BY id"
KINDS = """
CREATE TABLE kinds (
    id integer PRIMARY KEY, flag boolean, small smallint, exact numeric(10, 2),
    rough double precision, day date, clock time, at timestamp, said text,
    must varchar(20) NOT NULL, data json, raw {raw}, mark char(32)
)
"""
HEAD = "id;flag;small;exact;rough;day;clock;at;said;must;data;raw;mark\n"
UUID = "8d6e1a5c-4f7b-4c3e-9a55-2f4f2a1c9d10"


def test_texts_of_a_csv_become_what_the_columns_are(place: Place) -> None:
    """As an application reads them; what is empty is NULL, where that may be."""
    place.run(KINDS.format(raw="blob" if place.is_file else "bytea"))
    rows = [
        "1;yes;7;1.50;0.5;2026-01-31;12:30;2026-01-31T12:30:00;é 日本 '\"\"';x;"
        '"{""a"": [1, null]}";\\xff00;' + UUID.replace("-", ""),
        "2;0;-7;2;;;;2026-01-31 12:30:00.25;;;;;",
        "3;;;;;;;;;;;;",
    ]
    place.write({"dev/kinds.csv": "\ufeff" + HEAD + "\r\n".join(rows) + "\r\n"})
    assert place.seed() == {"kinds": count(inserted=3)}
    assert place.seed() == {"kinds": count(unchanged=3)}
    first, second, third = place.run("SELECT * FROM kinds ORDER BY id")
    if place.is_file:
        assert first[1:9] == (
            *(1, 7, 1.5, 0.5, "2026-01-31", "12:30:00.000000"),
            "2026-01-31 12:30:00.000000",
            "é 日本 '\"\"'",
        )
        assert first[9:11] == ("x", '{"a": [1, null]}')
        assert second[1:8] == (0, -7, 2, None, None, None, "2026-01-31 12:30:00.250000")
    else:
        assert first[1:5] == (True, 7, Decimal("1.50"), 0.5)
        assert first[5] == date(2026, 1, 31)
        assert first[7] == datetime(2026, 1, 31, 12, 30)  # noqa: DTZ001 - without one
        assert first[8:11] == ("é 日本 '\"\"'", "x", {"a": [1, None]})
        assert second[1:3] == (False, -7)
    assert bytes(first[11]) == b"\xff\x00"
    assert first[12] == UUID.replace("-", "")
    assert third[1:9] == (None,) * 8
    assert third[9:11] == ("", None)


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_values_of_json_and_yaml_keep_their_types(place: Place, suffix: str) -> None:
    """What is missing in a row is what the database puts there."""
    place.run(KINDS.format(raw="blob" if place.is_file else "bytea"))
    rows = [
        {"id": 1, "flag": False, "exact": 1.5, "at": "2026-01-31T12:30:00", "must": ""},
        {"id": 2, "data": {"a": ["b"]}, "said": "1", "must": "é", "mark": UUID},
        {"id": 3, "data": "text", "must": "x" * 20, "day": "2026-01-31"},
    ]
    place.write({f"dev/all.{suffix}": json.dumps({"kinds": rows, "people": []})})
    if not place.is_file:
        place.run("ALTER TABLE kinds ALTER mark TYPE uuid USING mark::uuid")
    assert place.seed() == {"kinds": count(inserted=3)}
    assert place.seed() == {"kinds": count(unchanged=3)}
    look = "SELECT flag, exact, data, said, must FROM kinds ORDER BY id"
    found = place.run(look)
    assert found[0][:2] == (False, Decimal("1.5"))
    data = [row[2] for row in found[1:]]
    if place.is_file:
        data = [json.loads(each) for each in data]
    assert data == [{"a": ["b"]}, "text"]
    assert [row[4] for row in found] == ["", "é", "x" * 20]


def test_yaml_that_is_written_by_hand(place: Place) -> None:
    """Dates of its own, anchors, several tables."""
    place.write(
        {
            "dev/all.yml": "people:\n- &one {id: 1, email: a@x, name: Ada}\n"
            "- <<: *one\n  id: 2\n  email: b@x\n  name: Bob\n"
            "orders:\n- id: 1\n  person_id: 1\n  placed_at: 2026-01-31T12:30:00Z\n"
        }
    )
    assert place.seed() == {"people": count(inserted=2), "orders": count(inserted=1)}
    assert place.run(LOOK) == [ADA, BOB]
    ((at,),) = place.run("SELECT placed_at FROM orders")
    assert str(at).startswith("2026-01-31 12:30:00")
    place.write({"dev/all.yml": ""})
    assert place.seed() == {}


def test_yaml_without_its_reader_says_what_to_install(place: Place) -> None:
    """As for any component."""
    place.write({"dev/people.yaml": "- {id: 1, email: a}"})
    seeding = place.make()
    (place.root / "yaml.py").write_text("raise ImportError")
    with pytest.raises(ComponentError) as caught:
        seeding.run()
    assert caught.value.component == "pyyaml"
    assert caught.value.message == (
        "seeds/dev/people.yaml: it is YAML, and PyYAML is not installed"
    )
    assert (caught.value.hint or "").endswith("-m pip install 'pyyaml'")


def test_a_csv_may_be_of_another_dialect(place: Place) -> None:
    """What stands most often in its head is between the values."""
    for mark in ",;\t|":
        head, row = mark.join(["id", "email", "name"]), mark.join(["1", "a@x", "Ada"])
        place.write({"dev/01-people.csv": f"{head}\n{row}"})
        place.seed()
        assert place.run(LOOK) == [ADA]
    place.write({"dev/01-people.csv": ""})
    assert place.seed() == {}


def test_a_huge_value_arrives_whole(place: Place) -> None:
    """Python's own limit for a field of a CSV is 128 KiB."""
    place.run("CREATE TABLE big (id integer PRIMARY KEY, said text)")
    place.write({"dev/big.csv": f"id,said\n1,{'é' * 3_000_000}\n"})
    place.seed()
    assert place.run("SELECT length(said) FROM big") == [(3_000_000,)]
