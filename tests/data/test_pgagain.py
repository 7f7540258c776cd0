"""Looks at databases that others exchange meanwhile, on a real server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import pytest

from resetting import ServerShop
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.marker import VIEW
from sceneshift.data.postgresql import again
from sceneshift.data.postgresql.server import StatementError
from sceneshift.data.postgresql.within import PostgresqlWithin
from sceneshift.data.system import find_system
from sceneshift.data.target import load_targets
from sceneshift.data.versions import VersionTable, read_versions
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from postgresql import Server
    from sceneshift.data.postgresql.system import PostgresqlSystem

_END = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted"


@pytest.fixture(scope="module", name="shop")
def _shop(server: Server, tmp_path_factory: pytest.TempPathFactory) -> ServerShop:
    shop = ServerShop(tmp_path_factory.mktemp("again"), "a", server=server)
    shop.reset()
    shop.insert("a", 3)
    return shop


def look_at_versions(system: PostgresqlSystem | PostgresqlWithin) -> object:
    """Return the revisions that its database is at."""
    target = system._target
    return read_versions(target.database, target.root, VersionTable())


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("kind", [find_system, PostgresqlWithin])
@pytest.mark.parametrize(
    ("table", "look"),
    [
        (VIEW, lambda system: system.read_marker()),
        ("a", lambda system: system.count_rows()),
        ("alembic_version", look_at_versions),
    ],
)
def test_who_is_sent_away_looks_again(
    shop: ServerShop,
    kind: Callable[..., PostgresqlSystem | PostgresqlWithin],
    table: str,
    look: Callable[[object], object],
) -> None:
    """Whoever exchanges a database ends the sessions in it."""
    (target,) = load_targets(shop.root, shop.environ)
    expected = look(kind(target))
    with ThreadPoolExecutor() as pool, shop.server.connect(shop.name) as other:
        with other.transaction():
            other.execute(f"LOCK TABLE {table}")
            found = pool.submit(look, kind(target))
            wait_until(partial(shop.server.run, "postgres", _END))
        assert found.result() == expected
    assert expected


def test_an_answer_that_nobody_gives_is_an_error_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Asking goes on for a while, and no longer."""
    monkeypatch.setattr(again, "_PAUSE_S", 0.0)
    asked = []

    def ask() -> NoReturn:
        asked.append("asked")
        raise StatementError("ended", hint="", code="57P01")

    with pytest.raises(StatementError, match="ended"):
        again.ask_again(ask)
    assert len(asked) == 6


def test_who_does_not_get_in_is_told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may just be so: there is no such database."""
    monkeypatch.setattr(again, "_PAUSE_S", 0.0)
    asked = []

    def ask() -> NoReturn:
        asked.append("asked")
        raise SceneshiftError('FATAL: database "a" does not exist', hint="")

    with pytest.raises(SceneshiftError, match="does not exist"):
        again.ask_again(ask)
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("error", "count"),
    [
        (SceneshiftError('connection failed: FATAL: database "a"', hint=""), 2),
        (SceneshiftError("server closed the connection", hint=""), 2),
        (StatementError("not there", hint="", code="42P01"), 2),
        (SceneshiftError("Connection refused", hint=""), 1),
        (StatementError("may not", hint="", code="42501"), 1),
    ],
)
def test_what_passes_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, error: SceneshiftError, count: int
) -> None:
    """A server that is not there, or refuses, is not waited for."""
    monkeypatch.setattr(again, "_PAUSE_S", 0.0)
    asked = []

    def ask() -> str:
        asked.append("asked")
        if len(asked) == 1:
            raise error
        return "answer"

    if count == 1:
        with pytest.raises(SceneshiftError):
            again.ask_again(ask)
    else:
        assert again.ask_again(ask) == "answer"
    assert len(asked) == count
