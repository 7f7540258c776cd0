from __future__ import annotations

import contextlib
import json
import re
import socket
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from migrating import TABLE
from postgresql import require_password
from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.data.target import Request
from sceneshift.data.wait import wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postgresql import Server

# https://www.postgresql.org/docs/current/protocol-message-formats.html
_SAYS = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
_STARTING = b"E" + (len(_SAYS) + 4).to_bytes(4, "big") + _SAYS


LONG = 100_000


def ask(
    root: Path, *urls: str, within_s: float = 20, as_json: bool = False, **more: Any
) -> None:
    """Wait for databases of these addresses."""
    names = "default", "reports"
    text = '", reports = "'.join(urls)
    assert len(urls) <= len(names)
    (root / "pyproject.toml").write_text(TABLE.format(url=text))
    request = Request(root=root, environ={}, as_json=as_json, **more)
    wait(request, within_s=within_s)


@contextlib.contextmanager
def starting(path: Path, server: Server, times: int) -> Iterator[None]:
    """Be a server at a socket that starts for the first connections, and then is up."""
    over = threading.Event()

    def serve(listener: socket.socket) -> None:
        for number in range(times + 1):
            client = listener.accept()[0]
            if number < times:
                with client:
                    client.recv(4096)
                    client.sendall(_STARTING)
        with client, socket.socket(socket.AF_UNIX) as real:
            real.connect(f"{server.folder}/.s.PGSQL.5432")
            pumps = [
                threading.Thread(target=pump, args=pair)
                for pair in ((client, real), (real, client))
            ]
            for each in pumps:
                each.start()
            for each in pumps:
                each.join()
        over.set()

    def pump(one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := one.recv(65536):
                other.sendall(chunk)
            other.shutdown(socket.SHUT_WR)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield
        thread.join(30)
        assert over.is_set()


@pytest.mark.needs("postgresql")
def test_a_server_that_starts_is_waited_for(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says so itself; a query is what counts, not a port that is open."""
    url = server.url(driver="psycopg").replace(str(server.folder), str(tmp_path))
    with starting(tmp_path / ".s.PGSQL.5432", server, 5):
        ask(tmp_path, url, "sqlite://")
    said = capsys.readouterr().err
    assert re.search(r"s: waits for postgres: .*system is starting up", said)
    assert re.search(r"done: postgres answers after \d", said)


@pytest.mark.needs("postgresql")
def test_what_waiting_does_not_mend_is_told_at_once(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each with what does."""
    require_password(server, "waiting", "right")
    with pytest.raises(SceneshiftError, match='"none" does not exist') as caught:
        ask(tmp_path, server.url("none", "psycopg"), within_s=LONG)
    assert caught.value.hint == "make it: inv data.create"
    url = server.url(driver="psycopg").replace("postgres@", "waiting:wrong@")
    with pytest.raises(SceneshiftError, match="password authentication") as caught:
        ask(tmp_path, "sqlite:///a.db", url, within_s=LONG, as_json=True)
    assert caught.value.hint == "mend DATABASE_URL_REPORTS: inv env.show"
    said = json.loads(capsys.readouterr().out)
    first, second = said["databases"]
    assert (first["is_answering"], first["problem"]) == (True, None)
    assert (second["is_answering"], second["after_s"]) == (False, None)
    assert "wrong" not in second["problem"]
    for user in ("nobody:x@", "waiting@"):
        refused = server.url(driver="psycopg").replace("postgres@", user)
        with pytest.raises(SceneshiftError, match="postgresql says"):
            ask(tmp_path, refused, within_s=LONG)


@pytest.mark.parametrize(
    "said",
    [
        "(1045, \"Access denied for user 'me'@'localhost' (using password: YES)\")",
        "(1044, \"Access denied for user 'me'@'%' to database 'shop'\")",
        "no pg_hba.conf entry for host",
    ],
)
def test_words_of_a_refusal_are_known(said: str) -> None:
    """Of other systems too."""
    from sceneshift.data.wait import _REFUSED  # noqa: PLC0415

    assert _REFUSED.search(said)


def test_the_time_is_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what each said last; the others have answered."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"postgresql+psycopg://me:pw@127.0.0.1:{free.getsockname()[1]}/shop"
        with pytest.raises(SceneshiftError) as caught:
            ask(tmp_path, url, "sqlite:///a.db", within_s=4, as_json=True)
    assert re.fullmatch(
        "no answer within 4 s: `shop`: postgresql says: .*[Cc]onnection refused.*",
        caught.value.message,
    )
    out, said = capsys.readouterr()
    assert said.count("waits for shop: ") == 1  # and not again while it is the same
    first, second = json.loads(out)["databases"]
    assert (first["name"], first["is_answering"]) == ("default", False)
    assert (second["place"], second["is_answering"]) == ("a.db", True)


def test_a_file_counts_that_can_be_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Or is a database; a folder may still be mounted."""
    ask(tmp_path, "sqlite:///a.db", as_json=True)
    (one,) = json.loads(capsys.readouterr().out)["databases"]
    assert (one["place"], one["is_answering"], one["problem"]) == ("a.db", True, None)
    assert not (tmp_path / "a.db").exists()
    with pytest.raises(SceneshiftError, match=f"there is no folder {tmp_path}/none"):
        ask(tmp_path, "sqlite:///none/a.db", within_s=0.1)
    (tmp_path / "text.db").write_text("a text of some length, which is no database")
    with pytest.raises(SceneshiftError, match="file is not a database"):
        ask(tmp_path, "sqlite:///text.db", within_s=LONG)
    closed = next(each for each in (Path("/proc/self"), Path("/")) if each.exists())
    with pytest.raises(SceneshiftError, match=r"cannot be made: .* is not writable"):
        ask(tmp_path, f"sqlite:///{closed / 'a.db'}", within_s=LONG)


def test_a_file_that_is_locked_is_waited_for(tmp_path: Path) -> None:
    """A writer that has it alone ends at some time."""
    path = tmp_path / "a.db"
    with contextlib.closing(sqlite3.connect(path)) as writer:
        writer.execute("CREATE TABLE a (id)")
        writer.commit()
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SceneshiftError, match="database is locked"):
            ask(tmp_path, "sqlite:///a.db", within_s=0.1)
    ask(tmp_path, "sqlite:///a.db")


def test_a_driver_that_is_missing_is_no_reason_to_wait(tmp_path: Path) -> None:
    """It is told what installs it."""
    with pytest.raises(ComponentError, match="the driver `mysqldb`"):
        ask(tmp_path, "mysql+mysqldb://localhost/shop", within_s=LONG)
