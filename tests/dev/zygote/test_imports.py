"""Modules that are loaded: which of them are the project's."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from sceneshift.dev.zygote.code import Territory
from sceneshift.dev.zygote.imports import Modules

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_project_in_a_folder_named_debugpy_is_one_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the folder from which the debugger itself came is left out."""
    folder = tmp_path / "debugpy"
    folder.mkdir()
    (folder / "of_a_checkout.py").write_text("")
    monkeypatch.syspath_prepend(folder)
    importlib.import_module("of_a_checkout")
    modules = Modules(Territory(str(folder)))
    assert "of_a_checkout" in modules.find()[1]
    modules.left_out = (f"{folder}/",)
    assert "of_a_checkout" not in modules.find()[1]
