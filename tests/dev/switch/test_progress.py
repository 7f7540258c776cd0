"""What is told of a switch that has only been asked for."""

from __future__ import annotations

from sceneshift.dev.switch.progress import Progress


def test_before_anything_is_begun_nothing_is_waited_for() -> None:
    """The environment is called as it was asked for."""
    told = Progress("stage", "development").describe()
    assert told.pop("since").endswith("Z")
    assert told == {
        "environment": "stage",
        "former": "development",
        "waiting": [],
        "ready": [],
    }
