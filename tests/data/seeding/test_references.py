"""References of a draft's new rows, which are looked at together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from sqlalchemy import create_engine, make_url

from sceneshift.core.errors import SceneshiftError
from sceneshift.data.seeding.child.references import find_checks

if TYPE_CHECKING:
    from postgresql import Server
    from seeding import Place

pytestmark = pytest.mark.needs("postgresql")

PETS = "CREATE TABLE pets (id int PRIMARY KEY, owner int {reference})"
DOUBLE = """
CREATE FUNCTION double() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NEW.id := NEW.id * 2; RETURN NEW; END $$
"""
FIRE = """
CREATE TRIGGER double BEFORE INSERT ON pets FOR EACH ROW EXECUTE FUNCTION double()
"""
LOAD = """
def seed(context):
    context.load("people", [{"id": 1, "email": "a@x"}, {"id": 2, "email": "b@x"}])
    context.load("pets", [{"id": n, "owner": OWNERS[n % 2]} for n in range(30_000)])
"""


def write(place: Place, reference: str, owners: str) -> None:
    """Have a table that refers to people, and a dataset for both."""
    place.run(PETS.format(reference=reference))
    place.write({"dev/1.py": LOAD.replace("OWNERS", owners)})


def fill(place: Place) -> None:
    """Fill a draft."""
    replace(place.make(), is_draft=True).run()


def test_the_server_looks_again_after_that(postgresql: Place) -> None:
    """At what is deleted, for one."""
    write(postgresql, "REFERENCES people ON DELETE CASCADE", "[1, 2]")
    postgresql.write({"dev/2.sql": "DELETE FROM people WHERE id = 1;"})
    fill(postgresql)
    assert postgresql.run("SELECT DISTINCT owner FROM pets") == [(2,)]


def test_what_refers_to_nothing_is_told_by_the_server(postgresql: Place) -> None:
    """With its constraint and its value; and all is as it was."""
    write(postgresql, "REFERENCES people", "[1, 7]")
    said = r"pets_owner_fkey.*\(owner\)=\(7\) is not present"
    with pytest.raises(SceneshiftError, match=said):
        fill(postgresql)
    assert postgresql.run("SELECT FROM people") == []


def test_a_row_may_refer_to_nothing_at_all(postgresql: Place) -> None:
    """Where the column may be empty."""
    write(postgresql, "REFERENCES people", "[1, None]")
    fill(postgresql)
    assert postgresql.run("SELECT count(owner), count(*) FROM pets") == [(15000, 30000)]


def test_a_trigger_of_ones_own_fires(postgresql: Place, server: Server) -> None:
    """Then the server looks by itself."""
    write(postgresql, "REFERENCES people", "[1, 2]")
    name = make_url(postgresql.url).database
    assert name is not None
    server.run(name, DOUBLE)
    server.run(name, FIRE)
    fill(postgresql)
    assert postgresql.run("SELECT max(id) FROM pets") == [(59_998,)]


@pytest.mark.parametrize(
    ("table", "is_looked_at"),
    [
        ("a int REFERENCES parents", True),
        ("a int, b int, FOREIGN KEY (a, b) REFERENCES pairs", True),
        ("a bigint REFERENCES parents", True),
        ("a int", False),
        ("a int REFERENCES parents DEFERRABLE", False),
        ("a int, b int, FOREIGN KEY (a, b) REFERENCES pairs MATCH FULL", False),
        ("a int REFERENCES parents, b int UNIQUE DEFERRABLE", False),
        ("a int GENERATED ALWAYS AS IDENTITY REFERENCES parents", False),
        ('a text COLLATE "C" REFERENCES words', False),
    ],
)
def test_only_plain_references_are_looked_at(
    server: Server, table: str, *, is_looked_at: bool
) -> None:
    """Of others a join may mean something else than the server does."""
    name = server.make()
    server.run(name, "CREATE TABLE parents (id int PRIMARY KEY)")
    server.run(name, "CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b))")
    server.run(name, "CREATE TABLE words (word text PRIMARY KEY)")
    server.run(name, f'CREATE TABLE "the %rows" ({table})')
    engine = create_engine(server.url(name, "psycopg"))
    with engine.connect() as connection:
        found = find_checks(connection, '"the %rows"')
        assert bool(found) is is_looked_at
        connection.exec_driver_sql("CREATE ROLE plain")
        connection.exec_driver_sql("SET ROLE plain")
        assert find_checks(connection, '"the %rows"') == []
        connection.rollback()
    engine.dispose()
