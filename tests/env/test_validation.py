from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from sceneshift.core.check import Check, CheckState, Maker, Need, fail, ok
from sceneshift.env.validation import examine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from sceneshift.core.check import Subject


def know(monkeypatch: pytest.MonkeyPatch, name: str, **functions: object) -> str:
    """Have a module of a name with some functions."""
    module = ModuleType(name)
    vars(module).update(functions)
    monkeypatch.setitem(sys.modules, name, module)
    return name


def test_a_module_that_is_broken_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot be imported, or says half of its checks."""

    def list_half(_subject: Subject) -> Iterator[Check]:
        yield Check(name="first", look=lambda: ok("fine"))
        raise KeyError("x")

    def list_all(_subject: Subject) -> Iterator[Check]:
        yield Check(name="last", look=lambda: ok("fine"))

    half = know(monkeypatch, "half", list_checks=list_half)
    whole = know(monkeypatch, "whole", list_checks=list_all)
    providers = ["nowhere", half, whole]
    name, found = examine(tmp_path, {}, name=None, providers=providers)
    states = {each.name: each.verdict.state for each in found}
    assert name == "development"
    assert states == {
        "configuration": CheckState.OK,
        "checks of nowhere": CheckState.FAILED,
        "first": CheckState.OK,
        "checks of half": CheckState.FAILED,
        "last": CheckState.OK,
    }


def test_modules_know_what_the_checks_of_others_miss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are asked where something is missing, and need not know anything."""
    need, missing = Need("database", "default"), fail("it is missing", "make it")

    def list_checks(subject: Subject) -> Iterator[Check]:
        yield Check(name="one", look=lambda: subject.judge_missing(need, missing))

    def list_makers(subject: Subject) -> Iterator[Maker]:
        assert (subject.is_next, subject.is_migrated) == (True, True)
        yield Maker(name="it", command="make it", needs=[need])

    plain = know(monkeypatch, "plain", list_checks=list_checks)
    knowing = know(
        monkeypatch, "knowing", list_checks=lambda _: (), list_makers=list_makers
    )
    _name, (_configuration, found) = examine(
        tmp_path,
        {},
        name=None,
        providers=[plain, knowing],
        is_next=True,
        is_migrated=True,
    )
    assert found.verdict.remedy == "left to it"
