"""What a killed stack leaves is ended by the next one."""

import os
import subprocess
import sys
from pathlib import Path

from sceneshift.core.paths import StateFolder
from sceneshift.dev.leftovers import end_leftovers, named_stack
from support import wait_until

_SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


def _start(stack: str) -> subprocess.Popen[bytes]:
    env = {**os.environ, "SCENESHIFT_STACK": stack}
    process = subprocess.Popen(_SLEEP, env=env, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_what_a_killed_stack_left_is_ended_by_the_next_start(tmp_path: Path) -> None:
    """The id of the last stack is in the state folder until it ends in order."""
    state = StateFolder(tmp_path)
    (state.make() / "dev.stack").write_text("gone.1")
    with _start("gone.1") as left, _start("other.2") as other:
        with named_stack(state):
            wait_until(lambda: left.poll() is not None)
        assert other.poll() is None
        other.kill()


def test_an_orderly_end_leaves_no_name(tmp_path: Path) -> None:
    """There is nothing to look for next time."""
    state = StateFolder(tmp_path)
    with named_stack(state) as name:
        assert (state.path / "dev.stack").read_text() == name
    assert not (state.path / "dev.stack").exists()


def test_a_name_that_is_no_text_hinders_no_start(tmp_path: Path) -> None:
    """As the disk may give it back after a power cut."""
    state = StateFolder(tmp_path)
    (state.make() / "dev.stack").write_bytes(b"\xff\0")
    with named_stack(state) as name:
        assert name


def test_an_empty_name_ends_nothing() -> None:
    """A file that was cut off names nobody."""
    with _start("") as process:
        assert end_leftovers("") == 0
        assert process.poll() is None
        process.kill()
