"""What is told of a switch that has only been asked for, and of one that waits."""

from __future__ import annotations

from sceneshift.core.wording import describe_progress
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


def test_where_a_new_process_stands_is_told() -> None:
    """A person is to go on there."""
    web = {"name": "web", "state": "debugging", "setup": None, "breakpoint": "a.py:1"}
    jobs = {"name": "jobs", "state": "waiting", "setup": None, "breakpoint": None}
    told = describe_progress({"waiting": [web, jobs], "ready": []})
    assert (
        told
        == "waits for web (at a breakpoint: a.py:1), jobs (waiting); ready: none yet"
    )
