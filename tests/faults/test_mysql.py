"""What is cut off, at every statement, on a server of MariaDB."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from killing import fork
from mariadb import running_mariadb
from resetting import MysqlShop
from sceneshift.core.errors import BusyError, SceneshiftError
from sceneshift.data.change import change_database
from sceneshift.data.marker import Marker
from sceneshift.data.mysql import exchange as myexchange
from sceneshift.data.mysql import session as mysession
from sceneshift.data.mysql.lock import holding_lock
from sceneshift.data.mysql.system import MysqlSystem
from sceneshift.data.target import load_targets
from sceneshift.data.undo import HalfwayError
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mariadb import Running, Server

pytestmark = pytest.mark.needs("mariadb")

_QUESTIONS = ("SELECT", "SET", "SHOW")
_TABLES = (
    "CREATE TABLE tasks (id INT PRIMARY KEY)",
    "CREATE TABLE notes (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES tasks (id))",
    "CREATE TRIGGER noted AFTER INSERT ON tasks FOR EACH ROW SET @noted = {0}",
    "CREATE VIEW latest AS SELECT max(id) + {0} AS id FROM tasks",
    "INSERT INTO tasks VALUES ({0})",
    "INSERT INTO notes VALUES ({0})",
)
_LOOK = (
    "SELECT id FROM tasks",
    "SELECT id FROM notes",
    "SELECT id FROM latest",
    (
        "SELECT action_statement FROM information_schema.triggers "
        "WHERE trigger_schema = database()"
    ),
)
_OLD, _NEW = 1, 2


class Cut(BaseException):
    """The program is gone: no statement of it comes after this."""


class Case:
    """A database in one of two states, which an act puts in place of each other.

    Args:
        root: The project's folder.
        server: The server.
    """

    def __init__(self, root: Path, server: Server) -> None:
        self.shop = MysqlShop(root, server=server)
        (self.target,) = load_targets(self.shop.root, self.shop.environ)
        system = self.system
        self.fill(self.shop.name, _OLD)
        system.mark(self.mark(_OLD))
        draft = system.begin(None)
        self.fill(draft.url.rpartition("/")[2], _NEW)
        system.keep(draft, "new")
        for folder, name in (("snapshots", "new"), ("undo", "f")):
            path = self.target.make_folder(folder) / f"{name}.json"
            path.write_text("{}")

    def fill(self, name: str, number: int) -> None:
        """Make a state in a database."""
        self.shop.server.run(name, *(each.format(number) for each in _TABLES))

    @property
    def system(self) -> MysqlSystem:
        """What a new program begins with."""
        return MysqlSystem(self.target)

    def mark(self, number: int) -> Marker:
        """Return the mark of a state."""
        return Marker(project="p", environment="e", state=str(number))

    def read(self) -> int:
        """Return which of the states the rows are of, each of them as a whole."""
        (one,), (other,) = self.shop.run(_LOOK[0])[0], self.shop.run(_LOOK[1])[0]
        assert one == other
        return int(one)

    def check(self) -> int:
        """Return which state is there, with all that it has; nothing else is left."""
        system = self.system
        marker = system.read_marker()
        assert marker == self.mark(self.read())
        self.sweep()
        number = self.read()
        assert system.read_marker() == self.mark(number) == marker
        assert self.shop.run(_LOOK[2]) == [(2 * number,)]
        assert self.shop.run(_LOOK[3]) == [(f"SET @noted = {number}",)]
        beside = ["former", "snapshot"] if number == _NEW else ["snapshot"]
        assert self.shop.beside() == beside
        assert self.read_code() == ""
        return number

    def read_code(self) -> str:
        """Return the code that is in no database any more."""
        texts = (each.read_text() for each in self.target.folder.glob("code/*.sql"))
        return "".join(texts)

    def sweep(self) -> None:
        """Begin as each command does."""
        system = self.system
        with system.hold():
            system.sweep()

    def place(self) -> None:
        """Put the new state in place."""
        system = self.system
        with system.hold():
            system.place("new", self.mark(_NEW), "f")

    def put_back(self, kept: str = "g") -> None:
        """Put the old state in place."""
        system = self.system
        with system.hold():
            system.put_back("f", self.mark(_OLD), kept)
            system.forget_former(kept)


@pytest.fixture
def case(tmp_path: Path, mysql: Server) -> Case:
    """Return one whose old state is in place."""
    return Case(tmp_path, mysql)


@contextlib.contextmanager
def cutting(number: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Cut this program off at a statement that is no question; yield those before."""
    told: list[str] = []
    begin: Callable[..., None] = mysession.Session.__init__

    def begin_cut(self: Any, execute: Callable[[str], Any]) -> None:
        def execute_cut(query: str) -> Any:
            if len(told) >= number:
                raise Cut
            if not query.startswith(_QUESTIONS):
                told.append(query)
                if len(told) >= number:
                    raise Cut
            return execute(query)

        begin(self, execute_cut)

    with monkeypatch.context() as patch:
        patch.setattr(mysession.Session, "__init__", begin_cut)
        yield told


