"""What is no table of MariaDB and MySQL: views, triggers, events."""

# ruff: noqa: S608 - names of the tests' own

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resetting import MysqlShop
from sceneshift.data.mysql.qualifier import drop_qualifier
from sceneshift.data.mysql.system import MysqlSystem
from sceneshift.data.target import load_targets

if TYPE_CHECKING:
    from pathlib import Path

    from mariadb import Server


@pytest.mark.parametrize(
    "text",
    [
        "select `shop`.`id` AS `id` from (`shop` join `t` on(`shop`.`id` = 1))",
        "select ~`shop`.`id` AS `a`,'it''s `shop`.b' AS `s` from (~`t` join `o`)",
        "select extract(year from ~`shop`.`day`) AS `d` from `o`.`x`,~`half`(1)",
        "select ~`half`(`shop`.`id`) AS `h` from `shop`",
        "select trim(both 'x' from `shop`.`id`) AS `q` from `other`.`x` `shop`",
        "select 1 from (~`t` left join (`o`.`x` `shop` join ~`u`) on(`shop`.`a`))",
        "with c as (select nextval(~`s`) AS `n` from ~`t`)select `c`.`n` from `c`",
        "select 1 from (select `shop`.`n` from ~`t` `shop`) `shop` where `shop`.`a`",
        "select 1 from `t` where (`shop`.`n`) in (select `shop`.`n` from ~`t` `shop`)",
        "select 1 union select 2 from ~`t`",
    ],
)
def test_a_view_names_its_own_database_nowhere(text: str) -> None:
    """But a table of the same name, where it names that."""
    said = text.replace("~", "`shop`.")
    assert drop_qualifier(said, "`shop`") == text.replace("~", "")


@pytest.mark.needs("mariadb")
def test_views_come_back_where_a_table_has_the_databases_name(
    tmp_path: Path, mysql: Server
) -> None:
    """They mean what they did, also in a subquery that would mean something else."""
    shop = MysqlShop(tmp_path, "tasks", server=mysql)
    shop.reset()
    own, other = shop.name, mysql.make()
    mysql.run(other, "CREATE TABLE x (id INT)", "INSERT INTO x VALUES (1), (2)")
    views = {
        "joined": f"{own}.id FROM {own} JOIN tasks ON tasks.id = {own}.id",
        "nested": f"(SELECT sum({own}.n) FROM tasks) AS n FROM {own}",
        "far": f"{own}.id, x.id AS y FROM {own} JOIN {other}.x ON x.id = {own}.id",
        "alias": f"{own}.id FROM {other}.x AS {own} JOIN tasks",
    }
    shop.run(
        f"CREATE TABLE {own} (id INT, n INT)",
        f"INSERT INTO {own} VALUES (1, 5)",
        *(f"CREATE VIEW {name} AS SELECT {text}" for name, text in views.items()),
    )
    seen = [shop.run(f"SELECT * FROM {each} ORDER BY 1") for each in views]
    shop.reset()
    shop.undo()
    assert [shop.run(f"SELECT * FROM {each} ORDER BY 1") for each in views] == seen
    assert seen == [[(1,)], [(5,)], [(1, 1)], [(1,), (2,)]]


@pytest.mark.needs("mariadb")
def test_a_trigger_whose_database_was_typed_is_its_copys_in_a_copy(
    tmp_path: Path, mysql: Server
) -> None:
    """And those of one moment come in their order."""
    shop = MysqlShop(tmp_path, "tasks", server=mysql)
    shop.reset()
    own = shop.name
    make = "TRIGGER {0}{1} BEFORE INSERT ON {0}tasks FOR EACH ROW {2}"
    does = "SET @noted = concat(@noted, '{0}') /* ä */"
    shop.run(
        "CREATE " + make.format(f"{own}.", "noted", does.format(2)),
        "CREATE " + make.format("", "first", f"PRECEDES noted {does.format(1)}"),
    )
    shop.run(
        f"CREATE ROLE {own}",
        f"CREATE DEFINER = {own} TRIGGER last AFTER DELETE ON tasks FOR EACH ROW DO 1",
    )
    (target,) = load_targets(shop.root, shop.environ)
    system = MysqlSystem(target)
    before = system.read_schema(None)
    draft = system.copy()
    assert system.read_schema(draft) == before
    mysql.run(
        draft.url.rpartition("/")[2], "SET @noted = ''", "INSERT INTO tasks VALUES (2)"
    )
    system.drop(draft)

    shop.reset()
    shop.undo()
    insert = ("SET @noted = ''", "INSERT INTO tasks VALUES (3)", "SELECT @noted")
    assert shop.run(*insert) == [("12",)]
    assert shop.run("SELECT id FROM tasks ORDER BY id") == [(1,), (3,)]
