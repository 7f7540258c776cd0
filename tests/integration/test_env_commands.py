"""`inv env.*` from the command line, and beside a stack that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stacks import STAY

if TYPE_CHECKING:
    from stacks import MakeProject

STAGING = "[tool.sceneshift.environments.staging]\n"


def test_the_environment_that_runs_is_told(make_project: MakeProject) -> None:
    """By the stack itself, whichever is active."""
    project = make_project(processes={"app": STAY}, settings=STAGING)
    project.start("--env", "staging").wait_status(app="ready")
    listed = {each["name"]: each for each in project.ask("env.list")["environments"]}
    assert {name: each["is_running"] for name, each in listed.items()} == {
        "development": False,
        "staging": True,
    }
    assert listed["development"]["is_active"]


@pytest.mark.parametrize(
    "words", [("env.show", "staging"), ("env.show", "--env", "staging")]
)
def test_an_environment_is_named_with_or_without_a_flag(
    make_project: MakeProject, words: tuple[str, ...]
) -> None:
    """Both mean the same."""
    project = make_project(processes={"app": STAY}, settings=STAGING)
    assert project.ask(*words)["environment"] == "staging"
    both = project.ask("env.show", "staging", "--env", "staging")
    assert both["environment"] == "staging"


def test_two_environments_at_once_are_refused(make_project: MakeProject) -> None:
    """Bad usage, said in the usual two lines."""
    project = make_project(processes={"app": STAY}, settings=STAGING)
    said = project.refuse("env.show", "staging", "--env", "development", code=2)
    assert said == (
        "error: one environment is to be named, found: staging, development\n"
        "hint: see which there are: inv env.list\n"
    )
