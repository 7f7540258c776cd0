"""`kill -9` at every step of taking and of restoring a backup."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backing import claim
from resetting import MysqlShop, ServerShop, Shop

if TYPE_CHECKING:
    import mariadb
    from postgresql import Server

# Forks, and has the fork die in the nth line of what changes something, for each n.
KILLED = """
import json, os, signal, sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])

from backing import back_up, list_backups, open_shelf, put_back
import mariadb
from postgresql import Server
from resetting import MysqlShop, ServerShop, Shop
from sceneshift.data import undo
from sceneshift.data.sqlite import aside as aside
from sceneshift.data.mysql import driverline as myline
from sceneshift.data.postgresql import driverline as pgline
from sceneshift.data.sqlite import system as sqlite
from sceneshift.data.sqlite import copying as sqlitecopy
from sceneshift.data.backups import archive, listing, restoring, retention, shelf
from sceneshift.data.backups import sqlite as medium, taking
from sceneshift.data.target import Request
import sceneshift.data.backups.mysql
import sceneshift.data.backups.postgresql

act, step, root = sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
if sys.argv[7:]:
    server = mariadb.Server(Path(sys.argv[5]), int(sys.argv[7]))
    shop = MysqlShop.open_on(root, server, sys.argv[6])
elif sys.argv[5:]:
    shop = ServerShop.open_on(root, Server(Path(sys.argv[5])), sys.argv[6])
else:
    shop = Shop.open(root)
modules = (aside, archive, medium, restoring, retention, shelf, sqlite, sqlitecopy)
files = {each.__file__ for each in (*modules, taking, undo)}
if sys.argv[5:]:
    files = {shelf.__file__, taking.__file__, undo.__file__}

def counts(code):
    return code.co_filename in files or (
        code.co_filename in (pgline.__file__, myline.__file__)
        and code.co_name == "execute"
    )

def run(left):
    def trace(frame, event, argument):
        nonlocal left
        if not counts(frame.f_code):
            return None
        left -= event == "line"
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)
    if act == "take":
        back_up(shop)
    else:
        put_back(shop, first.id)
    os._exit(0)

request = Request(root=root, environ=shop.environ)
first = back_up(shop)
shop.run("INSERT INTO a VALUES (2)")
seen, left, status = [], 0, 1
while status:
    left += step
    pid = os.fork()
    if not pid:
        run(left)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    found = list_backups(shop)
    assert first.id in [each.id for each in found]
    assert all(each.is_whole for each in listing._look(found, None))
    rows = sorted(shop.run("SELECT id FROM a"))
    assert rows == [(1,), (2,)] or act == "restore" and rows == [(1,)], rows
    seen.append([len(found), len(rows)])
    if len(rows) == 1:  # the way back is there
        shop.undo()
    for each in found[:-1]:  # the first one is the oldest
        open_shelf(shop).remove(each)
put_back(shop, back_up(shop).id)
assert shop.run("SELECT id FROM a") == [(1,), (2,)]
left = [str(each) for each in root.glob(".sceneshift/data/*/drafts/*")]
left += [str(each) for each in root.glob(".sceneshift/data/*/snapshots/*")]
left += [each.name for each in open_shelf(shop).folder.glob(".?*")]
if sys.argv[7:]:
    left += sorted({*shop.beside()} - {"former"})
elif sys.argv[5:]:
    left += shop.beside("sbn")
print(json.dumps([seen, left]))
"""


def kill(act: str, step: int, *words: str) -> list[list[int]]:
    """Kill it at each step; return how many backups and rows there were after each."""
    tests = str(Path(__file__).parent.parent.parent)
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, tests, act, str(step), *words],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert ended.returncode == 0
    seen, left = json.loads(ended.stdout.splitlines()[-1])
    assert left == [".lock"]
    return list(seen)


@pytest.mark.parametrize(("act", "step"), [("take", 15), ("restore", 27)])
@pytest.mark.timeout(300)
def test_a_file_is_backed_up_and_restored_as_a_whole(
    tmp_path: Path, act: str, step: int
) -> None:
    """Or not at all, and the next command goes on from there."""
    shop = Shop(tmp_path)
    shop.run("CREATE TABLE a AS SELECT 1 AS id")
    seen = kill(act, step, str(tmp_path))
    assert len(seen) > 15
    at = 0 if act == "take" else 1
    assert {each[at] for each in seen} == {1, 2}


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize(("act", "step"), [("take", 40), ("restore", 110)])
@pytest.mark.timeout(300)
def test_a_server_s_is_backed_up_and_restored_as_a_whole(
    tmp_path: Path, server: Server, act: str, step: int
) -> None:
    """Or not at all, and the next command goes on from there."""
    shop = ServerShop(tmp_path, server=server)
    shop.run("CREATE TABLE a AS SELECT 1 AS id")
    claim(shop)
    seen = kill(act, step, str(tmp_path), str(server.folder), shop.name)
    assert len(seen) > 3
    at = 0 if act == "take" else 1
    assert {each[at] for each in seen} == {1, 2}


@pytest.mark.needs("mariadb")
@pytest.mark.parametrize(("act", "step"), [("take", 40), ("restore", 120)])
@pytest.mark.timeout(300)
def test_one_of_mariadb_is_backed_up_and_restored_as_a_whole(
    tmp_path: Path, mysql: mariadb.Server, act: str, step: int
) -> None:
    """Or not at all, and the next command goes on from there."""
    shop = MysqlShop(tmp_path, server=mysql)
    shop.run("CREATE TABLE a AS SELECT 1 AS id")
    claim(shop)
    words = (str(mysql.folder), shop.name, str(mysql.port))
    seen = kill(act, step, str(tmp_path), *words)
    assert len(seen) > 3
    at = 0 if act == "take" else 1
    assert {each[at] for each in seen} == {1, 2}
