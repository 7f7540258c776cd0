"""Statements for a server of MariaDB or MySQL."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.errors import SceneshiftError
from sceneshift.data.mysql import session as mysession
from sceneshift.data.mysql.session import (
    Place,
    StatementError,
    find_arguments,
    open_session,
    quote_text,
)
from support import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from mariadb import Server


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mysql+pymysql://h/d", {"host": "h", "port": 3306}),
        (
            "mariadb+asyncmy://me:a%40/b@h:7/d?charset=utf8mb4",
            {"host": "h", "port": 7, "user": "me", "password": "a@/b"},
        ),
        (
            "mysql+aiomysql://me@/d?unix_socket=/run/my.sock",
            {
                "host": "localhost",
                "port": 3306,
                "user": "me",
                "password": "",
                "unix_socket": "/run/my.sock",
            },
        ),
        ("mysql+pymysql://[::1]:7/d", {"host": "::1", "port": 7}),
        ("mysql+pymysql://h/d?ssl_ca=x", None),
        ("mysql+mysqldb://h/d", None),
        ("mysql+pymysql://me:a@b@h/d", None),
        ("mysql+pymysql://h:port/d", None),
        ("postgresql://h/d", None),
    ],
)
def test_a_plain_address_needs_pymysql_alone(url: str, expected: Any) -> None:
    """What it might take for something else, SQLAlchemy takes apart."""
    assert find_arguments(url) == expected


def test_the_names_of_databases_are_taken_as_urls_have_them(tmp_path: Path) -> None:
    """An option stays behind another name, and a slash in a password where it is."""
    url = "mysql+pymysql://me:a/b@h:7/my%20shop?charset=utf8mb4"
    place = Place(url=url, root=tmp_path)

    assert place.name == "my shop"
    renamed = Place(url=place.rename("my/other"), root=tmp_path)
    assert renamed.name == "my/other"
    assert renamed.url == "mysql+pymysql://me:a/b@h:7/my%2Fother?charset=utf8mb4"


@pytest.mark.needs("mariadb")
@pytest.mark.parametrize("is_by_sqlalchemy", [False, True])
def test_a_session_speaks_as_the_server_has_it(
    tmp_path: Path,
    mysql: Server,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_by_sqlalchemy: bool,
) -> None:
    """Values are texts and numbers, and what the server refuses has its number."""
    if is_by_sqlalchemy:
        monkeypatch.setattr(mysession, "find_arguments", lambda _url: None)
    place = Place(url=mysql.url(mysql.make()), root=tmp_path)
    odd = "it's 100 % \\ „ok“ {x} \N{SNOWMAN}"
    with open_session(place) as session:
        session.run("CREATE TABLE t (a VARCHAR(50)) CHARACTER SET utf8mb4")
        session.run(f"INSERT INTO t VALUES ({quote_text(odd)})")  # noqa: S608
        assert session.ask("SELECT a FROM t WHERE a = {odd}", odd=odd) == [(odd,)]
        assert session.ask("SELECT database() = {name}", name=place.name) == [(1,)]
        with pytest.raises(StatementError, match=r"says: Table .* exist") as caught:
            session.run("SELECT * FROM missing")
    assert caught.value.code == 1146
    with open_session(place, "") as session:
        assert session.ask("SELECT database()") == [(None,)]


@pytest.mark.needs("mariadb")
def test_it_needs_no_sqlalchemy(tmp_path: Path, mysql: Server) -> None:
    """That takes longer to import than all the rest."""
    program = (
        "import sys; from pathlib import Path\n"
        "from sceneshift.data.mysql.session import Place, open_session\n"
        "place = Place(url=sys.argv[1], root=Path())\n"
        "with open_session(place) as session: print(session.ask('SELECT 1'))\n"
        "assert 'sqlalchemy' not in sys.modules\n"
    )
    argv = [sys.executable, "-c", program, mysql.url(mysql.make())]
    done = subprocess.run(
        argv, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("[(1,)]\n", 0), done.stderr


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """And the password is not in it."""
    url = f"mysql+pymysql://me:secret@127.0.0.1:{free_port()}/d"
    with (
        pytest.raises(SceneshiftError, match="the server says: Can't connect") as found,
        open_session(Place(url=url, root=tmp_path)),
    ):
        pass
    assert "secret" not in str(found.value)
    assert found.value.hint == "is its server up, and the URL right? inv env.show"
