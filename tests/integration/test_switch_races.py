"""A switch while a stack is just starting, or is started while it is at it."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from reloading import TASKS
from support import free_port
from switching import FILES, MIGRATIONS, active, begin_switch, environments, switch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reloading import Stack

WAITING = "a stack is just starting or ending: waiting for it\n"


def configure(stack: Stack) -> Mapping[str, str]:
    """Return a project with two environments at one address."""
    pyproject = environments(development=stack.port, staging=stack.port)
    return {**FILES, "pyproject.toml": pyproject, "tasks.py": TASKS}


def test_a_stack_that_is_just_starting_is_switched(stack: Stack) -> None:
    """It has read its files, and has no control socket yet: that is waited for."""
    state = stack.root / ".sceneshift"
    state.mkdir(0o700)
    # Which it reads when it has claimed the checkout, and waits for what is written.
    os.mkfifo(state / "dev.stack")
    stack.start(configure(stack))
    with (state / "dev.stack").open("w"):
        client = begin_switch(stack, "staging")
        assert client.stderr is not None
        assert client.stderr.readline() == WAITING
        assert active(stack) is None
        (state / "dev.stack").unlink()
    _said, errors = client.communicate(timeout=30)
    assert client.returncode == 0, errors
    assert "done: switched from `development` to `staging`" in errors
    assert (stack.get(), active(stack)) == ("staging", "staging\n")


def test_a_start_that_comes_to_nothing_is_not_waited_for(stack: Stack) -> None:
    """Nor is the end of a stack longer than that takes."""
    stack.write(configure(stack))
    switch(stack, "development")
    with (stack.root / ".sceneshift" / "dev.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        client = begin_switch(stack, "staging")
        assert client.stderr is not None
        assert client.stderr.readline() == WAITING
        assert active(stack) == "development\n"
    _said, errors = client.communicate(timeout=30)
    assert errors == "done: nothing runs; the next `inv dev` starts in `staging`\n"
    assert (client.returncode, active(stack)) == (0, "staging\n")


def test_a_stack_that_has_read_its_files_starts_where_a_switch_led(
    stack: Stack,
) -> None:
    """It had not said yet that it runs; it has its ports, too."""
    pyproject = environments(development=free_port(), staging=stack.port)
    stack.write({**configure(stack), "pyproject.toml": pyproject})
    # Which it waits for while it reads them; the switch need not read that one.
    os.mkfifo(stack.root / ".env.slow")
    table = "[tool.sceneshift.environments.development]\n"
    stack.edit("pyproject.toml", table, f"{table}env_files = ['.env.slow']\n")
    request = json.dumps({"root": str(stack.root)})
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "sceneshift.dev", request],
        cwd=stack.root,
        env=stack.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as started:
        with (stack.root / ".env.slow").open("w"):
            done = stack.inv("env.switch", "staging")
            assert "the next `inv dev` starts in `staging`" in done.stderr
        stack.wait_page("staging")
        assert stack.ask("dev.status")["environment"] == "staging"
        assert stack.inv("dev.stop").returncode == 0
        assert started.wait(30) == 0


def test_a_stack_that_is_started_while_it_is_migrated_is_switched(
    stack: Stack,
) -> None:
    """Nothing ran when that began."""
    stack.env["INVOKE_SCENESHIFT_MIGRATIONS"] = "known_migrations"
    files = {"known_migrations.py": MIGRATIONS, "pending-staging": "a1", "hold": ""}
    stack.write({**configure(stack), **files})
    client = begin_switch(stack, "staging", "--migrate")
    stack.wait((stack.root / "migrating").exists)
    stack.start(configure(stack))
    stack.wait_page("development")
    (stack.root / "hold").unlink()
    _said, errors = client.communicate(timeout=30)
    assert client.returncode == 0, errors
    assert "nothing runs" not in errors
    assert stack.ask("dev.status")["environment"] == "staging"
    assert active(stack) == "staging\n"


def test_what_neither_starts_nor_ends_is_told(stack: Stack) -> None:
    """Exit code 5, and nothing is another."""
    stack.write(configure(stack))
    switch(stack, "development")
    with (stack.root / ".sceneshift" / "dev.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = stack.inv("env.switch", "staging")
    assert (done.returncode, active(stack)) == (5, "development\n")
    assert done.stderr.startswith(
        f"{WAITING}error: a stack is just starting or ending in this checkout: "
    )