@pytest.mark.parametrize("act", ["place", "put_back"])
def test_a_cut_leaves_the_old_or_the_new(
    case: Case, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    """The next command goes on or back: triggers, views and all are there again."""
    before, after = (_OLD, _NEW) if act == "place" else (_NEW, _OLD)
    if act == "put_back":
        case.place()
    seen: list[int] = []
    is_whole = False
    while not is_whole:
        with cutting(len(seen) + 1, monkeypatch):
            try:
                getattr(case, act)()
            except Cut:
                pass
            else:
                is_whole = True
        seen.append(case.check())
        if seen[-1] == after and not is_whole:
            case.put_back() if act == "place" else case.place()
    assert {*seen} == {before, after}
    assert seen == sorted(seen, key=[before, after].index)
    assert len(seen) > 20


def test_a_program_that_is_killed_while_it_waits_does_nothing_later(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its statement waits on at the server; the next command is before it."""
    shop = case.shop
    # Who is in the way came after it was waited for others.
    monkeypatch.setattr(myexchange, "wait_for_tables", lambda *_: None)
    monkeypatch.setattr(mysession, "LOCK_WAIT_S", 3)
    with contextlib.closing(shop.server.connect(shop.name)) as other:
        other.begin()
        other.cursor().execute("SELECT * FROM notes")
        pid = fork(case.place)
        look = (
            "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'RENAME%' "
            "AND state LIKE 'Waiting for table metadata lock'"
        )
        wait_until(lambda: shop.run(look))
        end(pid)
        thread = threading.Thread(target=case.sweep)
        thread.start()
        thread.join(0.2)
        other.commit()
        thread.join()
    assert shop.run(look) == []
    assert case.check() in {_OLD, _NEW}


def end(pid: int) -> None:
    """Kill a fork, and wait for it."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_a_server_that_is_killed_has_the_old_or_the_new(tmp_path: Path) -> None:
    """And never some tables of both."""
    with running_mariadb() as running:
        case = Case(tmp_path, running.server)
        seen = [_crash(case, running, wait) for wait in (0.0, 0.01, 0.02, 0.04)]
    assert {*seen} <= {_OLD, _NEW}


def _crash(case: Case, running: Running, wait_s: float) -> int:
    def crash() -> None:
        running.stop(signal.SIGKILL)

    timer = threading.Timer(wait_s, crash)
    timer.start()
    with contextlib.suppress(SceneshiftError):
        case.place()
    timer.join()
    running.start()
    found = case.check()
    if found == _NEW:
        case.put_back()
    return found


def test_a_change_that_is_cut_off_can_be_taken_back(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one fails it is by itself, and what was done of it is kept."""
    shop = case.shop

    def change(_database: object) -> None:
        shop.run(
            "ALTER TABLE tasks ADD COLUMN more INT",
            "INSERT INTO tasks VALUES (9, 9)",
        )
        raise SceneshiftError("nonsense", hint="mend it")

    seen: list[str] = []
    said = ""
    while not said:
        with cutting(len(seen) + 1, monkeypatch):
            try:
                system = case.system
                with system.hold():
                    system.change(change, case.mark(_NEW), "f")
            except Cut:
                pass
            except SceneshiftError as error:
                said = error.message
        case.sweep()
        marker = case.system.read_marker()
        assert marker is not None
        seen.append(marker.state)
        if marker == case.mark(_NEW):
            case.put_back()
        for each in ("f", "f-later"):
            case.system.forget_former(each)
        assert case.check() == _OLD
        assert shop.run("SELECT * FROM tasks") == [(_OLD,)]
    assert "is in place again" in said
    assert {*seen} == {"1", "2"}
    assert len(seen) > 20


@pytest.mark.parametrize("count", [1, 2, 3])
def test_tables_that_were_moved_in_part_move_back(
    case: Case, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """As a server leaves them that was killed and cannot take that back."""
    shop = case.shop
    number = 0
    told: list[str] = []
    while not (told and told[-1].startswith("RENAME")):
        number += 1
        with cutting(number, monkeypatch) as told, contextlib.suppress(Cut):
            case.place()
        if not told[-1].startswith("RENAME"):
            case.check()
    moves = told[-1].removeprefix("RENAME TABLE ").split(", ")
    assert len(moves) == 5
    shop.run(f"RENAME TABLE {', '.join(moves[:count])}")
    case.sweep()
    assert case.check() == _OLD


@contextlib.contextmanager
def refusing(
    pattern: str, monkeypatch: pytest.MonkeyPatch, code: int = 1205
) -> Iterator[None]:
    """Have the server refuse statements: by default, it waits for others in vain."""
    begin: Callable[..., None] = mysession.Session.__init__

    def begin_refused(self: Any, execute: Callable[[str], Any]) -> None:
        def execute_refused(query: str) -> Any:
            if re.match(pattern, query):
                raise mysession.StatementError("no", hint="wait", code=code)
            return execute(query)

        begin(self, execute_refused)

    with monkeypatch.context() as patch:
        patch.setattr(mysession.Session, "__init__", begin_refused)
        yield


_TRIGGER = r"CREATE .*TRIGGER"


def test_what_was_there_is_known_though_the_exchange_is_not_at_its_end(
    case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is removed, nor changed, that the next command has to go on with."""
    system = case.system
    done: list[object] = []
    with refusing(_TRIGGER, monkeypatch):
        with system.hold():
            system.place("new", case.mark(_NEW), "f")
            assert system.has_former("f")
            with pytest.raises(HalfwayError, match="is between two states"):
                system.forget_former("f")
        assert "has no triggers yet" in capsys.readouterr().err
        with pytest.raises(HalfwayError):
            change_database(case.target, "migrate", "r1", done.append)
    assert not done
    assert case.check() == _NEW
    assert "not gone through its triggers: noted" in capsys.readouterr().err

    with refusing(_TRIGGER, monkeypatch), system.hold():
        system.put_back("f", case.mark(_OLD), "f-later")
        for _ in range(2):
            assert not system.has_former("f")
            assert system.has_former("f-later")
            with pytest.raises(HalfwayError):
                system.sweep()
    system.forget_former("f-later")
    assert case.check() == _OLD


def test_a_migration_that_fails_and_is_in_use_is_taken_back_later(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it takes for that is not removed with the change."""

    def change(_database: object) -> None:
        case.shop.run("ALTER TABLE tasks ADD COLUMN more INT")
        raise SceneshiftError("nonsense", hint="mend it")

    system = case.system
    with refusing(_TRIGGER, monkeypatch), system.hold():
        with pytest.raises(SceneshiftError, match="is in place again"):
            system.change(change, case.mark(_NEW), "f")
        assert system.has_former("f-later")
        with pytest.raises(HalfwayError):
            system.forget_former("f")
    system.forget_former("f-later")
    assert case.check() == _OLD


def test_a_cut_while_it_goes_back_leaves_the_old(
    case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each time, the next command goes back to the end."""
    refused = f"RENAME TABLE `{case.shop.name}`"
    with (
        refusing(refused, monkeypatch),
        cutting(10**6, monkeypatch) as told,
        pytest.raises(BusyError, match="is as it was"),
    ):
        case.place()
    assert "not gone through its triggers: noted" in capsys.readouterr().err
    assert case.check() == _OLD
    starts = [each.startswith("RENAME") for each in told]
    for number in range(starts.index(True) + 2, len(told)):
        with (
            refusing(refused, monkeypatch),
            cutting(number, monkeypatch),
            pytest.raises(Cut),
        ):
            case.place()
        assert case.check() == _OLD


def test_what_the_server_does_after_its_answer_was_lost_is_done(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though this program has begun to go back by then."""
    begin: Callable[..., None] = mysession.Session.__init__
    late: list[str] = []

    def begin_late(self: Any, execute: Callable[[str], Any]) -> None:
        def execute_late(query: str) -> Any:
            if query.startswith(f"RENAME TABLE `{case.shop.name}`"):
                late.append(query)
                raise mysession.StatementError("lost", hint="wait", code=2013)
            if query.startswith("RENAME TABLE"):
                case.shop.run(late.pop())
            return execute(query)

        begin(self, execute_late)

    with monkeypatch.context() as patch:
        patch.setattr(mysession.Session, "__init__", begin_late)
        case.place()
    assert case.check() == _NEW


def test_triggers_stay_while_others_are_waited_for(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what these write would not go through them."""
    monkeypatch.setattr(mysession, "LOCK_WAIT_S", 1)
    with contextlib.closing(case.shop.server.connect(case.shop.name)) as other:
        other.begin()
        other.cursor().execute("SELECT * FROM notes")
        with (
            cutting(10**6, monkeypatch) as told,
            pytest.raises(BusyError, match="in use all the time: root@"),
        ):
            case.place()
    assert not [each for each in told if "DROP TRIGGER" in each]
    assert case.check() == _OLD


def test_the_text_of_what_cannot_be_made_again_is_kept(
    case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where the server lets nobody make triggers, but remove them."""
    refused = f"RENAME TABLE `{case.shop.name}`"
    with (
        refusing(_TRIGGER, monkeypatch, code=1419),
        refusing(refused, monkeypatch),
        pytest.raises(BusyError),
    ):
        case.place()
    said = capsys.readouterr().err
    assert "not kept: trigger noted: no" in said
    assert "the text of trigger noted is in .sceneshift/" in said
    text = case.read_code()
    assert "DELIMITER" in text
    assert case.shop.run(_LOOK[3]) == []
    (path,) = case.target.folder.glob("code/*.sql")
    parts = path.read_text().split("$$$\n")
    case.shop.run(parts[1])
    path.unlink()
    assert case.check() == _OLD


def test_what_others_make_meanwhile_is_not_lost(
    case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It stays; and where it has a name that is needed, its text does."""
    shop = case.shop
    with cutting(10**6, monkeypatch) as told:
        case.place()
    number = next(n for n, each in enumerate(told) if each.startswith("RENAME")) + 2
    case.put_back()
    with cutting(number, monkeypatch), contextlib.suppress(Cut):
        case.place()
    shop.run("CREATE VIEW mine AS SELECT 1 AS id")
    shop.run("CREATE OR REPLACE VIEW latest AS SELECT 99 AS id")
    case.sweep()
    assert shop.run("SELECT id FROM mine") == [(1,)]
    assert shop.run(_LOOK[2]) == [(2 * _NEW,)]
    assert "select 99" in case.read_code()
    said = capsys.readouterr().err
    assert "view mine was made meanwhile, and stays" in said
    assert "the text of view latest is in" in said


def test_a_view_of_tables_that_go_goes_with_them(case: Case) -> None:
    """The server shows it in other words as soon as they are gone."""
    shop = case.shop
    shop.run(
        "CREATE TABLE more (id INT)",
        "CREATE VIEW counted AS SELECT id, count(*) AS n FROM more GROUP BY 1",
    )
    case.place()
    assert case.check() == _NEW
    assert "counted" not in str(shop.run("SHOW TABLES"))
    case.put_back()
    assert shop.run("SELECT * FROM counted") == []
    assert case.check() == _OLD


def test_a_view_may_have_the_name_of_a_table_that_comes(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes and comes as triggers do."""
    shop, look = case.shop, "SHOW FULL TABLES LIKE 'notes'"
    shop.run("DROP TABLE notes", "CREATE VIEW notes AS SELECT id FROM tasks")
    refused = f"RENAME TABLE `{shop.name}`"
    with refusing(refused, monkeypatch), pytest.raises(BusyError):
        case.place()
    assert shop.run(look) == [("notes", "VIEW")]
    case.place()
    assert shop.run(look) == [("notes", "BASE TABLE")]
    case.put_back()
    assert shop.run(look) == [("notes", "VIEW")]
    assert case.check() == _OLD


def test_a_server_that_wants_primary_keys_has_them(case: Case) -> None:
    """Of our tables, too."""
    server = case.shop.server
    server.run("", "SET GLOBAL innodb_force_primary_key = ON")
    try:
        case.place()
    finally:
        server.run("", "SET GLOBAL innodb_force_primary_key = OFF")
    assert case.check() == _NEW


def test_code_is_made_in_the_character_set_of_its_state(case: Case) -> None:
    """It has that of the database when it is made."""
    shop = case.shop
    words = f"ALTER DATABASE {shop.name} COLLATE"
    shop.run(f"{words} utf8mb4_bin", "CREATE PROCEDURE nothing() DO 1")
    case.place()
    shop.run(f"{words} utf8mb4_general_ci")
    case.put_back()
    look = (
        "SELECT database_collation FROM information_schema.routines "
        "WHERE routine_schema = database()"
    )
    assert shop.run(look) == [("utf8mb4_bin",)]


def test_a_server_that_gives_no_lock_is_not_waited_for() -> None:
    """It answers NULL where it has no memory for one."""

    def execute(query: str) -> list[tuple[Any, ...]]:
        return [(None if "get_lock" in query else 1,)]

    lock = holding_lock(mysession.Session(execute), "shop")
    with pytest.raises(SceneshiftError, match="gives no lock of `shop`"), lock:
        pass
