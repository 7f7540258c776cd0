"""What a switch would do, read off two stacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sceneshift.core.separation import OwnDatabase
from sceneshift.dev.model import ProcessSpec, SetupStep, StackSpec
from sceneshift.dev.switch.plan import Action, Facts, How, Step, plan_switch

ROOT = Path("/project")


def process(name: str, command: str = "python app.py", **more: Any) -> ProcessSpec:
    """Return a process; its environment is empty, and its port 5000, unless given."""
    fields: dict[str, Any] = {"env": {}, "port": 5000, **more}
    label = f"{name}.1"
    return ProcessSpec(name=name, label=label, command=command, cwd=ROOT, **fields)


def plan(
    old: list[ProcessSpec],
    new: list[ProcessSpec],
    ports: dict[str, set[int]] | None = None,
    forked: set[str] | None = None,
) -> dict[str, Step]:
    """Return the step of each process."""
    numbers = {spec.name: n for n, spec in enumerate([*old, *new])}
    former, target = (
        StackSpec(root=ROOT, environment="any", processes=(*specs,), numbers=numbers)
        for specs in (old, new)
    )
    facts = Facts(
        ports={name: frozenset(found) for name, found in (ports or {}).items()},
        forked=frozenset(forked or ()),
    )
    return {step.process: step for step in plan_switch(former, target, facts)}


def test_a_process_that_is_the_same_is_kept() -> None:
    """Whatever it waits for, and is made before it: its variables tell of that."""
    own = OwnDatabase(name="default", url="a", origin="b", system="postgresql")
    steps = plan([process("web")], [process("web", databases=(own,))])
    assert steps["web"].action is Action.KEEP
    assert not steps["web"].comes_up


def test_what_differs_is_told_by_name_and_without_values() -> None:
    """A value may be a secret."""
    old = process("web", env={"URL": "a://u:secret@h", "SAME": "1", "GONE": "1"})
    new = process("web", "python b.py", env={"URL": "b", "SAME": "1", "NEW": "1"})
    step = plan([old], [new])["web"]
    assert (step.variables, step.settings) == (("GONE", "NEW", "URL"), ("command",))
    assert "secret" not in str(step.as_json())


@pytest.mark.parametrize("name", ["ENVIRONMENT", "SCENESHIFT_ENV", "API_URL", "LEVEL"])
@pytest.mark.parametrize("command", ["python app.py", "npm run dev", "./anything"])
def test_a_program_of_the_project_may_read_all_variables(
    command: str, name: str
) -> None:
    """So it is replaced for any."""
    old, new = (process("web", command, env={name: value}) for value in "ab")
    assert plan([old], [new])["web"].variables == (name,)


@pytest.mark.parametrize("name", ["ENVIRONMENT", "SCENESHIFT_ENV", "API_URL", "LEVEL"])
@pytest.mark.parametrize("command", ["redis-server --port $PORT", "/bin/postgres"])
def test_a_known_server_reads_nothing_of_the_projects(command: str, name: str) -> None:
    """It is kept, with its data and its connections."""
    old, new = (process("api", command, env={name: value}) for value in "ab")
    assert plan([old], [new])["api"].action is Action.KEEP


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("postgres", "PGDATA"),
        ("redis-server --port $PORT", "PORT"),
        ("redis-server ${CONF}", "CONF"),
        ("redis-server", "PATH"),
        ("redis-server", "LC_ALL"),
    ],
)
def test_a_known_server_is_replaced_for_what_it_reads(command: str, name: str) -> None:
    """What its command line names, the system's, and settings of its own."""
    old, new = (process("store", command, env={name: value}) for value in "ab")
    assert plan([old], [new])["store"].variables == (name,)


def test_the_set_up_of_a_known_server_may_read_all() -> None:
    """It is a command of the project's."""
    setup = SetupStep(run="make data")
    old, new = (
        process("store", "postgres", env={"LEVEL": value}, setup=setup)
        for value in "ab"
    )
    assert plan([old], [new])["store"].variables == ("LEVEL",)


def test_processes_are_added_and_removed() -> None:
    """With the ports that they will have and had."""
    steps = plan([process("old", port=1)], [process("new", port=2)])
    assert (steps["new"].action, steps["new"].new_port) == (Action.ADD, 2)
    assert (steps["old"].action, steps["old"].old_port) == (Action.REMOVE, 1)
    assert steps["new"].how is How.BESIDE


OLD, NEW = {"E": "1"}, {"E": "2"}


@pytest.mark.parametrize(
    ("new_port", "held", "how"),
    [
        (5000, {5000}, How.HANDOVER),  # it serves the address that is wanted
        (6000, {5000}, How.BESIDE),
        (5000, set(), How.BESIDE),  # a worker, which serves none
        (6000, {5000, 9000}, How.HANDOVER),  # 9000 stands in the program
    ],
)
def test_a_forked_process_hands_its_address_over(
    new_port: int, held: set[int], how: How
) -> None:
    """To its successor, where that wants it too."""
    new = process("web", env=NEW, port=new_port)
    steps = plan([process("web", env=OLD)], [new], {"web": held}, {"web"})
    assert (steps["web"].how, steps["web"].stops) == (how, ())


def test_a_command_of_the_shell_cannot_run_beside_itself() -> None:
    """On one port; it takes its turn when the old one is stopped."""
    old, new = process("web", "npm run dev", env=OLD), process("web", "npm run dev")
    assert plan([old], [new], {"web": {5000}})["web"].stops == ("web",)
    assert plan([old], [new], {"web": {5000}})["web"].how is How.IN_TURN
    assert plan([old], [new], {"web": set()})["web"].how is How.BESIDE


def test_processes_that_change_places_take_their_turn() -> None:
    """Each stops the one that has its port."""
    old = [process("a", port=1), process("b", port=2)]
    new = [process("a", port=2), process("b", port=1)]
    steps = plan(old, new, {"a": {1}, "b": {2}}, {"a", "b"})
    assert (steps["a"].stops, steps["b"].stops) == (("b",), ("a",))


def test_a_process_that_is_kept_is_never_stopped() -> None:
    """Though another would have its port."""
    store = process("redis", "redis-server")
    new = [store, process("web", port=5000)]
    assert plan([store], new, {"redis": {5000}})["web"].how is How.BESIDE
