from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.run.recall import Recall

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_learned_is_there_the_next_time(tmp_path: Path) -> None:
    """New modules are told once; the project's own are those of the last report."""
    path, recall = tmp_path / "web.json", Recall(serves=True)
    assert recall.learn(["a", "b"], ["app"]) == ["a", "b"]
    assert recall.learn(["b", "c"], []) == ["c"]
    recall.save(path)
    assert Recall.load(path) == recall
    assert (recall.foreign, recall.own) == (["a", "b", "c"], ["app"])
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        "\xff",
        json.dumps({"foreign": None, "own": [], "files": []}),
    ],
)
def test_what_cannot_be_used_is_forgotten(tmp_path: Path, text: str) -> None:
    """A truncated file, one of another version, none at all."""
    path = tmp_path / "web.json"
    assert Recall.load(path) == Recall()
    path.write_text(text, encoding="latin-1")
    assert Recall.load(path) == Recall()


def test_values_of_another_kind_are_forgotten(tmp_path: Path) -> None:
    """They would be met only later."""
    path = tmp_path / "web.json"
    kept: dict[str, object] = {
        "foreign": None,
        "own": [],
        "files": [],
        "skip": {},
        "serves": True,
    }
    path.write_text(json.dumps(kept))
    assert Recall.load(path) == Recall()


def test_another_program_need_not_serve(tmp_path: Path) -> None:
    """What was learned of imports may well be true of it."""
    path, recall = tmp_path / "web.json", Recall(foreign=["a"])
    recall.know("script server.py")
    recall.serves = True
    recall.save(path)
    kept = Recall.load(path)
    kept.know("script server.py")
    assert kept.serves
    kept.know("script worker.py")
    assert (kept.serves, kept.foreign) == (False, ["a"])


def test_a_folder_that_cannot_be_written_harms_nothing(tmp_path: Path) -> None:
    """Nothing here has to be kept."""
    Recall().save(tmp_path / "none" / "web.json")
    assert list(tmp_path.iterdir()) == []
