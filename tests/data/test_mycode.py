"""What is no table of MariaDB and MySQL: views, triggers, events."""

# ruff: noqa: S608 - names of the tests' own

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backing import back_up, restore
from resetting import MysqlShop
from sceneshift.data.backups.mydump import put_events_to_sleep
from sceneshift.data.backups.mysql import MysqlMedium
from sceneshift.data.mysql.qualifier import drop_qualifier
from sceneshift.data.mysql.system import MysqlSystem
from sceneshift.data.target import load_targets

if TYPE_CHECKING:
    from pathlib import Path

    from mariadb import Server
    from sceneshift.core.databases import Database
    from sceneshift.data.backups.medium import Content
    from sceneshift.data.versions import VersionTable


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


@pytest.mark.needs("mariadb")
def test_no_event_runs_in_a_draft(tmp_path: Path, mysql: Server) -> None:
    """In place, it runs where it did; a migration may have another one meanwhile."""
    shop = MysqlShop(tmp_path, "tasks", server=mysql)
    shop.reset()
    odd = "COMMENT 'is ON COMPLETION PRESERVE DISABLE DO it'"
    shop.run(
        f"CREATE EVENT daily ON SCHEDULE EVERY 1 DAY ENABLE {odd} DO DELETE FROM tasks",
        "CREATE EVENT never ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM tasks",
        "CREATE EVENT other ON SCHEDULE EVERY 1 DAY DO DELETE FROM tasks",
    )
    (target,) = load_targets(shop.root, shop.environ)
    system = MysqlSystem(target)
    before = system.read_schema(None)
    draft = system.copy()
    name = draft.url.rpartition("/")[2]
    look = (
        "SELECT event_name, status FROM information_schema.events "
        "WHERE event_schema = database() ORDER BY event_name"
    )
    states = [status for _, status in mysql.run(name, look)]
    assert states == ["DISABLED"] * 3
    assert system.read_schema(draft) == before

    mysql.run(name, "DROP EVENT other", "ALTER EVENT daily DO SELECT 1")
    system.keep(draft, "a")
    marker = system.read_marker()
    assert marker is not None
    system.place("a", marker, "b")
    assert shop.run(look) == [("daily", "ENABLED"), ("never", "DISABLED")]


def test_no_event_of_a_dump_runs_before_it_is_in_place() -> None:
    """As both vendors' programs write one, whoever has defined it."""
    head = "/*!50106 CREATE*/ {}/*!50106 EVENT `a``b` ON SCHEDULE EVERY 1 DAY "
    rest = "ON COMPLETION NOT PRESERVE {} COMMENT 'DO' DO DELETE FROM log */ ;;\n"
    lines = [
        head.format(definer) + rest.format(how)
        for definer in ("/*!50117 DEFINER=`root`@`localhost`*/ ", "")
        for how in ("ENABLE", "DISABLE")
    ]
    lines.append("INSERT INTO log VALUES ('" + lines[0].strip() + "')\n")
    asleep: list[str] = []
    found = b"".join(put_events_to_sleep([each.encode() for each in lines], asleep))
    assert asleep == ["a`b", "a`b"]
    assert found.decode() == "".join([lines[1], lines[1], lines[3], lines[3], lines[4]])


@pytest.mark.needs("mariadb")
def test_an_event_of_a_backup_runs_where_it_is_put_back(
    tmp_path: Path, mysql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But not in the draft that it is loaded into."""
    shop = MysqlShop(tmp_path, "tasks", server=mysql)
    shop.reset()
    shop.run("CREATE EVENT daily ON SCHEDULE EVERY 1 DAY DO DELETE FROM tasks")
    backup = back_up(shop)
    seen: list[str] = []
    look = MysqlMedium.look

    def watch(self: MysqlMedium, draft: Database, table: VersionTable) -> Content:
        name = draft.url.rpartition("/")[2]
        seen.extend(str(row[-5]) for row in mysql.run(name, "SHOW EVENTS"))
        return look(self, draft, table)

    monkeypatch.setattr(MysqlMedium, "look", watch)
    restore(shop, backup.id)
    assert seen == ["DISABLED"]
    assert [row[-5] for row in shop.run("SHOW EVENTS")] == ["ENABLED"]
