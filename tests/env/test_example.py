from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.errors import DriftError
from sceneshift.env.example import check_example

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@pytest.fixture(name="check")
def make_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what checks some files: whether they drift, and what JSON says."""

    def check(files: Mapping[str, str], **environ: str) -> tuple[bool, dict[str, Any]]:
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        try:
            check_example(tmp_path, environ, name=None, as_json=True)
            has_drift = False
        except DriftError:
            has_drift = True
        return has_drift, json.loads(capsys.readouterr().out)

    return check


def test_what_is_missing_on_either_side_is_named(check: Any) -> None:
    """With the place where it does stand."""
    has_drift, said = check(
        {
            ".env.example": "BOTH=1\nONLY_EXAMPLE=2\n",
            ".env": "BOTH=1\n\nONLY_FILE=changeme\n",
            ".env.development": "BOTH=2\nALSO=\nALSO=\n",
        }
    )
    assert has_drift
    assert said == {
        "environment": "development",
        "is_in_step": False,
        "missing_in_example": [
            {"name": "ONLY_FILE", "file": ".env", "line": 3},
            {"name": "ALSO", "file": ".env.development", "line": 2},
        ],
        "missing_in_files": [
            {"name": "ONLY_EXAMPLE", "file": ".env.example", "line": 2}
        ],
        "unfilled": [
            {"name": "ONLY_FILE", "file": ".env", "line": 3},
            {"name": "ALSO", "file": ".env.development", "line": 2},
        ],
    }


def test_what_others_say_need_not_stand_in_a_file(check: Any) -> None:
    """The configuration, the shell and the addresses of processes are places too."""
    settings = "[tool.sceneshift.environments.development.env]\nSET = 'x'"
    has_drift, said = check(
        {
            "Procfile": "web: sleep 1",
            "pyproject.toml": settings,
            ".env.example": "SET=\nSHELL_HAS=\nWEB_URL=\nA=",
            ".env": "A=1",
        },
        SHELL_HAS="x",
    )
    assert (has_drift, said["is_in_step"]) == (False, True)


def test_a_name_in_a_comment_may_be_left_out(check: Any) -> None:
    """The example knows it, and nobody has to set it."""
    example = "# words\n#OPTIONAL=x\n  # export OTHER=1\nA="
    assert not check({".env.example": example, ".env": "A=1"})[0]
    assert not check({".env": "A=1\nOPTIONAL=2\nOTHER=3"})[0]


@pytest.mark.parametrize("files", [{}, {".env": "A=1"}, {".env.example": "A=1"}])
def test_without_two_sides_there_is_nothing_to_compare(
    check: Any, files: Mapping[str, str]
) -> None:
    """As in CI, where no env file is."""
    has_drift, said = check(files)
    assert (has_drift, said["is_in_step"]) == (False, True)


def test_people_get_a_table_and_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is to be filled in is said besides."""
    (tmp_path / ".env.example").write_text("A=1\nB=2\n")
    (tmp_path / ".env").write_text("A=<here>\nC=3\n")
    with pytest.raises(DriftError) as caught:
        check_example(tmp_path, {}, name=None, as_json=False)
    said = capsys.readouterr()
    assert [line.split(None, 2) for line in said.out.splitlines()[1:]] == [
        ["C", ".env:2", ".env.example"],
        ["B", ".env.example:2", "the env files of development"],
    ]
    assert said.err == "still to be filled in: A (.env:1)\n"
    assert caught.value.exit_code == 3


def test_where_all_is_in_step_nothing_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No news is good news."""
    (tmp_path / ".env.example").write_text("A=1\n")
    (tmp_path / ".env").write_text("A=2\n")
    check_example(tmp_path, {}, name=None, as_json=False)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")
