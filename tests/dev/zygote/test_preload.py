from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# Where it ends, all that was left running ends with it.
PRELOAD = """
import json, os, signal, sys
from sceneshift.dev.zygote.preload import preload

names, skip = sys.argv[1].split(), sys.argv[2].split()
refused = preload(names, frozenset(skip))
print(json.dumps([refused, [name for name in names if name in sys.modules]]))
sys.stdout.flush()
os.killpg(0, signal.SIGTERM)
"""
THREAD = "import threading as t; t.Thread(target=t.Event().wait, daemon=True).start()\n"
# A thread that the kernel alone knows of, as the pools of native libraries are.
NATIVE = """
import ctypes
libc, number = ctypes.CDLL(None), ctypes.c_ulong()
libc.pthread_create(ctypes.byref(number), None, libc.sleep, ctypes.c_void_p(300))
"""
MODULES = {
    "calm": "",
    "moody": "raise SystemExit('configure me first')\n",
    "threaded": THREAD,
    "native": NATIVE,
    "numpy": NATIVE,
    "socketed": "import socket; kept = socket.socket()\n",
    "forked": "import subprocess; child = subprocess.Popen(['sleep', '300'])\n",
    "handled": "import signal; signal.signal(signal.SIGUSR1, print)\n",
    "failing": THREAD + "raise RuntimeError\n",
}


def preload(folder: Path, names: str, skip: str = "") -> list[object]:
    """Return what is refused with the reasons, and what is loaded."""
    for name, source in MODULES.items():
        (folder / f"{name}.py").write_text(source)
    said = subprocess.run(
        [sys.executable, "-c", PRELOAD, names, skip],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
        start_new_session=True,
    )
    found: list[object] = json.loads(said.stdout)
    return found


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("threaded", "starts a thread"),
        ("native", "starts a native thread"),
        ("socketed", "opens a socket"),
        ("forked", "starts a process"),
        ("handled", "installs a signal handler"),
    ],
)
def test_what_an_import_leaves_running_is_noticed(
    tmp_path: Path, name: str, reason: str
) -> None:
    """It is that package's doing, and no other's before or after."""
    refused, loaded = preload(tmp_path, f"calm {name} {name}.part string")
    assert refused == {name: reason}
    assert loaded == ["calm", name, "string"]


def test_a_pool_that_lives_through_a_fork_is_no_reason(tmp_path: Path) -> None:
    """Those of numpy and its like were tried."""
    assert preload(tmp_path, "numpy") == [{}, ["numpy"]]


def test_what_does_not_import_alone_is_left_to_the_program(tmp_path: Path) -> None:
    """Nor is what is to be left out, or is gone."""
    found = preload(tmp_path, "moody nowhere threaded calm", skip="threaded")
    assert found == [{}, ["calm"]]


def test_an_import_that_fails_is_looked_at_as_well(tmp_path: Path) -> None:
    """Else the next one would be blamed, and then the next, for what it has started."""
    refused, _loaded = preload(tmp_path, "failing calm string")
    assert refused == {"failing": "starts a thread"}
