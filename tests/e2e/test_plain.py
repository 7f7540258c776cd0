from __future__ import annotations

import shutil
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stacks import DEADLINE_S, Project
from support import free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN = Path(__file__).parents[1] / "projects" / "plain"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Project]:
    """Return a project with a Procfile, Flask and Celery, and nothing of ours."""
    root = tmp_path / "plain"
    shutil.copytree(PLAIN, root)
    port = str(free_port())
    project = Project(root, {}, {"PORT": port})
    yield project
    project.close()


def _get(url: str, *, post: bool = False) -> str:
    request = urllib.request.Request(url, method="POST" if post else "GET")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return str(answer.read().decode())
    except OSError as error:
        return str(error)


def test_a_project_that_knows_nothing_of_us_is_reloaded(shop: Project) -> None:
    """`flask run` and `celery worker` run, take a save each, and end clean."""
    stack = shop.start()
    url = stack.wait_status(web="ready", worker="ready")["web"]["url"]
    assert _get(url) == "tea costs 3"
    stack.wait_for("ready.\n")
    assert _get(f"{url}/orders", post=True) == "ordered"
    stack.wait_for("packed tea with a red ribbon")
    shop.write({"shop/prices.py": "TEA = 4\n"})
    wait_until(lambda: _get(url) == "tea costs 4", DEADLINE_S)
    shop.write({"shop/parcels.py": 'RIBBON = "blue"\n'})
    wait_until(lambda: _reloaded(shop) >= {"worker"}, DEADLINE_S)
    assert _get(f"{url}/orders", post=True) == "ordered"
    stack.wait_for("packed tea with a blue ribbon")
    rungs = {each["rung"] for each in shop.ask("dev.why")["reloads"]}
    assert rungs == {"fork"}
    assert stack.stop() == 130


def _reloaded(project: Project) -> set[str]:
    reloads = project.ask("dev.why")["reloads"]
    return {each["process"] for each in reloads if each["outcome"] == "served"}
