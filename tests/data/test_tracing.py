from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from sceneshift.data.snapshots.traced import read_trace
from sceneshift.data.snapshots.tracing import Trace

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_packages_that_were_imported_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their names, or by the modules that they say they have."""
    for module in ("blue_paint", "brushes"):
        monkeypatch.setitem(sys.modules, module, ModuleType(module))
    folder = tmp_path / "site-packages"
    for name, modules in {
        "Blue.Paint-1.0.dist-info": None,
        "oil_colours-2.dist-info": "easels\nbrushes\n",
        "canvas-3.1.dist-info": "canvases\n",
        "varnish.egg-info": None,
        "brushes": None,
    }.items():
        (folder / name).mkdir(parents=True)
        if modules is not None:
            (folder / name / "top_level.txt").write_text(modules)
    archive = tmp_path / "archive.zip"
    archive.touch()
    monkeypatch.setattr(sys, "path", [str(archive), str(folder)])
    Trace().write(str(tmp_path / "trace.json"))
    assert read_trace(tmp_path / "trace.json").packages == (
        str(folder / "Blue.Paint-1.0.dist-info"),
        str(folder / "oil_colours-2.dist-info"),
    )
