"""Installed packages, which a zygote imports ahead where that is safe."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from reloading import Stack

SITE = {
    "threaded.py": (
        "import threading\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    ),
    "socketed.py": "import socket\nkept = socket.socket()\n",
    "forked.py": "import subprocess\nchild = subprocess.Popen(['sleep', '300'])\n",
    "handled.py": ("import signal\nsignal.signal(signal.SIGUSR1, lambda *_: None)\n"),
    # A thread that the kernel alone knows of, as the pools of native libraries are.
    "native.py": (
        "import ctypes\n"
        "libc = ctypes.CDLL(None)\n"
        "number = ctypes.c_ulong()\n"
        "libc.pthread_create(\n"
        "    ctypes.byref(number), None, libc.sleep, ctypes.c_void_p(300)\n"
        ")\n"
    ),
    "numpy/__init__.py": "from . import random\nimport native\n",
    "numpy/random.py": (
        "import random as _random\n"
        "_state = _random.Random(1)\n"
        "seed, rand = _state.seed, _state.random\n"
    ),
    "moody.py": (
        "import os\n"
        "if 'CONFIGURED' not in os.environ:\n"
        "    raise SystemExit('configure me first')\n"
    ),
    "calm.py": "import os\nMODE = os.getenv('MODE', 'none')\nWHERE = os.getpid()\n",
}
USES = """\
import calm, os, random, signal, threading, time
{imports}
import near

signal.signal(signal.SIGTERM, signal.SIG_DFL)
names = sorted(thread.name for thread in threading.enumerate())
print("uses", near.N, calm.MODE, calm.WHERE == os.getpid(), len(names), flush=True)
print("random", random.random(), flush=True)
while True:
    time.sleep(1)
"""


def with_packages(stack: Stack, imports: str = "") -> None:
    """Write a project whose interpreter has packages of its own."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    venv = stack.root.parent / "venv"
    site = venv / "lib" / version / "site-packages"
    site.mkdir(parents=True)
    (venv / "bin").mkdir()
    (venv / "bin" / "python").symlink_to(sys.executable)
    home = Path(os.path.realpath(sys.executable)).parent
    (venv / "pyvenv.cfg").write_text(f"home = {home}\n")
    for name, text in SITE.items():
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).write_text(text)
    stack.write({"site": ""})
    procfile = f"job: {venv}/bin/python uses.py\n"
    uses = USES.format(imports=imports)
    stack.start({"uses.py": uses, "near.py": "N = 0\n", "Procfile.dev": procfile})


def reload(stack: Stack, number: int) -> None:
    """Save, and wait for the new code."""
    stack.wait_ready("job")
    stack.write({"near.py": f"N = {number}\n"})
    stack.wait_output(f"uses {number} ")


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
def test_a_package_that_starts_something_is_imported_anew_each_time(
    stack: Stack, name: str, reason: str
) -> None:
    """It is left out of what is preloaded, which `dev.why` says; others are not."""
    with_packages(stack, imports=f"import {name}")
    stack.wait_output("uses 0 none True")
    stack.wait_output("-- ready")
    stack.wait(lambda: _recall(stack).get("foreign"))
    reload(stack, 1)
    stack.wait(lambda: _recall(stack)["skip"].get(name) == reason)
    reload(stack, 2)
    reload(stack, 3)
    stack.wait_output("uses 3 none False")
    assert stack.ask("dev.why", "job")["left_out"] == {"job": {name: reason}}
    said = stack.inv("dev.why").stderr
    assert said == f"each reload of job imports anew: {name} ({reason})\n"


def test_a_package_that_is_to_be_configured_first_is_imported_later(
    stack: Stack,
) -> None:
    """What it raises where it is alone is nobody's concern."""
    imports = "os.environ['CONFIGURED'] = 'yes'\nimport moody"
    with_packages(stack, imports=imports)
    stack.wait_output("uses 0 none True")
    stack.wait(lambda: "moody" in _recall(stack).get("foreign", ()))
    for number in range(1, 4):
        reload(stack, number)
    stack.wait_output("uses 3 none False")
    assert stack.status("job")["reload"] == "fork"
    assert "configure me" not in stack.output


def _recall(stack: Stack) -> dict[str, Any]:
    path = stack.root / ".sceneshift" / "zygote" / "job.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found


def test_each_generation_has_a_random_state_of_its_own(stack: Stack) -> None:
    """Though all are forks of one process; numpy's own is not seeded by a fork."""
    with_packages(stack, imports="import numpy\nprint('numpy', numpy.random.rand())")
    for number in range(1, 4):
        stack.wait_output(f"uses {number - 1} ")
        stack.wait(lambda: "numpy.random" in _recall(stack).get("foreign", ()))
        reload(stack, number)
    stack.wait(lambda: stack.output.count("random 0") == 4)
    for kind in ("random", "numpy"):
        lines = [each for each in stack.output.splitlines() if f"{kind} 0" in each]
        assert len({line.split()[-1] for line in lines}) == 4


def test_an_environment_that_is_edited_is_the_one_of_preloaded_modules(
    stack: Stack,
) -> None:
    """They are imported anew by another zygote."""
    (stack.root / ".env").write_text("MODE=one\n")
    with_packages(stack)
    stack.wait_output("uses 0 one")
    stack.wait_ready("job")
    stack.write({".env": "MODE=two\n"})
    stack.wait_output("uses 0 two")
    reload(stack, 1)
    stack.wait_output("uses 1 two")


def test_a_package_that_is_installed_is_the_one_that_is_used(stack: Stack) -> None:
    """Site-packages changed: another zygote."""
    with_packages(stack)
    stack.wait_output("uses 0 none")
    stack.wait_ready("job")
    site = next((stack.root.parent / "venv").glob("lib/*/site-packages"))
    (site / "calm.py").write_text("MODE = 'upgraded'\nWHERE = 0\n")
    (site / "calm-2.dist-info").mkdir()
    stack.wait_output("uses 0 upgraded")


def test_a_process_comes_back_when_its_zygote_is_killed(stack: Stack) -> None:
    """The kernel ends its children with it; all of it starts by itself."""
    with_packages(stack)
    stack.wait_output("uses 0 none")
    stack.wait_ready("job")
    pid = stack.pid("job")
    zygote = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(zygote, signal.SIGKILL)
    stack.wait(lambda: stack.output.count("uses 0 none") == 2)
    stack.wait_ready("job")
    reload(stack, 1)
