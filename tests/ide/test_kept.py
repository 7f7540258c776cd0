from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from editing import make_project, read, render
from sceneshift.ide.rendering import render_files

if TYPE_CHECKING:
    from pathlib import Path

PROCFILE = {"Procfile": "web: uvicorn shop:app"}
TEMPLATE = "templates/vscode/extensions.json.jinja"


def recommended(root: Path) -> list[str]:
    """Return what is recommended to install."""
    (section,) = render(root)[".vscode/extensions.json"].sections
    return [*section.entries]


def falsify(root: Path) -> None:
    """Have what is kept be another than what is made."""
    path = root / ".sceneshift" / "templates" / "rendered.kept"
    kept = json.loads(path.read_bytes())
    kept["texts"]["vscode/extensions.json.jinja"] = '{"recommendations": ["kept"]}'
    path.write_text(json.dumps(kept))


def test_what_was_made_is_not_made_again(tmp_path: Path) -> None:
    """By the same templates, of the same project."""
    make_project(tmp_path, {**PROCFILE, "templates/other.html": ""})
    for name, target in (("nowhere", "nothing"), ("here", "."), ("loop", "loop")):
        (tmp_path / "templates" / name).symlink_to(target)
    recommended(tmp_path)
    falsify(tmp_path)
    assert recommended(tmp_path) == ["kept"]


@pytest.mark.parametrize(
    "files",
    [
        {"Procfile": "web: uvicorn shop:app --reload"},
        {TEMPLATE: '{"recommendations": ["own"]}'},
        {"templates/other.html": "that a template may include"},
        {"pyproject.toml": "[tool.sceneshift.ide]\nsettings = true"},
        {".sceneshift/templates/rendered.kept": "{"},
    ],
)
def test_it_is_made_again_where_anything_is_another(
    tmp_path: Path, files: dict[str, str]
) -> None:
    """The project, a template, or what is kept."""
    make_project(tmp_path, PROCFILE)
    recommended(tmp_path)
    falsify(tmp_path)
    make_project(tmp_path, files)
    expected = (
        ["own"] if TEMPLATE in files else ["ms-python.python", "ms-python.debugpy"]
    )
    assert recommended(tmp_path) == expected


def test_what_is_only_tried_is_not_kept(tmp_path: Path) -> None:
    """It would take the place of what comes again."""
    make_project(tmp_path, PROCFILE)
    render_files(read(tmp_path), tmp_path, is_kept=False)
    assert not (tmp_path / ".sceneshift" / "templates" / "rendered.kept").exists()


def test_jinja_is_not_imported_where_nothing_is_made(tmp_path: Path) -> None:
    """That is a quarter of the whole command."""
    make_project(tmp_path, PROCFILE)
    render(tmp_path)
    words = (
        "import sys; from pathlib import Path; from editing import render; "
        f"render(Path({str(tmp_path)!r})); print('jinja2' in sys.modules)"
    )
    environ = {"PYTHONPATH": "tests", "PATH": "/nowhere"}
    said = subprocess.check_output(
        [sys.executable, "-c", words], env=environ, text=True
    )
    assert said == "False\n"
