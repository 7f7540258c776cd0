from __future__ import annotations

import sys
import threading
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import BusyError, SceneshiftError
from sceneshift.env.pending import apply_pending, find_pending, load_migrations
from sceneshift.env.switch import SwitchRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[..., SwitchRequest]


@pytest.fixture(name="make_request")
def make_request_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return what makes a request, of a module with some functions."""

    def make(**functions: object) -> SwitchRequest:
        module = ModuleType("known")
        vars(module).update(functions)
        monkeypatch.setitem(sys.modules, "known", module)
        return SwitchRequest(
            root=tmp_path, environ={}, name="staging", migrations="known"
        )

    return make


def test_where_nothing_knows_of_migrations_there_are_none(tmp_path: Path) -> None:
    """No module is named, or there is none of the name, nor a package of it."""
    for name in (None, "nowhere", "nowhere.migrations", "sceneshift.nowhere"):
        assert load_migrations(name) is None
        request = SwitchRequest(
            root=tmp_path, environ={}, name="staging", migrations=name
        )
        assert find_pending(request, "staging") == []
        assert apply_pending(request, "staging") == []


def test_a_database_that_does_not_answer_is_let_be(
    make_request: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """The switch is done, nobody waits for ever, nor without a word."""
    never = threading.Event()
    request = make_request(find_pending=lambda *_: never.wait())
    (found,) = find_pending(request, "staging", limit_s=0.05)
    never.set()
    assert found == {
        "database": None,
        "revisions": [],
        "is_applied": False,
        "problem": "nothing was found within 0.05 s",
    }
    assert capsys.readouterr().err == "looking for pending migrations\n"


@pytest.mark.parametrize(("kind", "code"), [(SceneshiftError, 1), (BusyError, 5)])
def test_what_cannot_be_applied_is_no_switch(
    make_request: Make, kind: type[SceneshiftError], code: int
) -> None:
    """What is busy is tried again, what has failed is mended."""

    def migrate(*_: object) -> None:
        raise kind("it is locked", hint="wait")

    with pytest.raises(kind) as caught:
        apply_pending(make_request(migrate=migrate), "staging")
    assert caught.value.message == "not switched to `staging`: it is locked"
    assert (caught.value.exit_code, caught.value.hint) == (code, "wait")
