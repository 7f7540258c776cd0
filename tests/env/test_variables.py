from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.errors import UsageError
from sceneshift.env.variables import show_variables

if TYPE_CHECKING:
    from pathlib import Path

TABLE = "tool.sceneshift.environments"
FILES = {
    "Procfile": "web: sleep 1\n",
    "pyproject.toml": f"[{TABLE}.development.env]\nLEVEL = 'info'\nAPI_KEY = ''",
    ".env": "LEVEL=debug\nAPI_KEY=abc\nURL=http://u:pw@h/\nLINES='a\nb'\n",
}
SHELL = {"HOME": "/home", "LEVEL": "error"}


@pytest.fixture(name="show")
def make_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what shows the variables of a project: standard output."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)

    def show(**options: Any) -> str:
        asked = {
            "name": None,
            "is_explained": False,
            "is_all": False,
            "as_json": False,
            **options,
        }
        show_variables(tmp_path, SHELL, **asked)
        return capsys.readouterr().out

    return show


def test_what_the_project_defines_is_shown_and_secrets_are_not(show: Any) -> None:
    """Sorted, on one line each; the shell's own variables stay out."""
    rows = [line.split(None, 1) for line in show().splitlines()]
    assert rows == [
        ["variable", "value"],
        ["API_KEY", "***"],
        ["ENVIRONMENT", "development"],
        ["LEVEL", "error"],
        ["LINES", r"a\nb"],
        ["URL", "http://u:***@h/"],
        ["WEB_PORT", "5000"],
        ["WEB_URL", "http://127.0.0.1:5000"],
    ]


def test_a_secret_within_another_value_does_not_show(show: Any, tmp_path: Path) -> None:
    """It came there by a reference; a plain word is none within a longer one."""
    text = (
        "API_KEY=hunter2hunter\nSHORT_KEY=ab\nOPTIONS='-H \"${API_KEY}\" ab'\n"
        "WORD=${API_KEY}s\nDB_PASS=postgres\nDB=postgresql to postgres\nURL=http://h/?k=${API_KEY}&x"
    )
    (tmp_path / ".env").write_text(text)
    shown = dict(line.split(None, 1) for line in show().splitlines())
    assert shown["OPTIONS"] == '-H "***" ab'
    assert shown["WORD"] == "***s"
    assert shown["DB"] == "postgresql to ***"
    assert shown["URL"] == "http://h/?k=***&x"


def test_a_flag_shows_the_shells_too(show: Any) -> None:
    """As a process sees them."""
    assert "HOME" in show(is_all=True)


def test_each_value_is_explained(show: Any) -> None:
    """Where it comes from, then what it overrides, from the strongest down."""
    lines = [line.split() for line in show(is_explained=True).splitlines()]
    start = lines.index(["LEVEL", "error", "process", "environment"])
    assert lines[start + 1 : start + 3] == [
        ["debug", ".env:1", "overridden"],
        ["info", "pyproject.toml", f"{TABLE}.development.env.LEVEL", "overridden"],
    ]
    assert ["WEB_PORT", "5000", "Procfile:1"] in lines
    assert ["ENVIRONMENT", "development", "default"] in lines


def test_json_has_the_sources_in_parts(show: Any) -> None:
    """And no secret, overridden ones included."""
    said = json.loads(show(as_json=True))
    variables = {each["name"]: each for each in said["variables"]}
    key = variables["API_KEY"]
    assert (key["value"], key["is_secret"]) == ("***", True)
    assert key["source"] == {"kind": "env file", "file": ".env", "line": 2, "key": None}
    assert [one["value"] for one in key["overridden"]] == [""]
    assert variables["URL"]["is_secret"] is True
    assert variables["LEVEL"]["is_secret"] is False


def test_an_unknown_environment_is_refused_with_the_nearest(show: Any) -> None:
    """Bad usage."""
    with pytest.raises(UsageError) as caught:
        show(name="devlopment")
    assert caught.value.hint == "did you mean `development`?"
