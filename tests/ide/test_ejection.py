from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import UsageError
from sceneshift.ide.ejection import eject
from sceneshift.ide.templates import list_templates, read_template

if TYPE_CHECKING:
    from pathlib import Path

NAME = "vscode/launch.json.jinja"


def test_a_template_is_copied_to_be_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With or without its ending; one that is there is not overwritten."""
    eject(tmp_path, ["vscode/launch.json", "package.json.jinja"])
    own = tmp_path / "templates" / NAME
    assert own.read_bytes() == read_template(NAME)
    own.write_text("mine")
    with pytest.raises(UsageError, match=r"launch[.]json[.]jinja is there already"):
        eject(tmp_path, ["vscode/tasks.json", "vscode/launch.json"])
    assert own.read_text() == "mine"
    assert not (tmp_path / "templates/vscode/tasks.json.jinja").exists()
    capsys.readouterr()
    eject(tmp_path, [])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(list_templates())
    assert f"{NAME}  (the project has its own)" in lines


def test_a_mistyped_template_is_told(tmp_path: Path) -> None:
    """With the nearest one."""
    with pytest.raises(UsageError, match=r"no template `vscode/lunch\.json`") as caught:
        eject(tmp_path, ["vscode/lunch.json"])
    assert caught.value.hint == f"did you mean `{NAME}`?"
