from __future__ import annotations

from sceneshift.dev.machine import Began, End, Exited, Launch, Machine, SetupEnded


def test_a_stack_ends_when_its_last_process_has_completed() -> None:
    """Nothing is left to run or to wait for: the supervisor ends with 0."""
    machine = Machine({"a": (), "b": ()})
    machine.handle(Began())
    tokens = {}
    for name in ("a", "b"):
        for action in machine.handle(SetupEnded(name=name, is_ok=True)):
            if isinstance(action, Launch):
                tokens[action.name] = action.token
    first = machine.handle(Exited(name="a", token=tokens["a"], code=0))
    last = machine.handle(Exited(name="b", token=tokens["b"], code=0))
    assert End(code=0) not in first
    assert End(code=0) in last
