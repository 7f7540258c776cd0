from __future__ import annotations

import os
import venv
import zipfile
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.absence import find_absence

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with an environment of its own."""
    root = tmp_path_factory.mktemp("absence")
    venv.create(root / ".venv", symlinks=True)
    (site,) = (root / ".venv").glob("lib/python3*/site-packages")
    names = ["app.py", "pack/__main__.py", "space/inner.py", "paths/far.py", "x y.py"]
    names += ["elsewhere/linked.py", f"{site}/installed/__init__.py"]
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (site / "elsewhere.pth").write_text(f"{root}/elsewhere\n")
    with zipfile.ZipFile(root / "app.pyz", "w") as archive:
        archive.writestr("__main__.py", "")
    (root / "gone.py").symlink_to("nowhere.py")
    for name in ("poetry", "uv"):
        (root / ".venv" / "bin" / name).symlink_to("/bin/true")
    return root


def find(command: str, folder: Path, **env: str) -> str | None:
    """Return what is said of a command in a project; None where nothing is."""
    programs = folder / ".venv" / "bin"
    known = {"PATH": f"{programs}:{os.defpath}", "VIRTUAL_ENV": f"{folder}/.venv"}
    found = find_absence(command, cwd=folder, env={**known, **env})
    return None if found is None else str(found)


@pytest.mark.parametrize(
    "line",
    [
        "python none.py",
        "python3 none.py --port $PORT",
        "python -u -W error -Xdev none.py",
        "A=1 exec python none.py",
        "env A=1 .venv/bin/python none.py",
        "python $APP",
        'python "${APP:-app.py}"',
        "cd pack && python none.py",
        "python ./pack/../none.py",
        "poetry run python none.py",
        "uv run python none.py",
    ],
)
def test_a_script_that_does_not_exist_is_named(line: str, folder: Path) -> None:
    """Whatever stands before it in a line that needs no shell."""
    said = find(line, folder, APP="none.py", PORT="5000")
    assert said is not None
    assert said.startswith("runs a script that does not exist: `")
    assert said.endswith("none.py`")


def test_it_is_said_where_it_was_looked_for(folder: Path) -> None:
    """A `cd` in the line counts."""
    found = find_absence("cd pack && python no.py", cwd=folder, env=dict(os.environ))
    assert found is not None
    assert found.hint == f"write it, or mend the line; looked at: {folder}/pack/no.py"


@pytest.mark.parametrize(
    "line",
    [
        "python app.py",
        "python 'x y.py'",
        "python pack",
        "python pack/",
        "python app.pyz",
        "python gone.py",  # what the link shows may come
        "python $NONE",
        "python $LATER.py*",
        "python ~/none.py",
        "python -c 'import none'",
        "python -",
        "python",
        "python -m",
        "python -I none.py",  # not read, so not known
        "python none.py | tee log",
        "true; python none.py",
        "sh -c 'python none.py'",
        "uv run none.py",
        "uv run --with x python none.py",
        "cd none && python none.py",
        "sh none.sh",
    ],
)
def test_what_is_there_or_only_the_shell_knows_is_left_alone(
    line: str, folder: Path
) -> None:
    """Nothing that may work is refused."""
    assert find(line, folder) is None


@pytest.mark.parametrize("line", ["python -m none", "python -uB -m none.sub --x"])
def test_a_module_that_does_not_exist_is_named(line: str, folder: Path) -> None:
    """No folder shows it, and the interpreter does not know it either."""
    said = find(line, folder)
    assert said is not None
    assert said.startswith("runs a module that does not exist: `none")


@pytest.mark.parametrize(
    "line",
    [
        "python -m app",
        "python -m pack",
        "python -m space.inner",
        "python -m space.none",  # what is in a package is the package's to say
        "python -m installed",
        "python -m far",
        "python -m linked",
        "python -m http.server",
        "python -m __hello__",
        "python -m .none",
        "nosuch-python -m none || true",
    ],
)
def test_a_module_that_may_be_there_is_left_alone(line: str, folder: Path) -> None:
    """In the folder, on PYTHONPATH, installed, linked to, or Python's own."""
    assert find(line, folder, PYTHONPATH="paths") is None


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 1\n", "no program\n"])
def test_an_interpreter_that_does_not_answer_is_believed(
    text: str, tmp_path: Path
) -> None:
    """What cannot be asked is not known."""
    (tmp_path / "python").write_text(text)
    (tmp_path / "python").chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.defpath}"}
    assert find_absence("python -m none", cwd=tmp_path, env=env) is None
